/**
 * Proposes an organisation file from bills: pods from the attribute that names its teams best, rules with the money each catches,
 * envelopes for people to approve. Everything the bill holds is either caught by a rule or counted as unattributed, exactly.
 */
import { type Decimal, isZero, ratio, sum } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type BillFact, readBillFacts } from './bill-facts.ts';
import { accountTest, type Candidate, type CandidateValue, PODS_MAX, rankCandidates } from './pod-candidates.ts';
import { assignPodIds, slugOf, uniqueId } from './pod-ids.ts';
import { renderProposal } from './render-proposal.ts';
import type { InspectedFile } from '../billing/inspected-file.ts';
import { parseOrganisation } from './read-organisation-file.ts';

/** What a rule catches of a bill in one billing currency; `share` is of that currency's EffectiveCost, null where that is zero. */
export interface Catch {
  readonly billingCurrency: string;
  readonly effectiveCost: Decimal;
  readonly lines: number;
  readonly share: string | null;
}

export interface Proposal {
  readonly yaml: string;
  readonly catches: readonly (Catch & { readonly ruleId: string })[];
  /** What no proposed rule catches. */
  readonly unattributed: readonly Catch[];
}

export interface ProposedPod {
  readonly id: string;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly catches: readonly Catch[];
}

/** A rule's `when` and result as plain data, as they go into the file. */
export interface ProposedRule {
  readonly id: string;
  readonly when: object;
  readonly result: object;
  readonly facts: readonly BillFact[];
  readonly catches: readonly Catch[];
}

/** What a proposal says of the files it is from. */
export interface ProposalFile {
  readonly name: string;
  readonly periods: readonly { readonly start: string; readonly end: string; readonly rowCount: number }[];
}

export interface ProposalParts {
  readonly name: string;
  readonly files: readonly ProposalFile[];
  readonly candidate: Candidate | null;
  readonly pods: readonly ProposedPod[];
  /** Values of the candidate beyond the pods proposed. */
  readonly leftOut: readonly CandidateValue[];
  readonly rules: readonly ProposedRule[];
  /** Rules that would catch some of what is left, for people to consider; not in force. */
  readonly suggestions: readonly ProposedRule[];
  readonly totals: readonly Catch[];
  readonly unattributed: readonly Catch[];
}

const SUGGESTIONS_MAX = 10;

/**
 * Proposes from inspected bills (their archives are read; DuckDB spills below `workDir`).
 * @throws AppError invalid_input where the bills have no line.
 */
export async function proposeOrganisation(
  files: readonly InspectedFile[],
  options: { readonly workDir: string; readonly name?: string },
): Promise<Proposal> {
  const facts = await readBillFacts(files, options.workDir);
  return proposeFromFacts(facts, { files, name: options.name ?? 'Our organisation' });
}

/** The proposal for a bill's facts. */
export function proposeFromFacts(facts: readonly BillFact[], given: Pick<ProposalParts, 'files' | 'name'>): Proposal {
  if (facts.length === 0) {
    throw new AppError(
      'invalid_input',
      'The bill has no line, so there is nothing to propose from. Give a billing period with cost.',
    );
  }
  const totals = catchesOf(facts, facts);
  const candidate = rankCandidates(facts)[0] ?? null;
  const values = candidate?.values.slice(0, PODS_MAX) ?? [];
  const ids = assignPodIds(values.map(({ name }) => name));
  const pods = values.map((value, index) => podOf(value, ids[index] ?? '', candidate, facts));
  const rules = withTaxRule(candidate === null ? [] : rulesOf(candidate, values, ids, facts), facts);
  const caught = new Set(rules.flatMap((rule) => rule.facts));
  const rest = facts.filter((fact) => !caught.has(fact));
  const unattributed = catchesOf(rest, facts);
  const suggestions = candidate?.kind === 'tag' ? accountSuggestions(rest, facts, rules) : [];
  const leftOut = candidate?.values.slice(PODS_MAX) ?? [];
  const yaml = renderProposal({ ...given, candidate, pods, leftOut, rules, suggestions, totals, unattributed });
  // What is proposed must be a file the product takes; a fault here is ours, not the bill's.
  parseOrganisation(yaml, 'the proposal');
  return {
    yaml,
    catches: rules.flatMap((rule) => rule.catches.map((entry) => ({ ruleId: rule.id, ...entry }))),
    unattributed,
  };
}

function podOf(
  value: CandidateValue,
  id: string,
  candidate: Candidate | null,
  facts: readonly BillFact[],
): ProposedPod {
  const needsAlias = candidate?.kind === 'tag' && value.name.trim().toLowerCase() !== id;
  return { id, name: value.name, aliases: needsAlias ? [value.name] : [], catches: catchesOf(value.facts, facts) };
}

function rulesOf(
  candidate: Candidate,
  values: readonly CandidateValue[],
  ids: readonly string[],
  facts: readonly BillFact[],
): ProposedRule[] {
  if (candidate.kind === 'tag') {
    const caught = values.flatMap((value) => value.facts);
    const when = { tag: { [candidate.key]: { exists: true } } };
    return [
      {
        id: `${slugOf(candidate.key, 'pod')}-tag`,
        when,
        result: { podFromTag: candidate.key },
        facts: caught,
        catches: catchesOf(caught, facts),
      },
    ];
  }
  const taken = new Set<string>();
  return values.flatMap((value, index) =>
    byAccount(value.facts).map((group) => {
      const id = uniqueId(`account-${slugOf(value.name, 'unnamed')}`, taken);
      taken.add(id);
      return {
        id,
        when: testOf(group),
        result: { pod: ids[index] ?? '' },
        facts: group,
        catches: catchesOf(group, facts),
      };
    }),
  );
}

/** Tax belongs to nobody in particular: what no other rule took is shared by what the pods cost. */
function withTaxRule(rules: readonly ProposedRule[], facts: readonly BillFact[]): ProposedRule[] {
  const caught = new Set(rules.flatMap((rule) => rule.facts));
  const tax = facts.filter((fact) => fact.chargeCategory === 'Tax' && !caught.has(fact));
  if (tax.length === 0 || rules.length === 0) return [...rules];
  const id = uniqueId('tax', new Set(rules.map((rule) => rule.id)));
  const result = { split: { method: 'proportional', among: 'all' } };
  return [...rules, { id, when: { chargeCategory: 'Tax' }, result, facts: tax, catches: catchesOf(tax, facts) }];
}

/** The accounts that hold most of what a tag does not reach: whoever knows them can say whose they are. */
function accountSuggestions(
  rest: readonly BillFact[],
  facts: readonly BillFact[],
  rules: readonly ProposedRule[],
): ProposedRule[] {
  const accounts = rankCandidates(rest).find(({ kind }) => kind === 'sub-account')?.values ?? [];
  const taken = new Set(rules.map((rule) => rule.id));
  return accounts.slice(0, SUGGESTIONS_MAX).flatMap((account) =>
    byAccount(account.facts).map((group) => {
      const id = uniqueId(`account-${slugOf(account.name, 'unnamed')}`, taken);
      taken.add(id);
      return { id, when: testOf(group), result: { pod: '…' }, facts: group, catches: catchesOf(group, facts) };
    }),
  );
}

/** Facts by provider and account: one name may stand for several accounts, and one number for accounts of two clouds. */
function byAccount(facts: readonly BillFact[]): BillFact[][] {
  const keyOf = (fact: BillFact): string => JSON.stringify(accountTest(fact));
  return [...Map.groupBy(facts, keyOf).values()];
}

function testOf(group: readonly BillFact[]): object {
  return group[0] === undefined ? {} : accountTest(group[0]);
}

/** Sums per billing currency, most lines first; shares are of all facts in that currency. */
function catchesOf(facts: readonly BillFact[], all: readonly BillFact[]): Catch[] {
  const groups = [...Map.groupBy(facts, (fact) => fact.billingCurrency)];
  const catches = groups.map(([billingCurrency, group]) => {
    const effectiveCost = sum(group.map((fact) => fact.effectiveCost));
    const total = sum(all.filter((fact) => fact.billingCurrency === billingCurrency).map((fact) => fact.effectiveCost));
    const lines = group.reduce((count, fact) => count + fact.lines, 0);
    return { billingCurrency, effectiveCost, lines, share: isZero(total) ? null : ratio(effectiveCost, total) };
  });
  return catches.sort(
    (left, right) => right.lines - left.lines || (left.billingCurrency < right.billingCurrency ? -1 : 1),
  );
}

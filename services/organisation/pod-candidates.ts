/**
 * Which attribute of a bill names its teams: a tag key such as `team` or `application`, else the accounts. Each candidate is
 * scored by the share of cost and lines that its largest values hold, how much its name promises, and whether it tells several
 * owners apart at all. The scores only rank; every figure shown is an exact sum.
 */
import { compare, type Decimal, decimal, ratio, subtract, sum, ZERO } from '../kernel/decimal.ts';
import type { BillFact } from './bill-facts.ts';

/** More pods than these nobody would read through; the rest is named in a comment and stays unattributed. */
export const PODS_MAX = 40;

/** How much a tag key's name promises that its values are teams; compared without case, blanks and punctuation. */
const KEY_PROMISES: Readonly<Record<string, number>> = {
  pod: 1,
  team: 1,
  squad: 1,
  application: 0.95,
  app: 0.95,
  appname: 0.95,
  applicationname: 0.95,
  product: 0.9,
  service: 0.85,
  workload: 0.85,
  system: 0.8,
  owner: 0.75,
  project: 0.75,
  businessunit: 0.7,
  costcenter: 0.7,
  costcentre: 0.7,
  department: 0.65,
  costdepartment: 0.65,
  org: 0.5,
};
const SUB_ACCOUNT_PROMISE = 0.5;
const BILLING_ACCOUNT_PROMISE = 0.25;
/** One value tells nobody apart. */
const SINGLE_VALUE_FACTOR = 0.2;
const SHARE_PLACES = 12;

/** One owner a candidate tells apart, with the facts that are its. */
export interface CandidateValue {
  /** As the bill spells it most often; for an account its name, else its id. */
  readonly name: string;
  readonly facts: readonly BillFact[];
  readonly weight: number;
}

export interface Candidate {
  readonly kind: 'tag' | 'sub-account' | 'billing-account';
  /** The tag key in the spelling that holds most, and its other spellings. */
  readonly key: string;
  readonly spellings: readonly string[];
  /** Largest first. */
  readonly values: readonly CandidateValue[];
  readonly score: number;
}

/** The candidates of a bill, best first. */
export function rankCandidates(facts: readonly BillFact[]): Candidate[] {
  const weightOf = createWeights(facts);
  const candidates = [...tagKeys(facts, weightOf)].map(([promiseName, spellings]) => {
    const [key = '', ...others] = spellings;
    const values = groupValues(
      facts,
      (fact) => tagValue(fact, spellings),
      (name) => name.trim().toLowerCase(),
      weightOf,
    );
    return scored({ kind: 'tag', key, spellings: others, values }, KEY_PROMISES[promiseName] ?? 0);
  });
  const exact = (name: string): string => name;
  const subAccounts = groupValues(facts, (fact) => fact.subAccountName ?? fact.subAccountId, exact, weightOf);
  const billingAccounts = groupValues(facts, (fact) => fact.billingAccountId, exact, weightOf);
  candidates.push(
    scored({ kind: 'sub-account', key: 'SubAccountId', spellings: [], values: subAccounts }, SUB_ACCOUNT_PROMISE),
    scored(
      { kind: 'billing-account', key: 'BillingAccountId', spellings: [], values: billingAccounts },
      BILLING_ACCOUNT_PROMISE,
    ),
  );
  return candidates
    .filter(({ values }) => values.length > 0)
    .sort((left, right) => right.score - left.score || (left.key < right.key ? -1 : 1));
}

/** The test that finds the fact's account; where a line names no sub account, it is the billing account's own. */
export function accountTest({
  provider,
  subAccountId,
  billingAccountId,
}: Pick<BillFact, 'provider' | 'subAccountId' | 'billingAccountId'>): object {
  return subAccountId === null
    ? { provider, billingAccountId, subAccountId: { exists: false } }
    : { provider, subAccountId };
}

/** The value a rule finds under a key: of the exact key, else of one that folds to it, else of a further spelling. */
function tagValue(fact: BillFact, spellings: readonly string[]): string | null {
  for (const spelling of spellings) {
    const exact = fact.tags.get(spelling);
    if (exact !== undefined) return exact.trim();
    for (const [key, value] of fact.tags) if (fold(key) === fold(spelling)) return value.trim();
  }
  return null;
}

function scored(candidate: Omit<Candidate, 'score'>, promise: number): Candidate {
  const covered = candidate.values.slice(0, PODS_MAX).reduce((total, { weight }) => total + weight, 0);
  return { ...candidate, score: promise * covered * (candidate.values.length === 1 ? SINGLE_VALUE_FACTOR : 1) };
}

/** Spellings by what a key's name promises, the one that holds most first. */
function tagKeys(facts: readonly BillFact[], weightOf: (fact: BillFact) => number): Map<string, string[]> {
  const held = new Map<string, number>();
  for (const fact of facts) for (const key of fact.tags.keys()) held.set(key, (held.get(key) ?? 0) + weightOf(fact));
  const byPromise = new Map<string, string[]>();
  for (const [key] of [...held].sort(([, left], [, right]) => right - left)) {
    // Cloud consoles put a prefix before the key: `user:team`, `ms:Department`.
    const promiseName = (key.split(':').at(-1) ?? key).toLowerCase().replace(/[^a-z0-9]/g, '');
    if (!Object.hasOwn(KEY_PROMISES, promiseName)) continue;
    const spellings = byPromise.get(promiseName) ?? [];
    byPromise.set(promiseName, spellings);
    if (!spellings.some((spelling) => fold(spelling) === fold(key))) spellings.push(key);
  }
  return byPromise;
}

function groupValues(
  facts: readonly BillFact[],
  valueOf: (fact: BillFact) => string | null,
  identityOf: (name: string) => string,
  weightOf: (fact: BillFact) => number,
): CandidateValue[] {
  const groups = new Map<string, { name: string; facts: BillFact[]; weight: number }>();
  for (const fact of facts) {
    const name = valueOf(fact);
    if (name === null || name === '') continue;
    const group = groups.get(identityOf(name)) ?? { name, facts: [], weight: 0 };
    groups.set(identityOf(name), group);
    group.facts.push(fact);
    group.weight += weightOf(fact);
  }
  return [...groups.values()].sort((left, right) => right.weight - left.weight || (left.name < right.name ? -1 : 1));
}

/**
 * A fact's weight: half its share of the lines, half its share of the cost, both within its currency and regardless of sign. All
 * weights of a bill sum to one.
 */
function createWeights(facts: readonly BillFact[]): (fact: BillFact) => number {
  const lines = facts.reduce((total, fact) => total + fact.lines, 0);
  const currencies = new Map<string, { total: Decimal; lineShare: number }>();
  for (const [currency, group] of Map.groupBy(facts, (fact) => fact.billingCurrency)) {
    const groupLines = group.reduce((total, fact) => total + fact.lines, 0);
    currencies.set(currency, {
      total: sum(group.map((fact) => magnitude(fact.effectiveCost))),
      lineShare: groupLines / lines,
    });
  }
  const weigh = (fact: BillFact): number => {
    const { total, lineShare } = currencies.get(fact.billingCurrency) ?? { total: ZERO, lineShare: 0 };
    const share = compare(total, ZERO) === 0 ? '0' : ratio(magnitude(fact.effectiveCost), total, SHARE_PLACES);
    return (fact.lines / lines + Number(decimal(share)) * lineShare) / 2;
  };
  // Every candidate asks for every fact, and the division is exact and slow.
  const weights = new Map(facts.map((fact) => [fact, weigh(fact)]));
  return (fact) => weights.get(fact) ?? weigh(fact);
}

function magnitude(value: Decimal): Decimal {
  return compare(value, ZERO) < 0 ? subtract(ZERO, value) : value;
}

function fold(key: string): string {
  return key.trim().toLowerCase();
}

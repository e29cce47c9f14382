/**
 * Rules that would catch what no rule matches, each with the money it catches, ready to paste at the end of the file's rules. They
 * are counted as rules are applied: a suggestion catches what those before it leave, so no cost is in two of them and their sums add
 * up to at most what no rule matches.
 *
 * First come tags that name pods already, then resources named after pods, then the tag keys that tell owners apart best, then the
 * accounts (both ranked as `init` ranks them), with the pod left to choose; last the services.
 */
import { tagSpellings } from '../attribution/compile-when.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { compare, type Decimal, decimal, ratio, subtract, sum, ZERO } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import { flow } from '../organisation/flow-yaml.ts';
import { accountTest, rankCandidates } from '../organisation/pod-candidates.ts';
import { slugOf, uniqueId } from '../organisation/pod-ids.ts';
import type { LeftOver, LeftOverFact } from './coverage-figures.ts';

export interface SuggestedRule {
  readonly ruleId: string;
  readonly by: 'tag' | 'resourceName' | 'account' | 'service';
  /** The pods it would give cost to; empty where somebody has to choose. */
  readonly pods: readonly string[];
  /** What it catches after the suggestions before it, in the report's metric and currency. */
  readonly cost: Decimal;
  /** Of what no rule matches; null where that is zero. */
  readonly share: string | null;
  readonly lines: number;
  readonly origins: number;
  /** An entry of `rules` of the organisation file. */
  readonly yaml: string;
}

/** Stands where a pod is to be chosen; no pod can have this id, so a file with it is refused. */
export const WHICH_POD = '<which?>';
const SUGGESTIONS_MAX = 10;
const VALUES_PER_ATTRIBUTE_MAX = 4;
/** Ranking weighs every fact several times; the largest decide it. */
const FACTS_RANKED_MAX = 5_000;

interface Draft {
  readonly name: string;
  readonly by: SuggestedRule['by'];
  readonly when: object;
  readonly result: { readonly pod: string } | { readonly podFromTag: string };
  readonly pods: readonly string[];
  readonly catches: (fact: LeftOverFact) => boolean;
}

/** At most ten suggestions for facts in the order of their money; a pod counts where it is active in the whole of `period`. */
export function suggestRules(
  { facts, smallFacts }: Pick<LeftOver, 'facts' | 'smallFacts'>,
  content: RulebookContent,
  period: { readonly start: IsoDate; readonly end: IsoDate },
): SuggestedRule[] {
  const whole = sum([...facts.map((fact) => fact.cost), smallFacts?.cost ?? ZERO]);
  const names = podNames(content, period);
  const taken = new Set(content.rules.map((rule) => rule.id));
  const suggestions: SuggestedRule[] = [];
  let rest = facts;
  const drafts = [namingTags, namingPrefixes, rankedValues, services];
  for (const draftsOf of drafts) {
    for (const draft of draftsOf(rest, content, names)) {
      if (suggestions.length === SUGGESTIONS_MAX) return suggestions;
      const caught = rest.filter(draft.catches);
      if (caught.length === 0) continue;
      rest = rest.filter((fact) => !draft.catches(fact));
      const ruleId = uniqueId(slugOf(draft.name, 'rule'), taken);
      taken.add(ruleId);
      const cost = sum(caught.map((fact) => fact.cost));
      suggestions.push({
        ruleId,
        by: draft.by,
        pods: draft.pods,
        cost,
        share: compare(whole, ZERO) === 0 ? null : ratio(cost, whole),
        lines: caught.reduce((lines, fact) => lines + fact.lines, 0),
        origins: caught.reduce((origins, fact) => origins + fact.origins, 0),
        yaml: `- ${flow({ id: ruleId, when: draft.when, ...draft.result })}`,
      });
    }
  }
  return suggestions;
}

/** Tag keys whose values are pods' ids or aliases, the one with most money first; a value that names no pod falls through. */
function namingTags(facts: readonly LeftOverFact[], content: RulebookContent, names: PodNames): Draft[] {
  const keys = [...new Set(facts.flatMap((fact) => Object.keys(fact.tags)))];
  const drafts = keys.map((key): Draft & { weight: Decimal } => {
    const valueOf = tagReader(key, content);
    const podOf = (fact: LeftOverFact) => names.find(valueOf(fact) ?? '');
    const caught = facts.filter((fact) => podOf(fact) !== undefined);
    return {
      name: `${key}-tag`,
      by: 'tag',
      when: { tag: { [key]: { exists: true } } },
      result: { podFromTag: key },
      pods: [...new Set(caught.map((fact) => podOf(fact) ?? ''))].sort(),
      catches: (fact) => podOf(fact) !== undefined,
      weight: magnitude(sum(caught.map((fact) => fact.cost))),
    };
  });
  return drafts.sort((left, right) => compare(right.weight, left.weight) || (left.name < right.name ? -1 : 1));
}

function namingPrefixes(facts: readonly LeftOverFact[], _content: RulebookContent, names: PodNames): Draft[] {
  return groupsOf(facts, (fact) => fact.namePrefix).flatMap(({ key: prefix }): Draft[] => {
    const pod = names.find(prefix.slice(0, -1));
    return pod === undefined
      ? []
      : [
          {
            name: `named-${prefix}`,
            by: 'resourceName',
            when: { resourceName: { prefix } },
            result: { pod },
            pods: [pod],
            catches: (fact) => fact.namePrefix === prefix,
          },
        ];
  });
}

/** The values of what `init` would make pods from: a tag key or the accounts, best first, the largest values of each. */
function rankedValues(facts: readonly LeftOverFact[], content: RulebookContent): Draft[] {
  const ranked = facts.slice(0, FACTS_RANKED_MAX).map((fact) => ({
    ...accountOf(fact),
    subAccountName: fact.subAccountName,
    chargeCategory: '',
    billingCurrency: '',
    effectiveCost: fact.cost,
    tags: new Map(Object.entries(fact.tags)),
    lines: fact.lines,
  }));
  const [tags, accounts] = partition(rankCandidates(ranked), ({ kind }) => kind === 'tag');
  return [...tags, ...accounts].slice(0, SUGGESTIONS_MAX).flatMap((candidate) =>
    candidate.values.slice(0, VALUES_PER_ATTRIBUTE_MAX).flatMap((value) => {
      if (candidate.kind !== 'tag') return value.facts.slice(0, 1).flatMap((fact) => accountDraft(fact, value.name));
      const keys = [candidate.key, ...candidate.spellings];
      return keys.map((key) => tagDraft(key, value.name, content));
    }),
  );
}

function partition<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

function tagDraft(key: string, value: string, content: RulebookContent): Draft {
  const fold = (text: string) => (content.tags.fold ? text.trim().toLowerCase() : text);
  const valueOf = tagReader(key, content);
  return {
    name: `${key}-${value}`,
    by: 'tag',
    when: { tag: { [key]: value } },
    result: { pod: WHICH_POD },
    pods: [],
    catches: (fact) => {
      const found = valueOf(fact);
      return found !== null && fold(found) === fold(value);
    },
  };
}

function accountDraft(account: ReturnType<typeof accountOf>, name: string): Draft[] {
  // A rule cannot ask for "no provider".
  if (account.provider === '') return [];
  const testOf = (one: typeof account) => JSON.stringify(accountTest({ ...one, provider: foldProvider(one.provider) }));
  const test = testOf(account);
  return [
    {
      name: `account-${name}`,
      by: 'account',
      when: accountTest(account),
      result: { pod: WHICH_POD },
      pods: [],
      catches: (fact) => testOf(accountOf(fact)) === test,
    },
  ];
}

function services(facts: readonly LeftOverFact[]): Draft[] {
  const keyOf = (fact: LeftOverFact) =>
    fact.provider === null || fact.serviceName === null
      ? null
      : JSON.stringify([foldProvider(fact.provider), fact.serviceName]);
  return groupsOf(facts, keyOf).map(({ key, sample }): Draft => {
    const { provider, serviceName } = sample;
    return {
      name: `service-${serviceName ?? ''}`,
      by: 'service',
      when: { provider, serviceName },
      result: { pod: WHICH_POD },
      pods: [],
      catches: (fact) => keyOf(fact) === key,
    };
  });
}

/** Facts by key, the key with most money first, each with one of its facts. */
function groupsOf(
  facts: readonly LeftOverFact[],
  keyOf: (fact: LeftOverFact) => string | null,
): { readonly key: string; readonly sample: LeftOverFact }[] {
  const groups = [...Map.groupBy(facts, keyOf)].flatMap(([key, group]) =>
    key === null || group[0] === undefined
      ? []
      : [{ key, sample: group[0], weight: magnitude(sum(group.map((fact) => fact.cost))) }],
  );
  return groups.sort((left, right) => compare(right.weight, left.weight) || (left.key < right.key ? -1 : 1));
}

/** Reads a fact's value under a key as a rule that asks for it would: the key's further spellings serve where it has none. */
function tagReader(key: string, { tags }: RulebookContent): (fact: LeftOverFact) => string | null {
  const fold = (text: string) => (tags.fold ? text.trim().toLowerCase() : text);
  const spellings = tagSpellings(tags, key).map(fold);
  return (fact) => {
    for (const spelling of spellings) {
      const value = fact.tags[spelling];
      if (value !== undefined && value !== '') return value;
    }
    return null;
  };
}

function accountOf(fact: LeftOverFact) {
  return {
    provider: fact.provider ?? '',
    billingAccountId: fact.billingAccountId ?? '',
    subAccountId: fact.subAccountId,
  };
}

/** Rules compare providers case-folded. */
function foldProvider(provider: string): string {
  return provider.trim().toLowerCase();
}

interface PodNames {
  find(name: string): string | undefined;
}

/** Pods by id and alias, those that are active on every day of the period. */
function podNames(content: RulebookContent, period: { readonly start: IsoDate; readonly end: IsoDate }): PodNames {
  const fold = (text: string) => (content.tags.fold ? text.trim().toLowerCase() : text);
  const active = content.pods.filter(
    (pod) => (pod.activeFrom ?? period.start) <= period.start && (pod.activeUntil ?? period.end) >= period.end,
  );
  const names = new Map(active.flatMap((pod) => [pod.id, ...pod.aliases].map((name) => [fold(name), pod.id] as const)));
  return { find: (name) => names.get(fold(name)) };
}

function magnitude(value: Decimal): Decimal {
  return compare(value, ZERO) < 0 ? subtract(ZERO, value) : decimal(value);
}

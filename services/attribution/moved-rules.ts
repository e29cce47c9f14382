/**
 * What one rulebook attributes otherwise than another, told from the two contents alone. A rule takes origins by its condition, its dates
 * and its place among the others, and gives them to somebody: these are two things. Rules that take alike and stand in the same order
 * (`kept`) leave an origin with the rule it had, unless one of the others takes it. So an origin is asked again only where the rule that
 * has it is gone, or where a rule that is new or in another place may take it; and where a kept rule gives to somebody else, what it has
 * follows it without being asked.
 *
 * What a rule means depends on more than its own text: the spellings of the tags it tests, and for `podFromTag` the pods that the tag may
 * name.
 */
import { canonicalJson } from './canonical-json.ts';
import { tagSpellings } from './compile-when.ts';
import { kindOf, type Rule, type RulebookContent, type RulebookPod, type RuleWhen } from './rulebook.ts';

/** To whom a rule gives whatever it takes. */
export interface Given {
  readonly ruleId: string;
  readonly kind: 'pod' | 'split' | 'unattributed';
  readonly podId: string | null;
}

export interface MovedRules {
  /** Ids of the former rules that are not kept: an origin that one of them has is asked again. */
  readonly gone: readonly string[];
  /** Conditions in the own tag spellings: an origin for which one holds is asked again. */
  readonly asked: readonly RuleWhen[];
  /** Kept rules that give to somebody else. */
  readonly given: readonly Given[];
}

/** Compares two contents; all lists are empty where every origin is attributed alike. */
export function movedRules(former: RulebookContent, own: RulebookContent): MovedRules {
  const [formerMarks, ownMarks] = [former, own].map((content) =>
    content.rules.map((rule) => markOf(rule, content)),
  ) as [string[], string[]];
  const kept = new Set(longestCommonMarks(formerMarks, ownMarks));
  const isKept = (marks: readonly string[], index: number) => kept.has(marks[index] ?? '');
  const names = namesOfChangedPods(former.pods, own.pods);
  const formerGiven = new Map(former.rules.map((rule) => [rule.id, canonicalJson(givenBy(rule))]));
  const asked: RuleWhen[] = [];
  const given: Given[] = [];
  for (const [index, rule] of own.rules.entries()) {
    if (!isKept(ownMarks, index)) asked.push(takenBy(rule));
    else if (!('podFromTag' in rule)) {
      if (formerGiven.get(rule.id) !== canonicalJson(givenBy(rule))) given.push(givenBy(rule));
    } else if (names.length > 0) asked.push({ all: [rule.when, { tag: { [rule.podFromTag]: names } }] });
  }
  const gone = former.rules.flatMap((rule, index) => (isKept(formerMarks, index) ? [] : [rule.id]));
  return { gone, asked, given };
}

/** Everything that decides what a rule takes, the other rules and the pods that a tag names aside. */
function markOf(rule: Rule, content: RulebookContent): string {
  const { id, from, until, when } = rule;
  const podFromTag = 'podFromTag' in rule ? rule.podFromTag : undefined;
  const keys = [...testedTags(when), ...(podFromTag === undefined ? [] : [podFromTag])];
  const spellings = keys.map((key) => [key, tagSpellings(content.tags, key)]);
  const folds = keys.length > 0 && content.tags.fold;
  return canonicalJson({ id, from, until, when, podFromTag, spellings, folds });
}

/** The shares of a split and the reason of `unattributed` are no part of it. */
function givenBy(rule: Rule): Given {
  return { ruleId: rule.id, kind: kindOf(rule), podId: 'pod' in rule ? rule.pod : null };
}

/** The condition under which the rule may take an origin on some date. */
function takenBy(rule: Rule): RuleWhen {
  return 'podFromTag' in rule ? { all: [rule.when, { tag: { [rule.podFromTag]: { exists: true } } }] } : rule.when;
}

function testedTags(when: RuleWhen): string[] {
  const nested = [...(when.any ?? []), ...(when.all ?? []), ...(when.not === undefined ? [] : [when.not])];
  return [...Object.keys(when.tag ?? {}), ...nested.flatMap(testedTags)];
}

/** Ids and aliases, old and new, of the pods of which a tag that names them would be read otherwise. */
function namesOfChangedPods(former: readonly RulebookPod[], own: readonly RulebookPod[]): string[] {
  const described = (pods: readonly RulebookPod[]) =>
    new Map(pods.map(({ kind: _kind, portfolios: _portfolios, ...pod }) => [canonicalJson(pod), pod]));
  const [formerPods, ownPods] = [described(former), described(own)];
  const changed = [
    ...[...formerPods].filter(([text]) => !ownPods.has(text)),
    ...[...ownPods].filter(([text]) => !formerPods.has(text)),
  ];
  return [...new Set(changed.flatMap(([, pod]) => [pod.id, ...pod.aliases]))];
}

/**
 * A longest list of marks that both have in the same order. Marks are unique on either side (they hold the rule's id), so it is the longest
 * increasing run of places.
 */
function longestCommonMarks(left: readonly string[], right: readonly string[]): string[] {
  const places = new Map(left.map((mark, place) => [mark, place]));
  // Per length the last mark of the run that ends lowest, and for every mark the one before it in its run.
  const ends: { mark: string; place: number }[] = [];
  const before = new Map<string, string | undefined>();
  for (const mark of right) {
    const place = places.get(mark);
    if (place === undefined) continue;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle]?.place ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    before.set(mark, ends[low - 1]?.mark);
    ends[low] = { mark, place };
  }
  const run: string[] = [];
  for (let mark = ends.at(-1)?.mark; mark !== undefined; mark = before.get(mark)) run.push(mark);
  return run;
}

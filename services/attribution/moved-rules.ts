/**
 * Which origins another rulebook may attribute otherwise, told from the two contents alone. An origin that no rule matches which is new,
 * gone, changed or in another place among the others meets the same rules in the same order under both, with the same outcomes: its
 * attribution is the same. What a rule means depends on more than its own text: the spellings of the tags it tests, and for
 * `podFromTag` the pods that the tag may name.
 */
import { canonicalJson } from './canonical-json.ts';
import { tagSpellings } from './compile-when.ts';
import type { Rule, RulebookContent, RulebookPod, RuleWhen } from './rulebook.ts';

/** Conditions to be read with the tag spellings of the former content, and with those of the own one: an origin moved only where one holds. */
export interface MovedWhens {
  readonly former: readonly RuleWhen[];
  readonly own: readonly RuleWhen[];
}

/** The conditions; both lists are empty where every origin is attributed alike. */
export function movedWhens(former: RulebookContent, own: RulebookContent): MovedWhens {
  const [formerMarks, ownMarks] = [former, own].map((content) =>
    content.rules.map((rule) => markOf(rule, content)),
  ) as [string[], string[]];
  const kept = new Set(longestCommonMarks(formerMarks, ownMarks));
  const movedOf = (content: RulebookContent, marks: readonly string[]) =>
    content.rules.filter((_rule, index) => !kept.has(marks[index] ?? '')).map(matchedBy);
  const names = namesOfChangedPods(former.pods, own.pods);
  const tagged = own.rules.flatMap((rule, index) =>
    names.length > 0 && 'podFromTag' in rule && kept.has(ownMarks[index] ?? '')
      ? [{ all: [rule.when, { tag: { [rule.podFromTag]: names } }] }]
      : [],
  );
  return { former: movedOf(former, formerMarks), own: [...movedOf(own, ownMarks), ...tagged] };
}

/** Everything that an attribution by this rule depends on, the pods that a tag names aside. Shares and reasons are no part of it. */
function markOf(rule: Rule, content: RulebookContent): string {
  const { id, from, until, when } = rule;
  const outcome =
    'pod' in rule
      ? { pod: rule.pod }
      : 'podFromTag' in rule
        ? { podFromTag: rule.podFromTag }
        : { split: 'split' in rule };
  const keys = [...testedTags(when), ...('podFromTag' in rule ? [rule.podFromTag] : [])];
  const spellings = keys.map((key) => [key, tagSpellings(content.tags, key)]);
  const folds = keys.length > 0 && content.tags.fold;
  return canonicalJson({ id, from, until, when, outcome, spellings, folds });
}

/** The condition under which the rule may attribute an origin on some date. */
function matchedBy(rule: Rule): RuleWhen {
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

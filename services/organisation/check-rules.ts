/**
 * Checks of rules' meaning: exactly one result, known pods, dates that run forward, and splits whose shares make a whole.
 */
import type { RuleWhen } from '../attribution/rulebook.ts';
import { add, compare, type Decimal, decimal, subtract, sum, ZERO } from '../kernel/decimal.ts';
import {
  checkDatesRunForward,
  checkPodReference,
  checkPortfolioReference,
  entriesOf,
  type KnownNames,
} from './known-names.ts';
import { childPath, type Places } from './located-value.ts';
import type { OrganisationFile, RuleSection } from './organisation-schema.ts';
import { listWords } from './suggestion.ts';

const RESULTS = ['pod', 'podFromTag', 'split', 'unattributed'] as const;

/** What weights may add up to: ratios, per cent, basis points. */
const WHOLES: readonly Decimal[] = [decimal('1'), decimal('100'), decimal('10000')];

type Split = NonNullable<RuleSection['split']>;

/** Reports every fault of meaning in rules. */
export function checkRules(file: OrganisationFile, known: KnownNames, places: Places): void {
  for (const { item, path } of entriesOf(file.rules, '/rules')) {
    const where = item.id === undefined ? 'a rule' : `rule "${item.id}"`;
    checkResult(item, path, where, places);
    if (!places.isSound(path)) continue;
    checkDatesRunForward(places, { from: item.from, until: item.until }, `${path}/until`, where);
    if (item.pod !== undefined) checkPodReference(places, known, item.pod, `${path}/pod`, where);
    if (item.split !== undefined) checkSplit(item.split, `${path}/split`, known, where, places);
    checkTagsAskedOnce(item.when, `${path}/when`, where, places);
  }
}

function checkResult(rule: RuleSection, path: string, where: string, places: Places): void {
  const given = RESULTS.filter((key) => rule[key] !== undefined || !places.isSound(`${path}/${key}`));
  if (given.length === 1) return;
  const reason =
    given.length === 0 ? `${where} has no result` : `${where} has ${given.length} results: ${given.join(', ')}`;
  places.add(path, reason, 'Give exactly one of pod, podFromTag, split and unattributed.');
}

function checkSplit(split: Split, path: string, known: KnownNames, where: string, places: Places): void {
  const place = `the split of ${where}`;
  if (split.owner !== undefined) checkPodReference(places, known, split.owner, `${path}/owner`, `owner in ${place}`);
  const { among } = split;
  if (isPodList(among)) {
    for (const [index, id] of among.entries()) {
      checkPodReference(places, known, id, `${path}/among/${index}`, place);
      if (among.indexOf(id) < index)
        places.add(`${path}/among/${index}`, `${place} names pod "${id}" twice`, 'Name each once.');
    }
  } else if (typeof among === 'object') {
    checkPortfolioReference(places, known, among.portfolio, `${path}/among/portfolio`, place);
  }
  if (split.method === 'fixed') checkWeights(split, path, known, place, places);
}

function checkWeights(
  split: Split & { readonly method: 'fixed' },
  path: string,
  known: KnownNames,
  place: string,
  places: Places,
): void {
  const weights = Object.entries(split.weights).map(([pod, weight]) => ({ pod, weight: decimal(weight) }));
  for (const { pod, weight } of weights) {
    const at = childPath(`${path}/weights`, pod);
    checkPodReference(places, known, pod, at, `a weight in ${place}`);
    if (compare(weight, ZERO) <= 0)
      places.add(
        at,
        `the weight of pod "${pod}" in ${place} is ${weight}`,
        'A weight is above zero; leave the pod out to give it nothing.',
      );
  }
  const named = new Set(weights.map(({ pod }) => pod));
  const asked = podsAmong(split, known);
  const lacking = asked?.filter((pod) => !named.has(pod)) ?? [];
  if (lacking.length > 0)
    places.add(
      `${path}/weights`,
      `the weights in ${place} lack ${listWords(lacking)}, which "among" names`,
      'Give each pod of "among" a weight, or leave "among" out: the weights name the pods.',
    );
  const foreign = asked === null ? [] : [...named].filter((pod) => !asked.includes(pod));
  if (foreign.length > 0)
    places.add(
      `${path}/weights`,
      `the weights in ${place} name ${listWords(foreign)}, which "among" does not`,
      'Add it to "among", or leave "among" out: the weights name the pods.',
    );
  checkSum(sum(weights.map(({ weight }) => weight)), weights.length, `${path}/weights`, place, places);
}

function checkSum(total: Decimal, count: number, path: string, place: string, places: Places): void {
  if (count === 0) {
    places.add(path, `the weights in ${place} are empty`, 'Give each pod its weight.');
    return;
  }
  if (WHOLES.some((whole) => compare(total, whole) === 0)) return;
  const distances = WHOLES.map((whole) => ({ whole, gap: magnitude(subtract(whole, total)) }));
  const closest = distances.reduce((best, next) => (compare(next.gap, best.gap) < 0 ? next : best));
  const change =
    compare(total, closest.whole) < 0
      ? `${closest.gap} is missing to ${closest.whole}`
      : `${closest.gap} is too much for ${closest.whole}`;
  places.add(
    path,
    `the weights in ${place} sum to ${total}`,
    `They sum to 1 (ratios), 100 (per cent) or 10000 (basis points): ${change}.`,
  );
}

function magnitude(value: Decimal): Decimal {
  return compare(value, ZERO) < 0 ? subtract(ZERO, value) : add(value, ZERO);
}

/** The pods that "among" names, or null where it names none and the weights speak for themselves. */
function podsAmong(split: Split, known: KnownNames): string[] | null {
  const { among } = split;
  if (among === undefined) return null;
  if (isPodList(among)) return [...among];
  const pods = [...known.pods.values()];
  if (typeof among === 'string') return pods.filter((pod) => pod.kind !== 'central').map((pod) => pod.id);
  return pods.filter((pod) => belongsTo(pod.portfolio, among.portfolio)).map((pod) => pod.id);
}

function isPodList(among: Split['among']): among is readonly string[] {
  return Array.isArray(among);
}

function belongsTo(given: string | readonly { readonly value: string }[] | undefined, portfolio: string): boolean {
  return typeof given === 'string' ? given === portfolio : (given ?? []).some((entry) => entry.value === portfolio);
}

/** `tag: { a: … }` and `tag.a: …` are two spellings of one test. */
function checkTagsAskedOnce(when: unknown, path: string, where: string, places: Places): void {
  if (typeof when !== 'object' || when === null) return;
  const asked = Object.entries<unknown>(when as Record<string, unknown>);
  const nested = new Set(Object.keys((when as RuleWhen).tag ?? {}));
  for (const [key, value] of asked) {
    if (key.startsWith('tag.') && nested.has(key.slice('tag.'.length))) {
      places.add(
        childPath(path, key),
        `${where} tests tag "${key.slice('tag.'.length)}" twice`,
        'Write it once, under "tag" or as "tag.KEY".',
      );
    }
    if (key === 'any' || key === 'all') {
      for (const [index, part] of (value as unknown[]).entries())
        checkTagsAskedOnce(part, `${path}/${key}/${index}`, where, places);
    }
    if (key === 'not') checkTagsAskedOnce(value, `${path}/not`, where, places);
  }
}

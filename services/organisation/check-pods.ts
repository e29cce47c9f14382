/**
 * Checks of portfolios' and pods' meaning: names that are taken twice, references, dates, successors and activations.
 */
import {
  checkDatesRunForward,
  checkPatternReference,
  checkPodReference,
  checkPortfolioReference,
  entriesOf,
  type KnownNames,
} from './known-names.ts';
import { childPath, type Places } from './located-value.ts';
import type { OrganisationFile, PodSection } from './organisation-schema.ts';
import { compare, decimal, ZERO } from '../kernel/decimal.ts';

const WHOLE_BASIS_POINTS = 10_000;

/** Reports every fault of meaning in portfolios, patterns and pods. */
export function checkPods(file: OrganisationFile, known: KnownNames, places: Places): void {
  for (const { item, path } of entriesOf(file.patterns, '/patterns')) {
    const limit = item.envelope?.limit;
    if (limit !== undefined && compare(decimal(limit), ZERO) <= 0) {
      places.add(
        `${path}/envelope/limit`,
        `the envelope of pattern "${item.id}" has the limit ${limit}`,
        'A limit is above zero.',
      );
    }
  }
  checkPodNames(file, places);
  for (const { item, path } of entriesOf(file.portfolios, '/portfolios')) {
    checkOneChannel(item, path, `portfolio "${item.id}"`, places);
  }
  for (const { item, path } of entriesOf(file.pods, '/pods')) {
    if (places.isSound(path)) checkPod(item, path, known, places);
  }
  checkSuccessionEnds(file, known, places);
}

/** podFromTag finds a pod by id or alias, so no two pods may answer to one name as bills spell it. */
function checkPodNames(file: OrganisationFile, places: Places): void {
  const fold = file.tags?.fold ?? true;
  const form = (name: string): string => (fold ? name.trim().toLowerCase() : name);
  const holders = new Map<string, string>();
  const pods = entriesOf(file.pods, '/pods');
  for (const { item, path } of pods) {
    if (item.id === undefined) continue;
    const holder = holders.get(form(item.id));
    if (holder !== undefined && holder !== item.id) {
      places.add(
        `${path}/id`,
        `pods "${holder}" and "${item.id}" differ only in case`,
        'Tags match case-folded: give them different ids, or set tags.fold to false.',
      );
    }
    holders.set(form(item.id), item.id);
  }
  for (const { item, path } of pods) {
    for (const [index, alias] of (item.aliases ?? []).entries()) {
      if (alias === undefined || item.id === undefined) continue;
      const holder = holders.get(form(alias));
      if (holder !== undefined && holder !== item.id) {
        places.add(
          `${path}/aliases/${index}`,
          `"${alias}" is a name of both pod "${holder}" and pod "${item.id}"`,
          'An id or alias belongs to one pod.',
        );
      }
      holders.set(form(alias), item.id);
    }
  }
}

function checkPod(pod: PodSection, path: string, known: KnownNames, places: Places): void {
  const where = `pod "${pod.id}"`;
  checkOneChannel(pod, path, where, places);
  checkDatesRunForward(places, { from: pod.activeFrom, until: pod.activeUntil }, `${path}/activeUntil`, where);
  for (const { value, at } of datedEntries(pod.portfolio, `${path}/portfolio`)) {
    checkPortfolioReference(places, known, value, at, where);
  }
  for (const key of ['portfolio', 'owner', 'costCentre'] as const)
    checkDatedOrder(pod[key], `${path}/${key}`, `"${key}" of ${where}`, places);
  checkSuccessors(pod, path, known, places);
  for (const [index, activation] of (pod.activations ?? []).entries()) {
    checkPatternReference(places, known, activation.pattern, `${path}/activations/${index}/pattern`, where);
  }
}

/** Alerts of one scope go to one place. */
function checkOneChannel(
  item: { readonly slackChannel?: string; readonly channel?: string },
  path: string,
  where: string,
  places: Places,
): void {
  if (item.slackChannel === undefined || item.channel === undefined) return;
  places.add(
    `${path}/channel`,
    `${where} has both slackChannel and channel`,
    'Its alerts go to one place: keep channel, which takes a Slack channel id as well, and leave slackChannel out.',
  );
}

function checkSuccessors(pod: PodSection, path: string, known: KnownNames, places: Places): void {
  const successors = pod.succeededBy ?? [];
  const seen = new Set<string>();
  for (const [index, successor] of successors.entries()) {
    const at = childPath(`${path}/succeededBy`, index);
    checkPodReference(places, known, successor.pod, `${at}/pod`, `succeededBy of pod "${pod.id}"`);
    if (successor.pod === pod.id) places.add(`${at}/pod`, `pod "${pod.id}" succeeds itself`, 'Name another pod.');
    if (seen.has(successor.pod))
      places.add(
        `${at}/pod`,
        `pod "${pod.id}" names the successor "${successor.pod}" twice`,
        'Add their basisPoints up in one entry.',
      );
    seen.add(successor.pod);
  }
  const total = successors.reduce((sum, successor) => sum + successor.basisPoints, 0);
  if (successors.length === 0 || total === WHOLE_BASIS_POINTS) return;
  const gap = total - WHOLE_BASIS_POINTS;
  places.add(
    `${path}/succeededBy`,
    `the successors of pod "${pod.id}" take ${total} basisPoints`,
    `All of it is ${WHOLE_BASIS_POINTS}: ${gap > 0 ? `take ${gap} away` : `add ${-gap}`}.`,
  );
}

/**
 * A chain of successions that comes back would carry figures round for ever. Told once per cycle, at the entry that closes it; every
 * pod is walked through once.
 */
function checkSuccessionEnds(file: OrganisationFile, known: KnownNames, places: Places): void {
  const finished = new Set<string>();
  const paths = new Map(entriesOf(file.pods, '/pods').map(({ item, path }) => [item.id, path]));
  const walk = (id: string, chain: readonly string[]): void => {
    if (finished.has(id)) return;
    const lineage = [...chain, id];
    for (const [index, successor] of (known.pods.get(id)?.succeededBy ?? []).entries()) {
      if (successor?.pod === undefined) continue;
      const start = lineage.indexOf(successor.pod);
      if (start === -1) walk(successor.pod, lineage);
      // A pod that succeeds itself is told where it says so.
      else if (successor.pod !== id) {
        const cycle = lineage.slice(start);
        places.add(
          `${paths.get(id) ?? ''}/succeededBy/${index}/pod`,
          `the succession ${[...cycle, successor.pod].map((name) => `"${name}"`).join(' → ')} comes back to its start`,
          'Successions run one way: a pod that ended is not taken up by one it succeeds.',
        );
      }
    }
    finished.add(id);
  };
  for (const id of known.pods.keys()) walk(id, []);
}

function datedEntries(given: PodSection['portfolio'], path: string): { readonly value: string; readonly at: string }[] {
  if (given === undefined) return [];
  if (typeof given === 'string') return [{ value: given, at: path }];
  return given.map((entry, index) => ({ value: entry.value, at: `${path}/${index}/value` }));
}

function checkDatedOrder(given: PodSection['portfolio'], path: string, where: string, places: Places): void {
  if (given === undefined || typeof given === 'string') return;
  for (const [index, entry] of given.entries()) {
    const before = given[index - 1]?.from;
    if (index > 0 && entry.from === undefined) {
      places.add(`${path}/${index}`, `entry ${index + 1} of ${where} has no "from"`, 'Only the first may go without.');
    } else if (before !== undefined && entry.from !== undefined && entry.from <= before) {
      places.add(
        `${path}/${index}/from`,
        `${where} goes from ${before} to ${entry.from}`,
        'List the entries by ascending date.',
      );
    }
  }
}

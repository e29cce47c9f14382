/**
 * The names an organisation file defines, and how a reference to one that is not there is told: with the nearest one that is.
 */
import { childPath, type Places } from './located-value.ts';
import type { OrganisationFile, PodSection } from './organisation-schema.ts';
import { didYouMean, listWords } from './suggestion.ts';

/** An entry of a section with its path. Its parts may be missing where their shape is at fault. */
export interface Located<Item> {
  readonly item: Item;
  readonly path: string;
}

export interface KnownNames {
  readonly pods: ReadonlyMap<string, PodSection>;
  /** Pod id by alias. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly portfolios: ReadonlySet<string>;
  readonly patterns: ReadonlySet<string>;
}

/** The entries of a section that are there at all. */
export function entriesOf<Item>(section: readonly Item[] | null | undefined, path: string): Located<Item>[] {
  return (section ?? []).flatMap((item: Item | undefined, index) =>
    item === undefined ? [] : [{ item, path: childPath(path, index) }],
  );
}

export function createKnownNames(file: OrganisationFile): KnownNames {
  const pods = entriesOf(file.pods, '/pods').map(({ item }) => item);
  return {
    pods: new Map(pods.map((pod) => [pod.id, pod])),
    aliases: new Map(pods.flatMap((pod) => (pod.aliases ?? []).map((alias) => [alias, pod.id]))),
    portfolios: new Set(entriesOf(file.portfolios, '/portfolios').map(({ item }) => item.id)),
    patterns: new Set(entriesOf(file.patterns, '/patterns').map(({ item }) => item.id)),
  };
}

/** Reports a pod id that no pod has. `where` names the thing that refers: `rule "tax"`. */
export function checkPodReference(places: Places, known: KnownNames, id: string, path: string, where: string): void {
  if (known.pods.has(id)) return;
  const aliased = known.aliases.get(id);
  const fix =
    aliased === undefined ? didYouMean(id, known.pods.keys()) : `It is an alias of pod "${aliased}": write that id.`;
  places.add(
    path,
    `${where} names pod "${id}", which is not defined`,
    fix ?? definedNames('pods', [...known.pods.keys()]),
  );
}

/** Reports a portfolio id that no portfolio has. */
export function checkPortfolioReference(
  places: Places,
  known: KnownNames,
  id: string,
  path: string,
  where: string,
): void {
  if (known.portfolios.has(id)) return;
  const fix = didYouMean(id, known.portfolios) ?? definedNames('portfolios', [...known.portfolios]);
  places.add(path, `${where} names portfolio "${id}", which is not defined`, fix);
}

/** Reports a pattern id that no pattern has. */
export function checkPatternReference(
  places: Places,
  known: KnownNames,
  id: string,
  path: string,
  where: string,
): void {
  if (known.patterns.has(id)) return;
  const fix = didYouMean(id, known.patterns) ?? definedNames('patterns', [...known.patterns]);
  places.add(path, `${where} names pattern "${id}", which is not defined`, fix);
}

/** Reports a pair of dates that does not run forward: `from` is included, `until` is not. */
export function checkDatesRunForward(
  places: Places,
  dates: { readonly from: string | null | undefined; readonly until: string | null | undefined },
  path: string,
  where: string,
): void {
  if (dates.from == null || dates.until == null || dates.from < dates.until) return;
  places.add(
    path,
    `${where} ends on ${dates.until}, which is not after its start ${dates.from}`,
    'The end is the first day it no longer holds.',
  );
}

function definedNames(noun: string, names: readonly string[]): string {
  return names.length === 0 ? `The file defines no ${noun}.` : `Defined ${noun}: ${listWords(names, 10)}.`;
}

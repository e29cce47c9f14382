/**
 * Which exports of a place are read together. Several may be: the daily export of the month to date and the monthly one of the last month
 * are of one bill, and the newest run of either counts. Exports of different data or scopes would count the same usage twice, or replace
 * each other; they are refused, by name.
 */
import { AppError } from '../../services/kernel/errors.ts';
import type { ObjectStore } from '../object-store.ts';
import type { ExportRun, FoundExport, FoundExports } from './export-layout.ts';
import { type Dataset, type ExportManifest, readExportManifest } from './export-manifest.ts';

export interface ExportPlace {
  readonly store: ObjectStore;
  readonly container: string;
  readonly prefix: string;
  readonly now: Date;
  readonly readManifest: ManifestReader;
}

/** The manifest of a run that has one; in words, where there is none to be read. */
export type ManifestReader = (run: ExportRun) => Promise<ExportManifest | string | null>;

export interface ReadExports {
  readonly exports: readonly FoundExport[];
  /** Null where neither manifest nor name says. */
  readonly dataset: Exclude<Dataset, 'other'> | null;
  /** Price sheets and the like, by root. */
  readonly ignored: readonly string[];
}

interface Described {
  readonly found: FoundExport;
  readonly dataset: Dataset | null;
  readonly scope: string | null;
}

/** Runs whose manifests are asked for what an export is. */
const RUNS_MAX = 3;
const NAMED: readonly (readonly [pattern: RegExp, dataset: Dataset])[] = [
  [/amorti[sz]ed/i, 'amortized'],
  [/actual/i, 'actual'],
  [/focus/i, 'focus'],
];
const TITLES: Readonly<Record<Dataset, string>> = {
  focus: 'FOCUS cost',
  actual: 'actual cost',
  amortized: 'amortized cost',
  other: 'something else',
};

/** Reads each manifest once. */
export function manifestReader(store: ObjectStore): ManifestReader {
  const asked = new Map<string, Promise<ExportManifest | string>>();
  return async ({ manifest }) => {
    if (manifest === null) return null;
    const answer = asked.get(manifest.key) ?? readOnce(store, manifest);
    asked.set(manifest.key, answer);
    return answer;
  };
}

async function readOnce(store: ObjectStore, manifest: NonNullable<ExportRun['manifest']>) {
  try {
    return readExportManifest(await store.readText(manifest)) ?? `has a manifest that cannot be read (${manifest.key})`;
  } catch (error) {
    if (error instanceof AppError && error.code === 'source_changed') return 'is being delivered right now';
    throw error;
  }
}

/** @throws AppError source_refused for exports that must not be read together; as `ObjectStore.readText`. */
export async function chooseExports({ exports }: FoundExports, place: ExportPlace): Promise<ReadExports> {
  const described: Described[] = [];
  for (const found of exports) described.push(await describe(found, place));
  const bills = described.filter(({ dataset }) => dataset !== 'other');
  if (bills.length > 1) refuseUnlike(bills, place);
  const dataset = bills[0]?.dataset ?? null;
  return {
    exports: bills.map(({ found }) => found),
    dataset: dataset === 'other' ? null : dataset,
    ignored: described.filter((one) => one.dataset === 'other').map(({ found }) => found.root),
  };
}

/** By its newest manifest; by its name where it has none. */
async function describe(found: FoundExport, { readManifest }: ExportPlace): Promise<Described> {
  const runs = found.months.toReversed().flatMap((month) => month.runs);
  for (const run of runs.filter(({ manifest }) => manifest !== null).slice(0, RUNS_MAX)) {
    const manifest = await readManifest(run);
    if (manifest === null || typeof manifest === 'string' || manifest.dataset === null) continue;
    return { found, dataset: manifest.dataset, scope: manifest.scope };
  }
  const name = found.root.slice(found.root.lastIndexOf('/') + 1);
  return { found, dataset: NAMED.find(([pattern]) => pattern.test(name))?.[1] ?? null, scope: null };
}

function refuseUnlike(bills: readonly Described[], { container, prefix }: ExportPlace): void {
  const names = bills.map(({ found, dataset }) => `${found.root || '/'} (${titleOf(dataset)})`).join(', ');
  const first = bills.find(({ dataset }) => dataset === 'focus') ?? bills[0];
  const root = first?.found.root ?? '';
  const refuse = (why: string) =>
    new AppError('source_refused', `Several exports lie below ${container}/${prefix}: ${names}. ${why}`);
  const datasets = new Set(bills.map(({ dataset }) => dataset));
  if (datasets.has('actual') && datasets.has('amortized')) {
    throw refuse(
      `Actual and amortized cost are the same usage twice; a source of each would count it twice as well. Create an export of Azure's dataset "Cost and usage details (FOCUS)", which has both costs in one line, or read one of them: prefix: ${root}`,
    );
  }
  if (datasets.has(null)) {
    throw refuse(`Nothing says whether they are of one bill. Name the one to read, for instance prefix: ${root}`);
  }
  if (datasets.size > 1) {
    throw refuse(`They are the same usage more than once. Read one of them: prefix: ${root}`);
  }
  const scopes = new Set(bills.map(({ scope }) => scope));
  if (scopes.size === 1) return;
  throw refuse(
    `They are of different scopes (${[...scopes].map((scope) => scope ?? 'unknown').join(', ')}). Where one scope holds the other, read the wider one alone; else make a source of each. For instance prefix: ${root}`,
  );
}

export function titleOf(dataset: Dataset | null): string {
  return dataset === null ? 'cost, unknown which' : TITLES[dataset];
}

export function nothingYet({ container, prefix }: ExportPlace): string {
  return `no export lies below ${container}/${prefix} yet; Azure delivers the first run of a new one within 24 hours`;
}

/**
 * Where Cost Management puts the parts of an export in a container, told from the names alone. `root` is the folder of one export:
 * `root/20260901-20260930/[RUN/…]NAME`. Each run has a folder of its own, named by its time, its GUID or both, with a manifest.json; where
 * runs overwrite each other their files lie in the range's folder itself. Older exports put one file there for each run, whose name
 * ends in the run's GUID, and no manifest.
 *
 * A range is a billing period, its last day included, also where that begins on another day than the first. Exports of a week or of chosen
 * days have other ranges; they hold no whole bill.
 *
 * Sources: Microsoft Learn, "Create and manage Cost Management exports" and "Retrieve large cost datasets recurringly with exports".
 */
import { addDays, isIsoDate, type IsoDate } from '../../services/kernel/period.ts';
import type { StoredObject } from '../object-store.ts';

/** What one execution of an export delivered, or began to deliver. */
export interface ExportRun {
  readonly root: string;
  /** The folder of its range, with a slash at its end. */
  readonly rangeFolder: string;
  /** Null where it has none, or none yet. */
  readonly manifest: StoredObject | null;
  /** What lies there; a manifest names which of it belongs to the run. */
  readonly files: readonly StoredObject[];
  /** When its last part was written: the manifest. */
  readonly writtenAt: Date;
}

export interface ExportMonth {
  readonly start: IsoDate;
  readonly end: IsoDate;
  /** The last written first. */
  readonly runs: readonly ExportRun[];
}

export interface FoundExport {
  /** The export's own folder, without a slash at its end; empty at the container's root. */
  readonly root: string;
  /** Ascending. */
  readonly months: readonly ExportMonth[];
  /** Names of ranges that are no billing period. */
  readonly otherRanges: readonly string[];
}

export interface FoundExports {
  /** By root. */
  readonly exports: readonly FoundExport[];
  readonly objects: ReadonlyMap<string, StoredObject>;
}

interface Part {
  readonly root: string;
  readonly range: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  /** Empty in the range's folder itself. */
  readonly run: string;
}

const PART = /^(?:(?<root>.*)\/)?(?<range>(?<start>\d{8})-(?<end>\d{8}))\/(?:(?<run>.+)\/)?(?<name>[^/]+)$/;
const MANIFEST = /(?:^|\/)_?manifest\.json$/i;
const FILE = /\.(?:csv|csv\.gz|parquet)$/i;
const RUN_FILE = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}[^/]*$/i;

/** Sorts what lies below a prefix into exports, their billing periods and runs. */
export async function findExports(objects: AsyncIterable<StoredObject>): Promise<FoundExports> {
  const byKey = new Map<string, StoredObject>();
  const folders = new Map<string, { part: Part; objects: StoredObject[] }>();
  for await (const object of objects) {
    byKey.set(object.key, object);
    const part = partOf(object.key);
    if (part === null || !(MANIFEST.test(object.key) || FILE.test(object.key))) continue;
    const id = `${part.root}\n${part.range}\n${part.run}`;
    const folder = folders.get(id) ?? { part, objects: [] };
    folder.objects.push(object);
    folders.set(id, folder);
  }
  const roots = Map.groupBy(folders.values(), ({ part }) => part.root);
  const exports = [...roots].map(([root, members]) => exportOf(root, members));
  return { objects: byKey, exports: exports.sort((left, right) => (left.root < right.root ? -1 : 1)) };
}

function exportOf(root: string, folders: readonly { part: Part; objects: StoredObject[] }[]): FoundExport {
  const whole = folders.filter(({ part }) => isBillingPeriod(part));
  const months = [...Map.groupBy(whole, ({ part }) => part.range).values()].map((members) => {
    const [first] = members;
    if (first === undefined) throw new Error('a group of no folders');
    const runs = members.flatMap((folder) => runsOf(folder.part, folder.objects));
    return { start: first.part.start, end: first.part.end, runs: runs.sort(newestFirst) };
  });
  const others = folders.filter(({ part }) => !isBillingPeriod(part)).map(({ part }) => part.range);
  return { root, months: months.sort(byStart), otherRanges: [...new Set(others)].sort() };
}

function runsOf({ root, range, run }: Part, objects: readonly StoredObject[]): ExportRun[] {
  const manifest = objects.find(({ key }) => MANIFEST.test(key)) ?? null;
  const files = objects.filter(({ key }) => FILE.test(key));
  const runOf = (members: readonly StoredObject[], own: StoredObject | null = null): ExportRun => ({
    root,
    rangeFolder: root === '' ? `${range}/` : `${root}/${range}/`,
    manifest: own,
    files: members,
    writtenAt: own?.modifiedAt ?? new Date(Math.max(...members.map(({ modifiedAt }) => modifiedAt.getTime()))),
  });
  if (run !== '') return [runOf(files, manifest)];
  const alone = files.filter(({ key }) => RUN_FILE.test(key));
  const shared = files.filter(({ key }) => !RUN_FILE.test(key));
  const overwritten =
    manifest === null && shared.length === 0 ? [] : [runOf(manifest === null ? shared : files, manifest)];
  // Beside a manifest they may be what it names.
  return manifest === null ? [...overwritten, ...alone.map((file) => runOf([file]))] : overwritten;
}

/** True of a run that needs no manifest to be whole: one file, named by its run, which appears only once it is written. */
export function isSingleFile({ manifest, files }: ExportRun): boolean {
  return manifest === null && files.length === 1 && RUN_FILE.test(files[0]?.key ?? '');
}

function partOf(key: string): Part | null {
  const groups = PART.exec(key)?.groups;
  if (groups === undefined) return null;
  const { root = '', range = '', run = '' } = groups;
  const [start, last] = [dateOf(groups['start'] ?? ''), dateOf(groups['end'] ?? '')];
  return isIsoDate(start) && isIsoDate(last) ? { root, range, run, start, end: addDays(last, 1) } : null;
}

/** From one day to the same day of the next month, or to its last where it has none such. */
function isBillingPeriod({ start, end }: Part): boolean {
  const [year, month, day] = [Number(start.slice(0, 4)), Number(start.slice(5, 7)), Number(start.slice(8))];
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return end === new Date(Date.UTC(year, month, Math.min(day, lastDay))).toISOString().slice(0, 10);
}

function dateOf(digits: string): string {
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

function byStart(left: ExportMonth, right: ExportMonth): number {
  return left.start < right.start ? -1 : 1;
}

function newestFirst(left: ExportRun, right: ExportRun): number {
  return right.writtenAt.getTime() - left.writtenAt.getTime();
}

/** The billing periods of exports that are of one bill; ascending, each with the runs of all of them. */
export function monthsOf(exports: readonly FoundExport[]): ExportMonth[] {
  const months = new Map<string, ExportMonth>();
  for (const { start, end, runs } of exports.flatMap((found) => found.months)) {
    const before = months.get(`${start} ${end}`)?.runs ?? [];
    months.set(`${start} ${end}`, { start, end, runs: [...before, ...runs].sort(newestFirst) });
  }
  return [...months.values()].sort(byStart);
}

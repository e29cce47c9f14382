/**
 * Where AWS puts the parts of an export in a bucket, told from the names alone. `root` is the folder of one export.
 *
 * Data Exports (FOCUS, CUR 2.0): `root/metadata/BILLING_PERIOD=2026-09/[VERSION/]NAME-Manifest.json` names files in
 * `root/data/BILLING_PERIOD=2026-09/[VERSION/]`. Legacy Cost and Usage Reports: `root/20260901-20261001/[ASSEMBLY/]NAME-Manifest.json`
 * names files beside it or, as Parquet, in `root/NAME/year=2026/month=9/`. VERSION and ASSEMBLY are there where each delivery is kept
 * ("create new"); else each overwrites the one before.
 *
 * Sources: AWS Data Exports user guide, "Understanding export delivery" and "Understanding your report versions".
 */
import { monthOf, type IsoDate } from '../../services/kernel/period.ts';
import type { StoredObject } from '../object-store.ts';

export interface ExportMonth {
  readonly start: IsoDate;
  readonly end: IsoDate;
  /** Newest first. */
  readonly manifests: readonly StoredObject[];
}

export interface FoundExport {
  /** The folder that is the export's own, without a slash at its end; empty at the bucket's root. */
  readonly root: string;
  readonly kind: 'data-export' | 'cost-and-usage-report';
  /** Ascending; also those that have files but no manifest yet. */
  readonly months: readonly ExportMonth[];
}

export interface FoundExports {
  /** By root. */
  readonly exports: readonly FoundExport[];
  readonly objects: ReadonlyMap<string, StoredObject>;
}

type Kind = FoundExport['kind'];

interface Part {
  readonly kind: Kind;
  readonly root: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly isManifest: boolean;
}

const ROOT = '^(?:(?<root>.*)/)?';
const PARTS: readonly (readonly [pattern: RegExp, kind: Kind, isManifest: boolean])[] = [
  [
    new RegExp(`${ROOT}metadata/BILLING_PERIOD=(?<year>\\d{4})-(?<month>\\d\\d)/(?:[^/]+/)?[^/]*Manifest\\.json$`, 'i'),
    'data-export',
    true,
  ],
  [new RegExp(`${ROOT}data/BILLING_PERIOD=(?<year>\\d{4})-(?<month>\\d\\d)/[^.].*$`, 'i'), 'data-export', false],
  [
    new RegExp(`${ROOT}(?<start>\\d{8})-(?<end>\\d{8})/(?:[^/]+/)?[^/]+-Manifest\\.json$`),
    'cost-and-usage-report',
    true,
  ],
  [
    new RegExp(`${ROOT}(?<start>\\d{8})-(?<end>\\d{8})/(?:[^/]+/)?[^/]+\\.(?:csv\\.gz|csv\\.zip|zip|parquet)$`),
    'cost-and-usage-report',
    false,
  ],
  [
    new RegExp(`${ROOT}[^/]+/year=(?<year>\\d{4})/month=(?<month>\\d{1,2})/[^/]+\\.parquet$`),
    'cost-and-usage-report',
    false,
  ],
];

/** Sorts what lies below a prefix into exports and their months. */
export async function findExports(objects: AsyncIterable<StoredObject>): Promise<FoundExports> {
  const byKey = new Map<string, StoredObject>();
  const exports = new Map<string, { root: string; kind: Kind; months: Map<string, ExportMonth> }>();
  for await (const object of objects) {
    byKey.set(object.key, object);
    const part = partOf(object.key);
    if (part === null) continue;
    const { root, kind, start, end, isManifest } = part;
    const found = exports.get(`${kind}\n${root}`) ?? { root, kind, months: new Map<string, ExportMonth>() };
    exports.set(`${kind}\n${root}`, found);
    const { manifests } = found.months.get(start) ?? { manifests: [] };
    found.months.set(start, { start, end, manifests: isManifest ? [...manifests, object] : manifests });
  }
  return {
    objects: byKey,
    exports: [...exports.values()]
      .map(({ months, ...rest }) => ({ ...rest, months: [...months.values()].sort(byStart).map(newestFirst) }))
      .sort((left, right) => (left.root < right.root ? -1 : 1)),
  };
}

function partOf(key: string): Part | null {
  for (const [pattern, kind, isManifest] of PARTS) {
    const groups = pattern.exec(key)?.groups;
    if (groups === undefined) continue;
    const { root = '', year, month, start, end } = groups;
    const first = start === undefined ? `${year}-${month?.padStart(2, '0')}-01` : dateOf(start);
    return { kind, root, start: first, end: end === undefined ? monthOf(first).end : dateOf(end), isManifest };
  }
  return null;
}

function dateOf(digits: string): IsoDate {
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

function byStart(left: ExportMonth, right: ExportMonth): number {
  return left.start < right.start ? -1 : 1;
}

/** Of two manifests of one second the one of the later folder, whose name begins with its time. */
function newestFirst(month: ExportMonth): ExportMonth {
  const manifests = [...month.manifests].sort(
    (left, right) => right.modifiedAt.getTime() - left.modifiedAt.getTime() || (left.key < right.key ? 1 : -1),
  );
  return { ...month, manifests };
}

/**
 * A source of kind oci-cost-reports: Oracle's own cost reports or its FOCUS reports, in Oracle's bucket or a mirror of it. A file holds what
 * became known in some hours, usage of earlier months and corrections included; a month is all of its files. Oracle deletes them after a
 * year: what was read stays part of its month (ADR 31).
 *
 * Source: Oracle Cloud Infrastructure documentation, "Cost and Usage Reports Overview".
 */
import { AppError } from '../../services/kernel/errors.ts';
import type { Connect, DeliveredFile, ListRequest, SourceCheck } from '../connector.ts';
import { isBillName } from '../bill-places/bill-names.ts';
import type { BillPlace, PlacedFile } from '../bill-places/bill-place.ts';
import { openBillPlace } from '../bill-places/open-bill-place.ts';
import { oracleBucketOf } from './oracle-bucket.ts';

const KINDS = [
  { folder: 'reports/cost-csv/', mark: /(^|\/)cost-csv\// },
  { folder: 'FOCUS Reports/', mark: /(^|\/)FOCUS Reports\// },
] as const;
/** Quantities without money; Oracle no longer writes them. */
const USAGE_ONLY = /(^|\/)usage-csv\//;

/** Oracle writes every six hours and is at times a day late. */
const LATE_MS = 2 * 86_400_000;

export const connectOciCostReports: Connect = async (source, context) => {
  const bucket = oracleBucketOf(source);
  const place = await openBillPlace(bucket.source, context, bucket.vendor);
  const nothingYet = `no report lies in ${place.title} yet; Oracle writes one every six hours${bucket.isOwn ? '' : ', and the mirror brings it'}`;
  return {
    list: async ({ known }) => {
      const found = reportsOf(await place.list(), place.title);
      // Read now, it would have no version to be known by once it is deleted.
      const [settled, fresh] = [found.filter(({ version }) => version !== null), found.filter(isFresh)];
      const files = withDeleted(settled.map(toDelivered), known);
      const waiting = fresh.map(({ name }) => `${name} was written to just now`);
      if (files.length === 0 && fresh.length === 0) waiting.push(nothingYet);
      return { manifests: [{ billingPeriod: null, deliveredAt: null, files }], waiting };
    },
    fetch: async (file, target) => {
      if (file.version !== DELETED && file.sizeBytes !== null) return place.fetch(file, target);
      throw new AppError(
        'source_refused',
        `${file.name} was read before, is deleted by now, and is missing from the archive too. Restore the archive from its backup, or put the file back into ${place.title}.`,
      );
    },
    check: () => checkReports(place, { now: context.now, nothingYet, isOwn: bucket.isOwn }),
    close: () => place.close(),
  };
};

/** @throws AppError source_refused where both kinds of report lie there: they bill the same usage. */
function reportsOf(found: readonly PlacedFile[], title: string): PlacedFile[] {
  const files = found.filter(({ name, key }) => isBillName(name) && !isHidden(name) && !USAGE_ONLY.test(key));
  if (!KINDS.every(({ mark }) => files.some(({ key }) => mark.test(key)))) return files;
  throw new AppError(
    'source_refused',
    `${title} holds both Oracle's cost reports and its FOCUS reports, which bill the same usage twice. Write the folder of one of them into path, for instance the one that ends in ${KINDS[1].folder}`,
  );
}

function isHidden(name: string): boolean {
  return name.split('/').some((part) => part.startsWith('.'));
}

function isFresh({ version }: PlacedFile): boolean {
  return version === null;
}

function toDelivered({ modifiedAt: _modifiedAt, ...file }: PlacedFile): DeliveredFile {
  return file;
}

/** With what was read before and is not listed any more, under the version that was read: it need not be fetched again. */
function withDeleted(files: readonly DeliveredFile[], known: ListRequest['known']): DeliveredFile[] {
  const listed = new Set(files.map(({ key }) => key));
  const deleted = [...known].filter(([key]) => !listed.has(key));
  return [
    ...files,
    ...deleted.map(([key, { version }]) => ({ key, name: key, version: version ?? DELETED, sizeBytes: null })),
  ];
}

/** No version that a file ever had. */
const DELETED = 'deleted';

interface Expected {
  readonly now: Date;
  readonly nothingYet: string;
  readonly isOwn: boolean;
}

async function* checkReports(place: BillPlace, expected: Expected): AsyncIterable<SourceCheck> {
  for await (const check of place.check()) {
    yield check;
    if (check.state === 'wrong') return;
  }
  const found = await place.list();
  try {
    yield describe(reportsOf(found, place.title), expected);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    yield { subject: 'reports', state: 'wrong', message: error.message };
  }
}

function describe(files: readonly PlacedFile[], { now, nothingYet, isOwn }: Expected): SourceCheck {
  if (files.length === 0) return { subject: 'reports', state: 'note', message: nothingYet };
  const newest = new Date(Math.max(...files.map(({ modifiedAt }) => modifiedAt.getTime())));
  const count = `${files.length} ${files.length === 1 ? 'report' : 'reports'}, the newest of ${newest.toISOString()}`;
  return now.getTime() - newest.getTime() < LATE_MS
    ? { subject: 'reports', state: 'ok', message: count }
    : {
        subject: 'reports',
        state: 'note',
        message: `${count}. Oracle writes every six hours: ${isOwn ? 'is this the tenancy that is billed?' : 'does the mirror run?'}`,
      };
}

/**
 * A source of kind focus-files: a folder, here or in the object storage of a cloud, into which some producer puts its bills. Nobody says
 * which files make a billing period, so their lines do, or the folders they lie in.
 */
import type { Connect, DeliveredFile, ListRequest, Manifest, SourceCheck } from '../connector.ts';
import { type FoundBill, findBills, periodOf } from '../bill-places/bill-names.ts';
import type { BillPlace } from '../bill-places/bill-place.ts';
import { openBillPlace } from '../bill-places/open-bill-place.ts';

export const connectFocusFiles: Connect = async (source, context) => {
  const place = await openBillPlace(source, context);
  return {
    list: async (request) => {
      const { bills, waiting } = findBills(await place.list(), context.now);
      return { manifests: manifestsOf(bills, request), waiting, filesMayVanish: true };
    },
    fetch: (file, target) => place.fetch(file, target),
    check: () => checkBills(place, context.now),
    close: () => place.close(),
  };
};

/**
 * One for each billing period where every bill lies in the folder of one, also for those whose folder is empty or gone by now; else one for
 * all, whose lines tell.
 */
function manifestsOf(bills: readonly FoundBill[], { range, known }: ListRequest): Manifest[] {
  const isByFolder = bills.length > 0 && bills.every(({ period }) => period !== null);
  const manifests = new Map<string, Manifest & { files: DeliveredFile[] }>();
  const manifestOf = (period: FoundBill['period']) => {
    const name = period?.start ?? '';
    const manifest = manifests.get(name) ?? { billingPeriod: period, deliveredAt: null, files: [] };
    manifests.set(name, manifest);
    return manifest;
  };
  if (!isByFolder) manifestOf(null);
  const former = isByFolder ? [...known.keys()].flatMap((key) => periodOf(key) ?? []) : [];
  for (const period of former) manifestOf(period);
  for (const { file, period } of bills) {
    const { modifiedAt: _modifiedAt, ...delivered } = file;
    manifestOf(isByFolder ? period : null).files.push(delivered);
  }
  return [...manifests.values()]
    .filter(
      ({ billingPeriod: period }) =>
        range === undefined || period === null || (period.start < range.end && period.end > range.start),
    )
    .sort((left, right) => ((left.billingPeriod?.start ?? '') < (right.billingPeriod?.start ?? '') ? -1 : 1));
}

/** The place's own checks, and what was found there. */
export async function* checkBills(place: BillPlace, now: Date): AsyncIterable<SourceCheck> {
  for await (const check of place.check()) {
    yield check;
    if (check.state === 'wrong') return;
  }
  const { bills, waiting } = findBills(await place.list(), now);
  yield bills.length === 0
    ? { subject: 'bills', state: 'note', message: 'no file there ends in .csv, .csv.gz or .parquet yet' }
    : { subject: 'bills', state: 'ok', message: `${bills.length} ${bills.length === 1 ? 'file' : 'files'}` };
  for (const message of waiting) yield { subject: 'bills', state: 'note', message };
}

/**
 * A source of kind aws-data-export: a bucket into which AWS Data Exports (FOCUS, CUR 2.0) or a legacy Cost and Usage Report is delivered.
 * Each billing period is one delivery, read whole; what is in the files is billing's matter.
 */
import { AppError } from '../../services/kernel/errors.ts';
import { openAmazonS3Store } from '../amazon-s3/amazon-s3-store.ts';
import { readS3Place } from '../amazon-s3/s3-place.ts';
import type { Connect, ConnectedSource, Listing, ListRequest, Manifest } from '../connector.ts';
import { checkExport } from './check-export.ts';
import { chooseDelivery, type Delivery, UNREADABLE } from './choose-delivery.ts';
import { type ExportPlace, findSettled, nothingYet, onlyExport } from './export-place.ts';

export const connectAwsDataExport: Connect = async (source, context) => {
  const place = readS3Place(source);
  const prefix = prefixOf(source);
  const store = openAmazonS3Store(place, context);
  const given = { store, prefix, bucket: place.bucket, now: context.now };
  return {
    list: (request) => listDeliveries(given, request),
    fetch: (file, target) =>
      store.fetch(
        { key: file.key, version: file.version ?? '', sizeBytes: file.sizeBytes ?? 0, modifiedAt: context.now },
        target,
      ),
    check: () => checkExport(given),
    close: () => store.close(),
  };
};

/** With a slash at its end, so that `focus` does not also name `focus-old`; empty for the whole bucket. */
function prefixOf({ settings }: ConnectedSource): string {
  const { prefix } = settings;
  const name = typeof prefix === 'string' ? prefix.trim().replace(/^\/+|\/+$/g, '') : '';
  return name === '' ? '' : `${name}/`;
}

async function listDeliveries(place: ExportPlace, { range, known }: ListRequest): Promise<Listing> {
  const found = await findSettled(place);
  const months = (onlyExport(found, place)?.months ?? []).filter(
    ({ start, end }) => range === undefined || (start < range.end && end > range.start),
  );
  const manifests: Manifest[] = [];
  const waiting: string[] = found.exports.length === 0 ? [nothingYet(place)] : [];
  for (const month of months) {
    const choice = await chooseDelivery(month, { ...place, objects: found.objects, known });
    if (choice.delivery !== null) manifests.push(manifestOf(choice.delivery));
    if (choice.waiting !== null) waiting.push(choice.waiting);
  }
  // Months before a change of the export's format are passed over; where there are no others, nothing will ever come.
  const [unreadable] = waiting.filter((words) => words.endsWith(UNREADABLE));
  if (manifests.length === 0 && unreadable !== undefined) throw new AppError('source_refused', `${unreadable}.`);
  return { manifests, waiting };
}

function manifestOf({ month, manifest, files }: Delivery): Manifest {
  return {
    billingPeriod: { start: month.start, end: month.end },
    deliveredAt: manifest.modifiedAt,
    files: files.map(({ key, version, sizeBytes }) => ({
      key,
      name: key.slice(key.lastIndexOf('/') + 1),
      version,
      sizeBytes,
    })),
  };
}

/**
 * A source of kind azure-cost-export: a container into which Azure Cost Management exports FOCUS, actual or amortized cost. Each billing
 * period is one run of the export, read whole; what is in the files is billing's matter.
 */
import { openAzureBlobStore } from '../azure-blob/azure-blob-store.ts';
import { readBlobPlace } from '../azure-blob/blob-place.ts';
import type { Connect, ConnectedSource, Listing, ListRequest, Manifest } from '../connector.ts';
import { checkExport } from './check-export.ts';
import { chooseRun, type Delivery } from './choose-run.ts';
import { findExports, monthsOf } from './export-layout.ts';
import { chooseExports, type ExportPlace, manifestReader, nothingYet } from './export-place.ts';

export const connectAzureCostExport: Connect = async (source, context) => {
  const place = readBlobPlace(source);
  const prefix = prefixOf(source);
  const store = openAzureBlobStore(place, context);
  const given = () => ({
    store,
    prefix,
    container: place.container,
    now: context.now,
    readManifest: manifestReader(store),
  });
  return {
    list: (request) => listDeliveries(given(), request),
    fetch: (file, target) =>
      store.fetch(
        { key: file.key, version: file.version ?? '', sizeBytes: file.sizeBytes ?? 0, modifiedAt: context.now },
        target,
      ),
    check: () => checkExport(given()),
    close: () => store.close(),
  };
};

/** With a slash at its end, so that `focus` does not also name `focus-old`; empty for the whole container. */
function prefixOf({ settings }: ConnectedSource): string {
  const { prefix } = settings;
  const name = typeof prefix === 'string' ? prefix.trim().replace(/^\/+|\/+$/g, '') : '';
  return name === '' ? '' : `${name}/`;
}

async function listDeliveries(place: ExportPlace, { range, known }: ListRequest): Promise<Listing> {
  const found = await findExports(place.store.list(place.prefix));
  const { exports, dataset } = await chooseExports(found, place);
  const months = monthsOf(exports).filter(
    ({ start, end }) => range === undefined || (start < range.end && end > range.start),
  );
  const manifests: Manifest[] = [];
  const waiting: string[] = exports.length === 0 ? [nothingYet(place)] : [];
  for (const month of months) {
    const choice = await chooseRun(month, { ...place, objects: found.objects, known });
    if (choice.delivery !== null)
      manifests.push(manifestOf({ ...choice.delivery, dataset: choice.delivery.dataset ?? dataset }));
    if (choice.waiting !== null) waiting.push(choice.waiting);
  }
  return { manifests, waiting };
}

function manifestOf({ month, dataset, deliveredAt, files }: Delivery): Manifest {
  return {
    billingPeriod: { start: month.start, end: month.end },
    deliveredAt,
    files: files.map(({ key, version, sizeBytes, md5 }) => ({
      key,
      name: key.slice(key.lastIndexOf('/') + 1),
      version,
      sizeBytes,
      ...(md5 === undefined ? {} : { md5 }),
    })),
    ...(dataset === 'actual' || dataset === 'amortized' ? { hint: { dataset } } : {}),
  };
}

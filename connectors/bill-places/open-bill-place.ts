/** From the path of a source to the place it names: one of the object stores, or a folder here. */
import { resolve } from 'node:path';
import { AppError } from '../../services/kernel/errors.ts';
import type { S3Vendor } from '../amazon-s3/s3-place.ts';
import type { ConnectedSource, ConnectionContext } from '../connector.ts';
import type { ObjectStore } from '../object-store.ts';
import { openBillFolder } from './bill-folder.ts';
import { isBillName } from './bill-names.ts';
import { type BillPlace, FILES_MAX, type PlacedFile, tooMany } from './bill-place.ts';

const STORE = /^(?<scheme>s3|gs):\/\/(?<bucket>[^/]+)\/?(?<prefix>.*)$/i;
const AZURE_HOST = /^(?<account>[a-z0-9]+)\.blob\./;

/**
 * The place that `path` names: a folder relative to the organisation file, s3://bucket/prefix, gs://bucket/prefix or
 * https://account.blob.core.windows.net/container/prefix. `region`, `endpoint`, `forcePathStyle` and `profile` say how it is reached,
 * `vendor` whose storage it is that speaks S3's protocol.
 * @throws AppError invalid_input for a path that is none.
 */
export async function openBillPlace(
  source: ConnectedSource,
  context: ConnectionContext,
  vendor?: S3Vendor,
): Promise<BillPlace> {
  const { id, settings, baseFolder } = source;
  const path = typeof settings['path'] === 'string' ? settings['path'].trim() : '';
  if (path === '') {
    throw new AppError(
      'invalid_input',
      `The source "${id}" has no folder. Add path: … to it in the organisation file and run "outturn apply", or name the files: outturn ingest FILES --source ${id}`,
    );
  }
  const place = { id, title: path, context };
  const { scheme, bucket = '', prefix = '' } = STORE.exec(path)?.groups ?? {};
  if (scheme?.toLowerCase() === 's3')
    return placeIn(await openS3(source, { bucket, vendor }, context), { ...place, prefix });
  if (scheme?.toLowerCase() === 'gs') return placeIn(await openGcs(source, bucket, context), { ...place, prefix });
  if (/^https?:\/\//i.test(path)) {
    const { store, prefix: folder } = await openAzure(source, path, context);
    return placeIn(store, { ...place, prefix: folder });
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    throw refuse(
      id,
      `"${path}" is of no storage this version reads. Write a folder, s3://bucket/folder, gs://bucket/folder or https://account.blob.core.windows.net/container/folder.`,
    );
  }
  return openBillFolder({ ...place, path: resolve(baseFolder, path) });
}

async function openS3(
  source: ConnectedSource,
  { bucket, vendor }: { bucket: string; vendor: S3Vendor | undefined },
  context: ConnectionContext,
): Promise<ObjectStore> {
  const [{ openAmazonS3Store }, { readS3Place }] = await Promise.all([
    import('../amazon-s3/amazon-s3-store.ts'),
    import('../amazon-s3/s3-place.ts'),
  ]);
  const place = readS3Place(withSettings(source, { bucket }));
  return openAmazonS3Store(vendor === undefined ? place : { ...place, vendor }, context);
}

async function openGcs(source: ConnectedSource, bucket: string, context: ConnectionContext): Promise<ObjectStore> {
  const { openGoogleCloudStorage } = await import('../google-cloud-storage/google-cloud-storage.ts');
  const { endpoint } = source.settings;
  return openGoogleCloudStorage({ bucket, ...(typeof endpoint === 'string' ? { endpoint } : {}) }, context);
}

async function openAzure(
  source: ConnectedSource,
  path: string,
  context: ConnectionContext,
): Promise<{ store: ObjectStore; prefix: string }> {
  const url = URL.parse(path);
  const account = AZURE_HOST.exec(url?.hostname ?? '')?.groups?.['account'];
  const [, container = '', prefix = ''] = /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(url?.pathname ?? '')) ?? [];
  if (url === null || account === undefined || container === '') {
    throw refuse(
      source.id,
      'its path begins with https:// and is no address in Azure Blob Storage. Write https://account.blob.core.windows.net/container/folder.',
    );
  }
  if (url.search !== '') {
    throw refuse(
      source.id,
      'its path carries a query, such as a shared access signature. Write the address alone, and give the process an identity of its own.',
    );
  }
  const [{ openAzureBlobStore }, { readBlobPlace }] = await Promise.all([
    import('../azure-blob/azure-blob-store.ts'),
    import('../azure-blob/blob-place.ts'),
  ]);
  const isUsual = url.hostname === `${account}.blob.core.windows.net`;
  const endpoint = source.settings['endpoint'] ?? (isUsual ? undefined : url.origin);
  const settings = { account, container, ...(endpoint === undefined ? {} : { endpoint }) };
  return { store: openAzureBlobStore(readBlobPlace(withSettings(source, settings)), context), prefix };
}

function placeIn(
  store: ObjectStore,
  place: { id: string; title: string; prefix: string; context: ConnectionContext },
): BillPlace {
  // With a slash at its end, so that `focus` does not also name `focus-old`.
  const name = place.prefix.replace(/\/+$/, '');
  const prefix = name === '' || isBillName(name) ? name : `${name}/`;
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  return {
    title: place.title,
    list: async () => {
      const files: PlacedFile[] = [];
      for await (const { modifiedAt, md5, ...object } of store.list(prefix)) {
        if (files.length === FILES_MAX) throw tooMany(place.id, place.title);
        files.push({
          ...object,
          name: object.key.slice(folder.length),
          modifiedAt,
          ...(md5 === undefined ? {} : { md5 }),
        });
      }
      return files;
    },
    fetch: ({ key, version, sizeBytes }, target) =>
      store.fetch({ key, version: version ?? '', sizeBytes: sizeBytes ?? 0, modifiedAt: place.context.now }, target),
    check: () => store.check(prefix),
    close: () => store.close(),
  };
}

function withSettings(source: ConnectedSource, settings: Readonly<Record<string, unknown>>): ConnectedSource {
  return { ...source, settings: { ...source.settings, ...settings } };
}

function refuse(id: string, message: string): AppError {
  return new AppError('invalid_input', `The source "${id}" cannot be read: ${message}`);
}

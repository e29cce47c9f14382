/** The bodies that Cloud Storage's JSON API answers with. */
import type { GcsObject } from './gcs-server.ts';

/** One page of `storage#objects`: by name, after the page token, which is the last name of the page before. */
export function listBody(
  bucket: string,
  objects: readonly GcsObject[],
  query: URLSearchParams,
  pageSize: number,
): string {
  const prefix = query.get('prefix') ?? '';
  const after = Buffer.from(query.get('pageToken') ?? '', 'base64').toString();
  const found = objects
    .filter(({ name }) => name.startsWith(prefix) && name > after)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const page = found.slice(0, Math.min(pageSize, Number(query.get('maxResults') ?? pageSize)));
  const last = page.at(-1);
  return JSON.stringify({
    kind: 'storage#objects',
    // An empty page has no items, rather than an empty list.
    ...(page.length === 0 ? {} : { items: page.map((object) => resourceOf(bucket, object)) }),
    ...(last !== undefined && page.length < found.length
      ? { nextPageToken: Buffer.from(last.name).toString('base64') }
      : {}),
  });
}

export function errorBody(code: number, reason: string, message: string): string {
  return JSON.stringify({ error: { code, message, errors: [{ message, domain: 'global', reason }] } });
}

function resourceOf(bucket: string, { name, generation, md5Hash, updatedAt, content }: GcsObject) {
  return {
    kind: 'storage#object',
    id: `${bucket}/${name}/${generation}`,
    name,
    bucket,
    generation,
    metageneration: '1',
    size: String(content.sizeBytes),
    storageClass: 'STANDARD',
    timeCreated: updatedAt.toISOString(),
    updated: updatedAt.toISOString(),
    ...(md5Hash === undefined ? { componentCount: 2 } : { md5Hash }),
  };
}

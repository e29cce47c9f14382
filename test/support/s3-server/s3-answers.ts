/** The XML answers of Amazon S3. Source: Amazon S3 API reference, "ListObjectsV2", "ListObjects" and "Error responses". */
import type { S3Object } from './s3-server.ts';

export function errorXml(code: string, message: string): string {
  return xml('Error', tag('Code', code) + tag('Message', message) + tag('RequestId', 'none'));
}

/** One page of a bucket's objects: prefix, delimiter, start-after, continuation-token or marker, max-keys and encoding-type as S3 has them. */
export function listXml(
  bucket: string,
  objects: readonly S3Object[],
  query: URLSearchParams,
  { pageSize, listVersion }: { pageSize: number; listVersion: 1 | 2 },
): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const isSecond = listVersion === 2 && query.get('list-type') === '2';
  const token = query.get('continuation-token');
  const start = query.get(isSecond ? 'start-after' : 'marker') ?? '';
  const after = token === null || !isSecond ? start : Buffer.from(token, 'base64url').toString();
  const spell = (key: string) =>
    query.get('encoding-type') === 'url' ? encodeURIComponent(key).replaceAll('%2F', '/') : key;
  const entries = new Map<string, S3Object | null>();
  for (const object of [...objects].sort((left, right) => (left.key < right.key ? -1 : 1))) {
    if (!object.key.startsWith(prefix)) continue;
    const cut = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length);
    if (cut === -1) entries.set(object.key, object);
    else entries.set(object.key.slice(0, cut + delimiter.length), null);
  }
  const rest = [...entries].filter(([name]) => name > after);
  const page = rest.slice(0, Math.min(pageSize, Number(query.get('max-keys') ?? pageSize)));
  const isTruncated = page.length < rest.length;
  return xml(
    'ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"',
    [
      tag('Name', bucket),
      tag('Prefix', spell(prefix)),
      isSecond ? tag('KeyCount', String(page.length)) : tag('Marker', spell(after)),
      tag('MaxKeys', query.get('max-keys') ?? String(pageSize)),
      tag('IsTruncated', String(isTruncated)),
      isTruncated && isSecond
        ? tag('NextContinuationToken', Buffer.from(page.at(-1)?.[0] ?? '').toString('base64url'))
        : '',
      ...page.map(([name, object]) =>
        object === null ? `<CommonPrefixes>${tag('Prefix', spell(name))}</CommonPrefixes>` : contents(object, spell),
      ),
    ].join(''),
  );
}

function contents({ key, etag, modifiedAt, content }: S3Object, spell: (key: string) => string): string {
  const parts = [
    tag('Key', spell(key)),
    tag('LastModified', modifiedAt.toISOString()),
    tag('ETag', `"${etag}"`),
    tag('Size', String(content.sizeBytes)),
    tag('StorageClass', 'STANDARD'),
  ];
  return `<Contents>${parts.join('')}</Contents>`;
}

function xml(root: string, body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${body}</${root.split(' ')[0]}>`;
}

function tag(name: string, text: string): string {
  const escaped = text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
  return `<${name}>${escaped}</${name}>`;
}

/**
 * Serves a folder as an S3 bucket, for looking at a connector by hand:
 *
 *     node test/support/s3-server/main.ts --folder exports --bucket bills --port 9000
 *
 * Then, with AWS_ACCESS_KEY_ID=local and AWS_SECRET_ACCESS_KEY=local, a source with bucket: bills, region: us-east-1,
 * endpoint: http://127.0.0.1:9000 and forcePathStyle: true reads it, and so does `aws s3 ls --endpoint-url`.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { type S3Double, startS3Double } from './s3-server.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    bucket: { type: 'string', default: 'bills' },
    port: { type: 'string', default: '9000' },
    'page-size': { type: 'string', default: '1000' },
    'throttle-every': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`Serves a folder as an S3 bucket on 127.0.0.1 (ListObjectsV2, GetObject, HEAD).

  --folder DIR         what is served; read anew for every list (.)
  --bucket NAME        the bucket's name (bills)
  --port N             where (9000)
  --page-size N        objects per page of a list (1000)
  --throttle-every N   every Nth call is answered with SlowDown (0: never)

Access key and secret: local`);
} else {
  await serve();
}

async function serve(): Promise<void> {
  const { bucket, folder } = values;
  const every = Number(values['throttle-every']);
  const double = await startS3Double({
    port: Number(values.port),
    accessKeyId: 'local',
    secretAccessKey: 'local',
    beforeList: (server) => putFolder(server, bucket, folder),
    onCall: ({ operation, key, prefix, range, status, bytesSent }) => {
      console.log(`${status} ${operation} ${key || prefix} ${range ?? ''} ${bytesSent} bytes`);
      if (every > 0 && double.calls.length % every === 0)
        double.faults.push({ operation, kind: 'throttle', retryAfterSeconds: 1 });
    },
  });
  double.pageSize = Number(values['page-size']);
  double.createBucket(bucket);
  await putFolder(double, bucket, folder);
  console.log(`${folder} is served as ${double.url}/${bucket}`);
}

async function putFolder(double: S3Double, bucket: string, folder: string): Promise<void> {
  for (const key of double.keys(bucket)) double.remove(bucket, key);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtime, mtimeMs } = await stat(path);
    const content = { sizeBytes: size, read: (offset: number) => createReadStream(path, { start: offset }) };
    // No MD5, like an object uploaded in parts: large files are not read for it.
    const etag = `${Math.round(mtimeMs).toString(16)}${size.toString(16)}-1`;
    double.put(bucket, relative(folder, path).split(sep).join('/'), content, { modifiedAt: mtime, etag });
  }
}

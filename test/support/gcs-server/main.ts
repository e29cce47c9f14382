/**
 * Serves a folder as a bucket of Google Cloud Storage, for looking at a connector by hand:
 *
 *     node test/support/gcs-server/main.ts --folder exports --bucket bills --port 9010
 *
 * It prints where it wrote a credential file. With GOOGLE_APPLICATION_CREDENTIALS naming that file, a source with path: gs://bills and
 * endpoint: http://127.0.0.1:9010 reads it.
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { type GcsDouble, startGcsDouble } from './gcs-server.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    bucket: { type: 'string', default: 'bills' },
    port: { type: 'string', default: '9010' },
    'page-size': { type: 'string', default: '1000' },
    'throttle-every': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`Serves a folder as a bucket of Google Cloud Storage on 127.0.0.1 (objects.list, objects.get alt=media).

  --folder DIR         what is served; read anew for every list (.)
  --bucket NAME        the bucket's name (bills)
  --port N             where (9010)
  --page-size N        objects per page of a list (1000)
  --throttle-every N   every Nth call is answered with 429 (0: never)

Credentials: a file whose path is printed, for GOOGLE_APPLICATION_CREDENTIALS`);
} else {
  await serve();
}

async function serve(): Promise<void> {
  const { bucket, folder } = values;
  const every = Number(values['throttle-every']);
  const double = await startGcsDouble({
    port: Number(values.port),
    beforeList: (server) => putFolder(server, bucket, folder),
    onCall: ({ operation, name, prefix, range, status, bytesSent }) => {
      console.log(`${status} ${operation} ${name || prefix} ${range ?? ''} ${bytesSent} bytes`);
      if (every > 0 && double.calls.length % every === 0)
        double.faults.push({ operation, kind: 'throttle', retryAfterSeconds: 1 });
    },
  });
  double.pageSize = Number(values['page-size']);
  double.createBucket(bucket);
  const keys = await mkdtemp(join(tmpdir(), 'gcs-server-'));
  await writeFile(join(keys, 'token'), double.subjectToken);
  await writeFile(join(keys, 'credentials.json'), double.credentials(join(keys, 'token')));
  console.log(`${folder} is served as gs://${bucket} on ${double.url}`);
  console.log(`export GOOGLE_APPLICATION_CREDENTIALS=${join(keys, 'credentials.json')}`);
}

async function putFolder(double: GcsDouble, bucket: string, folder: string): Promise<void> {
  for (const name of double.names(bucket)) double.remove(bucket, name);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtime, mtimeMs } = await stat(path);
    // No MD5, like an object composed of parts: large files are not read for it.
    const content = { sizeBytes: size, read: (offset: number) => createReadStream(path, { start: offset }) };
    const options = { updatedAt: mtime, generation: String(Math.round(mtimeMs * 1000)) };
    double.put(bucket, relative(folder, path).split(sep).join('/'), content, options);
  }
}

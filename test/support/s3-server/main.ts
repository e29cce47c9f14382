/**
 * Serves a folder, or made-up exports of AWS, as an S3 bucket, for looking at a connector by hand:
 *
 *     node test/support/s3-server/main.ts --folder exports
 *     node test/support/s3-server/main.ts --sample
 *
 * It prints what to put into the environment and into an organisation file; `aws s3 ls --endpoint-url` reads it, too.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { addDays, monthOf, type Period, utcDate } from '../../../services/kernel/period.ts';
import { BUCKET, deliverDataExport, deliverReport } from '../aws-exports.ts';
import { AWS_MONTH_FOCUS_12, AWS_MONTH_LINES } from '../aws-month.ts';
import { type BillLine, csvOf } from '../billing.ts';
import { printSource } from '../print-source.ts';
import { type S3Double, startS3Double } from './s3-server.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    sample: { type: 'boolean', default: false },
    bucket: { type: 'string', default: BUCKET },
    port: { type: 'string', default: '9000' },
    'page-size': { type: 'string', default: '1000' },
    'throttle-every': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`Serves a folder as an S3 bucket on 127.0.0.1 (ListObjectsV2, GetObject, HEAD).

  --folder DIR         what is served; read anew for every list (.)
  --sample             instead: a FOCUS export below focus/ and a legacy report below report/, of this month and the last
  --bucket NAME        the bucket's name (bills)
  --port N             where (9000)
  --page-size N        objects per page of a list (1000)
  --throttle-every N   every Nth call is answered with SlowDown (0: never)

Access key and secret: local`);
} else {
  await serve();
}

async function serve(): Promise<void> {
  const { bucket, folder, sample } = values;
  const every = Number(values['throttle-every']);
  const double = await startS3Double({
    port: Number(values.port),
    accessKeyId: 'local',
    secretAccessKey: 'local',
    ...(sample ? {} : { beforeList: (server) => putFolder(server, bucket, folder) }),
    onCall: ({ operation, key, prefix, range, status, bytesSent }) => {
      console.log(`${status} ${operation} ${key || prefix} ${range ?? ''} ${bytesSent} bytes`);
      if (every > 0 && double.calls.length % every === 0)
        double.faults.push({ operation, kind: 'throttle', retryAfterSeconds: 1 });
    },
  });
  double.pageSize = Number(values['page-size']);
  double.createBucket(sample ? BUCKET : bucket);
  if (sample) putSample(double);
  else await putFolder(double, bucket, folder);
  const place = sample ? `bucket: ${BUCKET}, prefix: focus` : `bucket: ${bucket}`;
  printSource(
    'export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local',
    `id: aws, kind: aws-data-export, ${place}, region: us-east-1, endpoint: "${double.url}", forcePathStyle: true`,
  );
}

/** One month of every type of line, twice: dated last month and this. */
function putSample(double: S3Double): void {
  const current = monthOf(utcDate(new Date()));
  for (const month of [monthOf(addDays(current.start, -1)), current]) {
    const at = new Date().toISOString();
    const textOf = (lines: readonly BillLine[]) => dated(csvOf(lines), month);
    const files = { 'focus-00001.csv.gz': textOf(AWS_MONTH_FOCUS_12) };
    deliverDataExport(double, { root: 'focus', month: month.id, files, at });
    const report = { 'report-00001.csv.gz': textOf(AWS_MONTH_LINES) };
    deliverReport(double, { root: 'report', month: month.id, files: report, at });
  }
}

/** The month of tests as another one. */
function dated(text: string, { id, end }: Period): string {
  return text.replace(/2026-(?:09|10-01)/g, (date) => (date === '2026-10-01' ? end : id));
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

/**
 * Oracle's reports straight from Oracle's own bucket, through its S3-compatible API: where it is, whose key reads it, and that a refusal
 * says what Oracle wants rather than what Amazon would.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Connection, SourceCheck } from '../../connectors/connector.ts';
import { connectOciCostReports } from '../../connectors/oci-cost-reports/connect-oci-cost-reports.ts';
import { useAwsKeysOf } from '../support/aws-exports.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';
import { askedOfProxy } from '../support/connect-proxy.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';

const REGION = 'eu-frankfurt-1';
const NOW = '2026-10-06T08:00:00Z';
/** As long as they are: longer than the name of any bucket of Amazon's. */
const TENANCY = `ocid1.tenancy.oc1..${'a'.repeat(60)}`;
const FOCUS = `s3://${TENANCY}/FOCUS Reports/`;
const REPORT = 'FOCUS Reports/2026/09/15/0001000001234567-00001.csv.gz';

let double: S3Double;
let folder: string;

beforeEach(async () => {
  double = await startS3Double({ now: () => new Date(NOW) });
  double.createBucket(TENANCY);
  double.region = REGION;
  folder = await mkdtemp(join(tmpdir(), 'outturn-oci-'));
  useAwsKeysOf(double);
});
afterEach(async () => {
  await double.stop();
  await rm(folder, { recursive: true, force: true });
});

async function connect(settings: object = {}): Promise<Connection> {
  const given = { path: FOCUS, region: REGION, endpoint: double.url, ...settings };
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return connectOciCostReports(connectedSource('oci-cost-reports', named), connectionContext(NOW));
}

async function listed(settings: object = {}) {
  return (await connect(settings)).list({ known: new Map() });
}

async function checks(settings: object = {}): Promise<SourceCheck[]> {
  const found: SourceCheck[] = [];
  for await (const check of (await connect(settings)).check()) found.push(check);
  return found;
}

describe('Oracle’s own bucket', () => {
  test('is at an address of its own, made of the home region', async () => {
    const asked = await askedOfProxy(() =>
      expect(listed({ endpoint: undefined })).rejects.toThrow('could not be reached'),
    );
    expect(new Set(asked)).toEqual(new Set(['bling.compat.objectstorage.eu-frankfurt-1.oraclecloud.com:443']));
  });

  test('is listed page by page and read by the tenancy’s name, one kind of report alone', async () => {
    double.put(TENANCY, REPORT, 'the report');
    double.put(TENANCY, REPORT.replace('00001.csv', '00002.csv'), 'its second part');
    double.put(TENANCY, 'reports/cost-csv/0001-00001.csv.gz', 'the same usage');
    double.pageSize = 1;
    // Oracle documents lists of the first version alone.
    double.listVersion = 1;
    const { manifests, waiting } = await listed();
    expect(waiting).toEqual([]);
    expect(manifests.flatMap(({ files }) => files.map(({ key }) => key))).toEqual([
      REPORT,
      REPORT.replace('00001.csv', '00002.csv'),
    ]);
    const [file] = manifests[0]?.files ?? [];
    const path = join(folder, 'report');
    if (file !== undefined) await (await connect()).fetch(file, { path, offset: 0, report: () => {} });
    expect(await readFile(path, 'utf8')).toBe('the report');
    expect((await checks()).map(({ subject, state }) => [subject, state])).toEqual([
      ['credentials', 'ok'],
      ['s3:ListBucket', 'ok'],
      ['s3:GetObject', 'ok'],
      ['reports', 'ok'],
    ]);
    await expect(listed({ path: `s3://${TENANCY}` })).rejects.toThrow('bill the same usage twice');
  });

  test('is read with the key of a profile, beside another one in the environment', async () => {
    const path = join(folder, 'credentials');
    const { accessKeyId, secretAccessKey } = double;
    await writeFile(path, `[oci]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`);
    Object.assign(env, { AWS_ACCESS_KEY_ID: 'AKIAOFAMAZON', AWS_SHARED_CREDENTIALS_FILE: path });
    double.put(TENANCY, REPORT, 'the report');
    expect((await listed({ profile: 'oci' })).manifests[0]?.files).toHaveLength(1);
    await expect(listed()).rejects.toThrow('does not know it. Create one for the user in the group');
  });

  test('that may not be read names Oracle’s policy, and no action of Amazon’s', async () => {
    const policy = 'the policy "endorse group … to read objects in tenancy usage-report" is missing';
    double.put(TENANCY, REPORT, 'x');
    double.denied.add('s3:GetObject');
    expect((await checks()).at(-1)).toMatchObject({ state: 'wrong', message: expect.stringContaining(policy) });
    double.denied.add('s3:ListBucket');
    expect((await checks()).at(-1)).toMatchObject({ state: 'wrong', message: expect.stringContaining(policy) });
    // Oracle says so to whoever may not see it.
    await expect(listed({ path: FOCUS.replace('aaaa', 'bbbb') })).rejects.toMatchObject({
      code: 'source_refused',
      message: expect.stringContaining(policy),
    });
  });

  test('that asks to be called less often is asked when it says', async () => {
    double.faults.push({ operation: 'ListObjectsV2', kind: 'throttle', retryAfterSeconds: 90 });
    await expect(listed()).rejects.toMatchObject({
      name: 'TransientError',
      retryAfterMs: 90_000,
      message: expect.stringContaining("Oracle's object storage"),
    });
  });

  test('with nothing in it yet waits for Oracle, and for no mirror', async () => {
    const { waiting } = await listed();
    expect(waiting).toEqual([`no report lies in ${FOCUS} yet; Oracle writes one every six hours`]);
  });

  test.each([
    [{ region: undefined }, 'the home region of the tenancy'],
    [{ path: FOCUS.replace('oc1', 'oc2'), endpoint: undefined }, 'of the realm oc2. Add endpoint'],
  ])('that is not named whole is refused with what to add: %j', async (settings, message) => {
    await expect(connect(settings)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(message),
    });
  });
});

test('a copy in a bucket of one’s own is asked for at its own address', async () => {
  const endpoint = 'https://acme.compat.objectstorage.eu-frankfurt-1.oraclecloud.com';
  const copy = { path: 's3://copies/FOCUS Reports/', endpoint, forcePathStyle: true };
  const asked = await askedOfProxy(() => expect(listed(copy)).rejects.toThrow("Oracle's object storage could not be"));
  expect(new Set(asked)).toEqual(new Set(['acme.compat.objectstorage.eu-frankfurt-1.oraclecloud.com:443']));
});

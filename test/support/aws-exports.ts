/** Deliveries of AWS as they lie in a bucket: Data Exports and legacy Cost and Usage Reports, each overwriting or kept beside the last. */
import { gzipSync } from 'node:zlib';
import { parsePeriod } from '../../services/kernel/period.ts';
import type { S3Double } from './s3-server/s3-server.ts';

export const BUCKET = 'bills';

export interface AwsDelivery {
  /** The folder of the export: prefix and name. */
  readonly root: string;
  /** `2026-09`. */
  readonly month: string;
  /** By name; those that end in .gz are compressed here. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** When its manifest was written; its files a minute before. */
  readonly at: string;
  /** The folder of this delivery, where each is kept. */
  readonly version?: string;
  readonly columns?: readonly string[];
  /** What is there of it so far. */
  readonly without?: 'manifest' | readonly string[];
}

const MINUTE_MS = 60_000;

/** `root/data/BILLING_PERIOD=…` and its manifest below `root/metadata`. */
export function deliverDataExport(double: S3Double, delivery: AwsDelivery): void {
  const { root, month, version } = delivery;
  const folder = `BILLING_PERIOD=${month}/${version === undefined ? '' : `${version}/`}`;
  const keys = putFiles(double, `${root}/data/${folder}`, delivery);
  const name = nameOf(root);
  putManifest(double, `${root}/metadata/${folder}${name}-Manifest.json`, delivery, {
    exportName: name,
    executionId: version ?? 'e-1',
    columns: (delivery.columns ?? []).map((column) => ({ name: column, type: 'string' })),
    // The bucket of the first delivery: replicas keep naming it.
    dataFiles: keys.map((key) => `s3://where-aws-put-it/${key}`),
  });
}

/** `root/20260901-20261001/…`, with the manifest of the month and, where each is kept, that of the assembly. */
export function deliverReport(double: S3Double, delivery: AwsDelivery): void {
  const { root, month, version } = delivery;
  const { start, end } = parsePeriod(month);
  const digits = (date: string) => date.replaceAll('-', '');
  const folder = `${root}/${digits(start)}-${digits(end)}/`;
  const keys = putFiles(double, `${folder}${version === undefined ? '' : `${version}/`}`, delivery);
  const manifest = {
    assemblyId: version ?? 'a-1',
    reportName: nameOf(root),
    compression: 'GZIP',
    contentType: 'text/csv',
    billingPeriod: { start: `${digits(start)}T000000.000Z`, end: `${digits(end)}T000000.000Z` },
    columns: [{ category: 'lineItem', name: 'LineItemType' }],
    reportKeys: keys,
  };
  if (version !== undefined)
    putManifest(double, `${folder}${version}/${nameOf(root)}-Manifest.json`, delivery, manifest);
  putManifest(double, `${folder}${nameOf(root)}-Manifest.json`, delivery, manifest);
}

function putFiles(double: S3Double, folder: string, { files, at, without }: AwsDelivery): string[] {
  return Object.entries(files).map(([name, content]) => {
    const key = `${folder}${name}`;
    const isThere = !Array.isArray(without) || !without.includes(name);
    const bytes = name.endsWith('.gz') ? gzipSync(content, { level: 1 }) : content;
    if (isThere) double.put(BUCKET, key, bytes, { modifiedAt: new Date(Date.parse(at) - MINUTE_MS) });
    return key;
  });
}

function putManifest(double: S3Double, key: string, { at, without }: AwsDelivery, content: object): void {
  if (without !== 'manifest') double.put(BUCKET, key, JSON.stringify(content), { modifiedAt: new Date(at) });
}

function nameOf(root: string): string {
  return root.slice(root.lastIndexOf('/') + 1);
}

/** The SDK's own chain finds the double's key in the environment, and nothing else of this machine. */
export function useAwsKeysOf(double: S3Double): void {
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: double.accessKeyId,
    AWS_SECRET_ACCESS_KEY: double.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
}

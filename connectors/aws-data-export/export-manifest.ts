/** What a manifest of an AWS export says: the files of one delivery and their columns. */
import { AppError } from '../../services/kernel/errors.ts';

export interface ExportManifest {
  /** As the manifest names them, without the bucket. */
  readonly keys: readonly string[];
  /** In the spelling of CUR 2.0 and FOCUS; a legacy report's with its category before a slash. */
  readonly columns: readonly string[];
}

const READABLE = /\.(csv|csv\.gz|parquet)$/i;

/**
 * `dataFiles` of a Data Export are addresses (s3://bucket/key), `reportKeys` of a legacy report are keys. The bucket of an address is not
 * looked at: where a bucket is replicated, its manifests still name the first one.
 * @returns null for what is no manifest. @throws AppError source_refused for files that no reader here understands.
 */
export function readExportManifest(text: string): ExportManifest | null {
  const manifest = parse(text);
  const named = manifest?.['dataFiles'] ?? manifest?.['reportKeys'];
  if (!Array.isArray(named) || !named.every((name) => typeof name === 'string')) return null;
  const keys = named.map((name) => name.replace(/^s3a?:\/\/[^/]+\//, ''));
  const strange = keys.find((key) => !READABLE.test(key));
  if (strange !== undefined) {
    throw new AppError(
      'source_refused',
      `The export delivers ${strange.slice(strange.lastIndexOf('/') + 1)}, which cannot be read. Set its compression to GZIP (CSV) or Parquet in AWS.`,
    );
  }
  return { keys, columns: columnsOf(manifest?.['columns']) };
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function columnsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return (value as { name?: unknown; category?: unknown }[]).flatMap(({ name, category }) => {
    if (typeof name !== 'string') return [];
    return [typeof category === 'string' ? `${category}/${name}` : name];
  });
}

/** What a manifest of an AWS export says: the files of one delivery and their columns. */
export interface ExportManifest {
  /** As the manifest names them, without the bucket. */
  readonly keys: readonly string[];
  /** In the spelling of CUR 2.0 and FOCUS; a legacy report's with its category before a slash. */
  readonly columns: readonly string[];
  /** A file that no reader here understands, such as a ZIP. */
  readonly unreadable: string | null;
}

const READABLE = /\.(csv|csv\.gz|parquet)$/i;

/**
 * `dataFiles` of a Data Export are addresses (s3://bucket/key), `reportKeys` of a legacy report are keys. The bucket of an address is not
 * looked at: where a bucket is replicated, its manifests still name the first one.
 * @returns null for what is no manifest.
 */
export function readExportManifest(text: string): ExportManifest | null {
  const manifest = parse(text);
  const named = manifest?.['dataFiles'] ?? manifest?.['reportKeys'];
  if (!Array.isArray(named) || !named.every((name) => typeof name === 'string')) return null;
  const keys = named.map((name) => name.replace(/^s3a?:\/\/[^/]+\//, ''));
  return {
    keys,
    columns: columnsOf(manifest?.['columns']),
    unreadable: keys.find((key) => !READABLE.test(key)) ?? null,
  };
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

/** What the manifest.json of a run says: which files are its, how large, when it was asked for, and what kind of export it is of. */
export interface ExportManifest {
  readonly blobs: readonly { readonly key: string; readonly sizeBytes: number | null }[];
  readonly blobCount: number | null;
  readonly byteCount: number | null;
  readonly submittedAt: Date | null;
  readonly dataset: Dataset | null;
  /** What the export is of: a billing account, a billing profile, a subscription. */
  readonly scope: string | null;
}

/** `other` is no bill: a price sheet, reservation details or recommendations. */
export type Dataset = 'focus' | 'actual' | 'amortized' | 'other';

const DATASETS: Readonly<Record<string, Dataset>> = {
  focuscost: 'focus',
  actualcost: 'actual',
  usage: 'actual',
  amortizedcost: 'amortized',
};

/** @returns null for what is no manifest. */
export function readExportManifest(text: string): ExportManifest | null {
  const manifest = parse(text);
  const named = manifest?.['blobs'];
  if (manifest === null || !Array.isArray(named)) return null;
  const blobs = named.map(recordOf).map((blob) => ({
    key: textOf(blob['blobName']),
    sizeBytes: countOf(blob['byteCount']),
  }));
  if (!blobs.every((blob): blob is { key: string; sizeBytes: number | null } => blob.key !== null)) return null;
  const config = recordOf(manifest['exportConfig']);
  return {
    blobs,
    blobCount: countOf(manifest['blobCount']),
    byteCount: countOf(manifest['byteCount']),
    submittedAt: instantOf(recordOf(manifest['runInfo'])['submittedTime']),
    dataset: datasetOf(textOf(config['type'])),
    scope: scopeOf(textOf(config['resourceId'])),
  };
}

function datasetOf(type: string | null): Dataset | null {
  return type === null ? null : (DATASETS[type.toLowerCase()] ?? 'other');
}

/** Azure does not agree with itself on the case of ids. */
function scopeOf(resourceId: string | null): string | null {
  const [scope] = (resourceId ?? '').toLowerCase().split('/providers/microsoft.costmanagement/');
  return scope === undefined || scope === '' ? null : scope;
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    // Older ones begin with a byte order mark.
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** Azure's times have no zone; they are UTC. */
function instantOf(value: unknown): Date | null {
  const text = textOf(value);
  if (text === null) return null;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(at) ? null : new Date(at);
}

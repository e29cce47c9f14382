/** What a refusal of Google Cloud Storage means for a source, and what to change: the permission by its name, the bucket, the credentials. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { ConnectionContext } from '../connector.ts';
import { networkReason, proxyRefusal, retryAfterMs, unreached } from '../http-answer.ts';

const RETRY_MS = 60_000;
const DOCS = 'docs/clouds/focus-files.md has the commands.';

export interface GcsPlace {
  readonly bucket: string;
  /** Another address that speaks the JSON API: Private Service Connect. */
  readonly endpoint?: string;
}

export type GcsCall =
  | { readonly permission: 'storage.objects.list'; readonly prefix: string }
  | { readonly permission: 'storage.objects.get'; readonly key: string };

/** What the SDK and its library for credentials tell of an answer that was an error. */
interface GoogleError extends Error {
  readonly code?: number | string;
  readonly status?: number;
  readonly response?: { readonly status?: number; readonly statusCode?: number; readonly headers?: unknown };
  readonly config?: { readonly url?: string | URL };
}

/** The error as our callers know it; those that are ours already, and an abort, pass. */
export function gcsFailure(error: unknown, call: GcsCall, { bucket }: GcsPlace, context: ConnectionContext): unknown {
  if (context.signal.aborted) return context.signal.reason;
  if (!(error instanceof Error) || error instanceof AppError || error instanceof TransientError) return error;
  const { status, retryAfter } = answerOf(error);
  const refuse = (message: string) => new AppError('source_refused', message, { cause: error });
  const later = (message: string) =>
    new TransientError(message, retryAfterMs(retryAfter, context.now) ?? RETRY_MS, error);
  const byProxy = proxyRefusal(status);
  if (byProxy !== null) return refuse(byProxy);
  if (/default credentials|ENOENT|credential/i.test(error.message) && status === null) {
    return refuse(
      'No credentials of Google Cloud were found, or they could not be read. Attach a service account to the machine or the workload, or name a credential file in GOOGLE_APPLICATION_CREDENTIALS.',
    );
  }
  if (isOfTokens(error) && status !== null && status < 500 && status !== 429) {
    return refuse(
      'Google Cloud gives no token for the credentials: they were revoked, have expired, or are of another identity pool. Renew them, or correct the file that GOOGLE_APPLICATION_CREDENTIALS names.',
    );
  }
  if (status === 401) {
    return refuse('Google Cloud Storage does not know the credentials (401). Renew them or give the workload its own.');
  }
  if (status === 429) return later('Google Cloud Storage asked to be called less often.');
  if (status === 408 || (status !== null && status >= 500)) {
    return later(`Google Cloud Storage failed to answer (${status}).`);
  }
  if (status === 403) return refuse(permissionMissing(call, bucket));
  if (status === 404 && call.permission === 'storage.objects.list') {
    return refuse(`There is no bucket ${bucket}. Correct path in the source: gs://bucket/folder.`);
  }
  if (status === 404 || status === 412 || status === 416) return changed(error, call);
  if (status !== null && status >= 400) {
    return refuse(`Google Cloud Storage refused ${call.permission} on ${bucket} (${status}). Check path and endpoint.`);
  }
  return later(unreached('Google Cloud Storage', networkReason(error)));
}

function answerOf(error: GoogleError): { status: number | null; retryAfter: string | undefined } {
  const { response, code, status: own } = error;
  const status = [response?.status, response?.statusCode, own, Number(code)].find(
    (one) => one !== undefined && Number.isInteger(one) && one >= 400,
  );
  return { status: status ?? null, retryAfter: headerOf(response?.headers, 'retry-after') };
}

/** An answer of the service that gives tokens, rather than of the storage itself. */
function isOfTokens(error: GoogleError): boolean {
  return /\/token\b|:generateAccessToken|computeMetadata/.test(String(error.config?.url ?? ''));
}

function permissionMissing(call: GcsCall, bucket: string): string {
  const what =
    call.permission === 'storage.objects.list'
      ? `The objects of gs://${bucket} may not be listed.`
      : `${call.key} may not be read.`;
  return `${what} Grant ${call.permission} on gs://${bucket}, for instance with the role roles/storage.objectViewer. ${DOCS}`;
}

function changed(error: Error, call: GcsCall): AppError {
  const name = call.permission === 'storage.objects.get' ? call.key : `the list of ${call.prefix}`;
  return new AppError(
    'source_changed',
    `${name} was replaced or taken away since it was listed. The next look reads what is there then.`,
    { cause: error },
  );
}

/** The SDK hands out either a plain object or one that is asked, of whatever implementation of fetch. */
export function headerOf(headers: unknown, name: string): string | undefined {
  const held = headers as (Readonly<Record<string, unknown>> & { get?: unknown }) | undefined;
  const value = typeof held?.get === 'function' ? (held as unknown as Headers).get(name) : held?.[name];
  return typeof value === 'string' ? value : undefined;
}

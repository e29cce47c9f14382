/**
 * What an error of a Google SDK is to us: credentials that are missing or spent, a permission, a name that is not there, a service that asks
 * to come back later, a network that gave way. None of the SDK's own words reach the reader; its error stays as the cause.
 *
 * Source: BigQuery documentation, "Error messages" (reasons and HTTP status).
 */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { networkReason, proxyRefusal, retryAfterMs, unreached, unreadable } from '../http-answer.ts';
import { type ExportPlace, tableName } from './export-place.ts';

const RETRY_MS = 60_000;
const DOCS = 'docs/clouds/gcp-bigquery-export.md has the commands.';

const THROTTLED = new Set(['rateLimitExceeded', 'jobRateLimitExceeded', 'quotaExceeded', 'jobBackendError']);
const PASSING = new Set(['backendError', 'internalError', 'tableUnavailable', 'stopped', 'timeout']);
const NO_CREDENTIALS = /default credentials|credential|invalid_grant|invalid_client|ADC/i;

/** What was being done: which permission it needs. */
export type GoogleCall = 'tables.get' | 'query' | 'results';

interface Answer {
  readonly status: number | null;
  readonly reason: string;
  readonly message: string;
  readonly retryAfter: string | undefined;
}

/** The error as our callers know it; those that are ours already, and an abort, pass. */
export function googleFailure(error: unknown, call: GoogleCall, place: ExportPlace, now: Date): unknown {
  if (!(error instanceof Error) || error instanceof AppError || error instanceof TransientError) return error;
  if (error.name === 'AbortError' && answerOf(error).status === null && !('type' in error)) return error;
  const answer = answerOf(error);
  const refuse = (message: string) => new AppError('source_refused', message, { cause: error });
  const later = (message: string) =>
    new TransientError(message, retryAfterMs(answer.retryAfter, now) ?? RETRY_MS, error);

  const byProxy = proxyRefusal(answer.status);
  if (byProxy !== null) return refuse(byProxy);
  if (answer.status === 429 || THROTTLED.has(answer.reason)) return later('BigQuery asked to be called less often.');
  if (PASSING.has(answer.reason) || (answer.status !== null && answer.status >= 500)) {
    return later(`BigQuery failed to answer (${answer.status ?? answer.reason}).`);
  }
  if (answer.reason === 'bytesBilledLimitExceeded') {
    return later(`${tableName(place)} grew between the dry run of a query and the query, so that BigQuery refused it.`);
  }
  if (answer.reason === 'billingNotEnabled') {
    return refuse(
      `The project ${place.queryProjectId} has no billing account, so no query runs in it. Name another with project: ….`,
    );
  }
  if (answer.status === 401 || isAboutCredentials(error, answer)) return refuse(credentials(answer));
  if (answer.status === 404 || answer.reason === 'notFound') return refuse(absent(call, place, answer));
  if (answer.status === 403) return refuse(permission(call, place, answer));
  if (answer.status === null) return later(unreached('Google Cloud', networkReason(error)));
  if (answer.status < 300) return later(unreadable('Google Cloud'));
  return refuse(
    `BigQuery refused a query of ${tableName(place)} (${answer.reason || answer.status}). Check that table names a billing export of Google Cloud.`,
  );
}

function isAboutCredentials(error: Error, { status, message }: Answer): boolean {
  const isSignIn = status === 400 && /oauth|token|grant/i.test(message);
  return (
    isSignIn || (status === null && NO_CREDENTIALS.test(message) && !('code' in error && error.code === 'ECONNREFUSED'))
  );
}

function credentials({ status, message }: Answer): string {
  return status === null && /could not load the default credentials/i.test(message)
    ? `No Google Cloud credentials were found. Give the process a service account: its key file in GOOGLE_APPLICATION_CREDENTIALS, workload identity, or "gcloud auth application-default login". ${DOCS}`
    : 'Google Cloud does not accept the credentials, or they have expired. Renew them: a key that was not deleted, a workload identity whose token file is fresh, or "gcloud auth application-default login".';
}

function absent(call: GoogleCall, place: ExportPlace, { message }: Answer): string {
  if (call === 'results') return `The results of a query of ${tableName(place)} are gone.`;
  const what = /dataset/i.test(message) && !/table/i.test(message) ? 'dataset' : 'table';
  return `There is no ${what} of ${tableName(place)}. Correct table in the source; Google makes the table some hours after the export was enabled.`;
}

function permission(call: GoogleCall, place: ExportPlace, { message }: Answer): string {
  if (/bigquery\.jobs\.create/.test(message)) {
    return `Queries may not be run in the project ${place.queryProjectId}. Grant roles/bigquery.jobUser on it (bigquery.jobs.create), or name another with project: …. ${DOCS}`;
  }
  if (/has not been used in project|accessNotConfigured|is disabled/i.test(message)) {
    return `The BigQuery API is not enabled in ${place.queryProjectId}. Run: gcloud services enable bigquery.googleapis.com --project=${place.queryProjectId}`;
  }
  const need = call === 'tables.get' ? 'bigquery.tables.get' : 'bigquery.tables.getData';
  return `${tableName(place)} may not be read. Grant roles/bigquery.dataViewer on the dataset ${place.datasetId} (${need}). ${DOCS}`;
}

function answerOf(error: Error): Answer {
  const { code, status, errors, response } = error as Error & {
    code?: unknown;
    status?: unknown;
    errors?: { reason?: string; message?: string }[];
    response?: { status?: number; statusCode?: number; headers?: Headers | Record<string, string> };
  };
  const numbers = [code, status, response?.statusCode, response?.status].map(Number);
  const { headers } = response ?? {};
  const retryAfter = headers instanceof Headers ? headers.get('retry-after') : headers?.['retry-after'];
  return {
    status: numbers.find((number) => number >= 100 && number < 600) ?? null,
    reason: errors?.[0]?.reason ?? '',
    message: error.message,
    retryAfter: retryAfter ?? undefined,
  };
}

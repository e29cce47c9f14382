/**
 * BigQuery as this connector asks it: every query first as a dry run, which costs nothing; what it will bill is counted against the day's
 * budget and is the most it may bill; its results are read page by page from where one wants. BigQuery keeps results for a day, so that a
 * download that was cut off goes on without the query being paid again.
 */
import { randomUUID } from 'node:crypto';
import { BigQuery } from '@google-cloud/bigquery';
import { TransientError } from '../../services/kernel/errors.ts';
import type { ConnectionContext } from '../connector.ts';
import type { ExportPlace } from './export-place.ts';
import { type GoogleCall, googleFailure } from './google-failure.ts';
import { billedBytes, priceOf } from './query-price.ts';

const RETRY_MS = 60_000;
/** Where the source does not say another: 100 GiB, 63 cents. */
const BYTES_BILLED_PER_DAY_MAX = 100 * 1024 ** 3;
/** One call at a time, and none of the SDK's own retries: the run knows better when to try again. A query itself may take longer than a call. */
const CALLS = { timeout: 120_000, retryOptions: { autoRetry: false, maxRetries: 0 } };
/** BigQuery waits ten seconds for a query with each call: an hour. */
const POLLS_MAX = 360;
const ROWS_PER_PAGE = 5_000;
const PAGES_MAX = 100_000;

/** A column as `tables.get` describes it. */
export interface TableField {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly fields: readonly TableField[];
}

export interface TableDescription {
  /** TABLE, VIEW, MATERIALIZED_VIEW, … */
  readonly type: string;
  readonly location: string;
  readonly fields: readonly TableField[];
  /** DAY, HOUR, … with the column it goes by; null of a table without partitions. A field that is null: the time of loading. */
  readonly partitioning: { readonly type: string; readonly field: string | null } | null;
  readonly partitionExpiryMs: string | null;
}

export interface Query {
  readonly sql: string;
  /** Of a query whose dry run tells nothing (INFORMATION_SCHEMA): how many times the least that is billed it may bill. */
  readonly margin?: number;
}

/** Cells as BigQuery writes them; null is null. */
export type Row = readonly (string | null)[];

export interface ResultPage {
  readonly rows: readonly Row[];
  readonly totalRows: number;
}

export interface BigQuerySession {
  describeTable(): Promise<TableDescription>;
  /** What the query would bill, in bytes. */
  estimate(query: Query): Promise<number>;
  /** @returns the job's id, for `pages`. @throws AppError source_budget before anything is billed. */
  start(query: Query): Promise<string>;
  /** The results from row `from` on; `null` once, at the beginning, where BigQuery has them no more. */
  pages(jobId: string, from: number): AsyncIterable<ResultPage | null>;
  /** All rows of a result that is small. */
  rows(query: Query): Promise<Row[]>;
  credentials(): Promise<string>;
}

/** Opens a session; touches nothing outside yet. */
export function openBigQuery(place: ExportPlace, context: ConnectionContext): BigQuerySession {
  const { now, signal, spend } = context;
  const client = new BigQuery({
    projectId: place.queryProjectId,
    ...CALLS,
    ...(place.endpoint === undefined ? {} : { apiEndpoint: place.endpoint }),
  });
  let described: Promise<TableDescription> | undefined;

  async function called<Answer>(call: GoogleCall, work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await untilAborted(work(), signal);
    } catch (error) {
      throw googleFailure(error, call, place, now);
    }
  }

  function describeTable(): Promise<TableDescription> {
    described ??= called('tables.get', async () => {
      const table = client.dataset(place.datasetId, { projectId: place.projectId }).table(place.tableId);
      const [metadata] = (await table.getMetadata()) as unknown[];
      return readDescription(metadata);
    });
    return described;
  }

  /** `jobs.insert` as it is: the SDK's own createQueryJob cannot be awaited where the answer is not what it expects. */
  async function insertJob(
    query: Query,
    options: { dryRun?: true; jobId?: string; bytesMax?: number },
  ): Promise<unknown> {
    const { location } = await describeTable();
    const { dryRun, jobId = randomUUID(), bytesMax } = options;
    const json = {
      jobReference: { projectId: place.queryProjectId, jobId: `outturn_${jobId}`, location },
      configuration: {
        ...(dryRun === undefined ? {} : { dryRun }),
        labels: { application: 'outturn' },
        query: {
          query: query.sql,
          useLegacySql: false,
          ...(bytesMax === undefined ? {} : { maximumBytesBilled: String(bytesMax) }),
        },
      },
    };
    return called('query', () => {
      return new Promise((resolve, reject) => {
        client.request({ method: 'POST', uri: '/jobs', json }, (error: unknown, body: unknown) => {
          if (error instanceof Error) reject(error);
          else resolve(body);
        });
      });
    });
  }

  async function estimate(query: Query): Promise<number> {
    const job = recordOf(await insertJob(query, { dryRun: true }));
    const bytes = recordOf(job['statistics'])['totalBytesProcessed'];
    if (typeof bytes !== 'string') throw unreadable();
    return billedBytes(Number(bytes)) * (query.margin ?? 1);
  }

  async function start(query: Query): Promise<string> {
    const bytesBilled = await estimate(query);
    await spend({
      requests: 1,
      bytesBilled,
      amount: priceOf(bytesBilled),
      bytesBilledPerDayMax: BYTES_BILLED_PER_DAY_MAX,
    });
    const job = recordOf(await insertJob(query, { bytesMax: bytesBilled }));
    const jobId = recordOf(job['jobReference'])['jobId'];
    const failed = recordOf(recordOf(job['status'])['errorResult']);
    if (typeof failed['reason'] === 'string') throw googleFailure(jobError(failed), 'query', place, now);
    if (typeof jobId !== 'string') throw unreadable();
    return jobId;
  }

  async function* pages(jobId: string, from: number): AsyncIterable<ResultPage | null> {
    const { location } = await describeTable();
    const job = client.job(jobId, { location });
    let place: { startIndex: string } | { pageToken: string } = { startIndex: String(from) };
    let polls = 0;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const asked = { ...place, maxResults: ROWS_PER_PAGE, autoPaginate: false, skipParsing: true };
      const answer = await called('results', async () => (await job.getQueryResults(asked)) as unknown[]).catch(
        (error: unknown) => (page === 0 && polls === 0 && isGone(error) ? null : Promise.reject(asError(error))),
      );
      if (answer === null) {
        yield null;
        return;
      }
      const response = recordOf(answer[2]);
      if (response['jobComplete'] !== true) {
        if (response['jobComplete'] === undefined) throw unreadable();
        polls += 1;
        if (polls >= POLLS_MAX) throw new TransientError('A query of BigQuery took longer than an hour.', RETRY_MS);
        page -= 1;
        continue;
      }
      yield { rows: readRows(response['rows']), totalRows: Number(response['totalRows']) };
      const { pageToken } = response;
      if (typeof pageToken !== 'string' || pageToken === '') return;
      place = { pageToken };
    }
    throw new TransientError('A query of BigQuery has more pages than can be.', RETRY_MS);
  }

  return {
    describeTable,
    estimate,
    start,
    pages,
    rows: async (query) => {
      const rows: Row[] = [];
      for await (const page of pages(await start(query), 0)) rows.push(...(page?.rows ?? []));
      return rows;
    },
    credentials: () =>
      called('query', async () => {
        await client.authClient.getAccessToken();
        const { client_email: email } = await client.authClient
          .getCredentials()
          .catch(() => ({ client_email: undefined }));
        return email ?? 'the credentials of this machine';
      }),
  };
}

function readDescription(metadata: unknown): TableDescription {
  const { type, location, schema, timePartitioning } = recordOf(metadata);
  if (typeof type !== 'string' || typeof location !== 'string') throw unreadable();
  const partitioning = recordOf(timePartitioning);
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    type,
    location,
    fields: readFields(recordOf(schema)['fields']),
    partitioning:
      typeof partitioning['type'] === 'string'
        ? { type: partitioning['type'], field: text(partitioning['field']) }
        : null,
    partitionExpiryMs: text(partitioning['expirationMs']),
  };
}

function readFields(fields: unknown): TableField[] {
  if (!Array.isArray(fields)) return [];
  return fields.map((field) => {
    const { name, type, mode, fields: inner } = recordOf(field);
    if (typeof name !== 'string' || typeof type !== 'string') throw unreadable();
    return { name, type, mode: typeof mode === 'string' ? mode : 'NULLABLE', fields: readFields(inner) };
  });
}

/** `{f: [{v: cell}]}`, as BigQuery's REST API writes rows. */
function readRows(rows: unknown): Row[] {
  if (!Array.isArray(rows)) return [];
  return rows.map((row) => {
    const { f: cells } = recordOf(row);
    if (!Array.isArray(cells)) throw unreadable();
    return cells.map((cell) => {
      const { v: value } = recordOf(cell);
      if (value !== null && typeof value !== 'string') throw unreadable();
      return value;
    });
  });
}

function isGone(error: unknown): boolean {
  const { cause } = error as Error;
  return Number((cause as { code?: unknown } | undefined)?.code) === 404;
}

function jobError(failed: Readonly<Record<string, unknown>>): Error {
  const { reason, message } = failed;
  const error = new Error(typeof message === 'string' ? message : 'the query failed');
  return Object.assign(error, { code: reason === 'accessDenied' ? 403 : 400, errors: [{ reason }] });
}

function unreadable(): TransientError {
  return new TransientError('BigQuery answered with something that cannot be read.', RETRY_MS);
}

async function untilAborted<Answer>(work: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(asError(signal.reason));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** As it is: a page has a hundred thousand cells, each of them an object. */
function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {};
}

/**
 * A server on loopback that speaks the part of BigQuery's REST API that readers of tables use: tables.get, jobs.insert with dry runs and a
 * most to be billed, jobs.getQueryResults page by page. It wants a token, which it gives out itself; keeps what was called and billed; and
 * does what the real one does at times: refuse, throttle, break off, forget results, answer with nonsense.
 *
 * Source: BigQuery REST reference, v2 ("Tables: get", "Jobs: insert", "Jobs: getQueryResults"), "Error messages".
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { openTokenDesk } from '../google-identity.ts';
import { openBigQueryTables, type Field, type TableOptions } from './bigquery-tables.ts';

export type BigQueryOperation = 'token' | 'tables.get' | 'jobs.insert' | 'getQueryResults' | 'unknown';

export interface BigQueryCall {
  readonly operation: BigQueryOperation;
  readonly isDryRun: boolean;
  readonly sql: string;
  /** The most that the query may bill, where it says so. */
  readonly bytesMax: string | undefined;
  /** Rows that a page of results begins with. */
  readonly from: number;
  status: number;
  bytesBilled: number;
}

/** Meets one call of its operation, after `skip` others of it. */
export type BigQueryFault = { readonly operation: BigQueryOperation; skip?: number } & (
  | { readonly kind: 'throttle'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'error'; readonly status: number; readonly reason: string; readonly message?: string }
  /** The connection breaks in the middle of the answer. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'reset' }
  /** Something else's page, with the status of success. */
  | { readonly kind: 'nonsense' }
);

export type BigQueryPermission =
  | 'bigquery.tables.get'
  | 'bigquery.tables.list'
  | 'bigquery.tables.getData'
  | 'bigquery.jobs.create';

export interface BigQueryDouble {
  /** For `endpoint`. */
  readonly url: string;
  /** Where credentials exchange their token. */
  readonly tokenUrl: string;
  readonly calls: BigQueryCall[];
  readonly faults: BigQueryFault[];
  readonly denied: Set<BigQueryPermission>;
  /** Rows of a page of results, whatever is asked for. */
  rowsPerPage: number;
  /** What a row is taken to be large in dry runs and bills. */
  bytesPerRow: number;
  /** Each row of a table stands for so many: answers of any size are made while they are sent. */
  rowsRepeated: number;
  /** How often a query is said not to be done yet. */
  pollsBeforeDone: number;
  createTable(name: string, fields: readonly Field[], options?: TableOptions): Promise<void>;
  /** Adds rows to the partition of a day; null: BigQuery has not put them into one yet. */
  insert(name: string, day: string | null, rows: readonly object[]): Promise<void>;
  fill(name: string, day: string, row: object, count: number): Promise<void>;
  removeDay(name: string, day: string): Promise<void>;
  /** The results of all queries are gone, as they are after a day. */
  forgetResults(): Promise<void>;
  revokeTokens(): void;
  stop(): Promise<void>;
}

const MIB = 1_048_576;
const BYTES_MIN = 10 * MIB;

/** Starts it; the caller stops it. */
export async function startBigQueryDouble(
  options: { port?: number; now?: () => Date; onCall?: (call: BigQueryCall) => void } = {},
): Promise<BigQueryDouble> {
  const tables = await openBigQueryTables();
  const desk = openTokenDesk();
  const jobs = new Map<string, Job>();
  let changes = 0;
  // Each change a microsecond's worth later, however fast they follow: a clock that stands still would hide them.
  const changedAt = () => new Date((options.now?.() ?? new Date()).getTime() + (changes += 1));
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const double: BigQueryDouble = {
    url,
    tokenUrl: `${url}/token`,
    calls: [],
    faults: [],
    denied: new Set(),
    rowsPerPage: 1_000,
    bytesPerRow: 500,
    rowsRepeated: 1,
    pollsBeforeDone: 0,
    createTable: tables.create,
    insert: (name, day, rows) => tables.insert(name, day, rows, changedAt()),
    fill: (name, day, row, count) => tables.fill(name, day, row, count, changedAt()),
    removeDay: tables.removeDay,
    forgetResults: async () => {
      for (const jobId of jobs.keys()) await tables.forget(jobId);
      jobs.clear();
    },
    revokeTokens: desk.revoke,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      tables.close();
    },
  };
  return double;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    const body = await text(request);
    const operation = operationOf(request.method ?? '', pathname);
    const job = operation === 'jobs.insert' ? (JSON.parse(body) as JobRequest) : null;
    const call: BigQueryCall = {
      operation,
      isDryRun: job?.configuration.dryRun === true,
      sql: job?.configuration.query.query ?? '',
      bytesMax: job?.configuration.query.maximumBytesBilled,
      from: Number(searchParams.get('pageToken') ?? searchParams.get('startIndex') ?? 0),
      status: 0,
      bytesBilled: 0,
    };
    double.calls.push(call);
    const fault = takeFault(operation);
    if (fault?.kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const [status, answered] = await answerOf(request, response, { fault, pathname, searchParams, job, call });
    call.status = status;
    options.onCall?.(call);
    const bytes = Buffer.from(typeof answered === 'string' ? answered : JSON.stringify(answered));
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
    if (fault?.kind !== 'cut') {
      response.end(bytes);
      return;
    }
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => request.socket.resetAndDestroy());
  }

  async function answerOf(
    request: IncomingMessage,
    response: ServerResponse,
    given: {
      fault: BigQueryFault | undefined;
      pathname: string;
      searchParams: URLSearchParams;
      job: JobRequest | null;
      call: BigQueryCall;
    },
  ): Promise<[status: number, body: unknown]> {
    const { fault, pathname, searchParams, job, call } = given;
    if (fault?.kind === 'nonsense') return [200, '<html><body>Sign in to the network</body></html>'];
    if (fault?.kind === 'error' && call.operation === 'token') {
      return [fault.status, { error: fault.reason, error_description: fault.message ?? fault.reason }];
    }
    if (fault?.kind === 'error') return refused(fault.status, fault.reason, fault.message ?? fault.reason);
    if (fault?.kind === 'throttle') {
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds));
      return refused(403, 'rateLimitExceeded', 'Exceeded rate limits: too many api requests per user');
    }
    if (call.operation === 'token') return [200, desk.issue()];
    if (!desk.admits(request)) return refused(401, 'authError', 'Request had invalid authentication credentials.');
    switch (call.operation) {
      case 'tables.get':
        return getTable(pathname);
      case 'jobs.insert':
        return job === null ? refused(400, 'invalid', 'no job') : insertJob(pathname, job, call);
      case 'getQueryResults':
        return getResults(pathname, searchParams, call);
      case 'unknown':
        return refused(
          501,
          'notImplemented',
          `${request.method} ${pathname} is not one of the calls this server knows.`,
        );
    }
  }

  function takeFault(operation: BigQueryOperation): BigQueryFault | undefined {
    const index = double.faults.findIndex((fault) => fault.operation === operation);
    const fault = double.faults[index];
    if (fault === undefined) return undefined;
    if ((fault.skip ?? 0) > 0) {
      fault.skip = (fault.skip ?? 0) - 1;
      return undefined;
    }
    double.faults.splice(index, 1);
    return fault;
  }

  function getTable(pathname: string): [number, unknown] {
    const [, projectId = '', datasetId = '', tableId = ''] = TABLE_PATH.exec(pathname) ?? [];
    const table = tables.get(`${projectId}.${datasetId}.${tableId}`);
    if (double.denied.has('bigquery.tables.get')) {
      return refused(
        403,
        'accessDenied',
        `Access Denied: Table ${projectId}:${datasetId}.${tableId}: Permission bigquery.tables.get denied`,
      );
    }
    if (table === undefined) return refused(404, 'notFound', `Not found: Table ${projectId}:${datasetId}.${tableId}`);
    const { partitioning = { type: 'DAY' }, expirationMs } = table;
    return [
      200,
      {
        kind: 'bigquery#table',
        tableReference: { projectId, datasetId, tableId },
        schema: { fields: table.fields },
        type: table.type ?? 'TABLE',
        location: table.location ?? 'EU',
        ...(partitioning === null
          ? {}
          : { timePartitioning: { ...partitioning, ...(expirationMs === undefined ? {} : { expirationMs }) } }),
      },
    ];
  }

  async function insertJob(pathname: string, job: JobRequest, call: BigQueryCall): Promise<[number, unknown]> {
    const projectId = pathname.split('/')[4] ?? '';
    const { query, maximumBytesBilled } = job.configuration.query;
    const name = /from\s+`([^`]+)`/.exec(query)?.[1] ?? '';
    const isSchema = query.includes('INFORMATION_SCHEMA');
    if (double.denied.has('bigquery.jobs.create')) {
      return refused(
        403,
        'accessDenied',
        `Access Denied: Project ${projectId}: User does not have bigquery.jobs.create permission in project ${projectId}.`,
      );
    }
    if (double.denied.has(isSchema ? 'bigquery.tables.list' : 'bigquery.tables.getData')) {
      return refused(
        403,
        'accessDenied',
        `Access Denied: Table ${name}: User does not have permission to query table ${name}`,
      );
    }
    if (!isSchema && tables.get(name) === undefined) return refused(404, 'notFound', `Not found: Table ${name}`);
    const bytesProcessed = isSchema ? 0 : (await tables.rowsRead(query)) * double.rowsRepeated * double.bytesPerRow;
    const bytesBilled = Math.max(BYTES_MIN, Math.ceil(bytesProcessed / MIB) * MIB);
    const answered = { kind: 'bigquery#job', jobReference: { ...job.jobReference, projectId } };
    if (call.isDryRun) {
      return [
        200,
        { ...answered, status: { state: 'DONE' }, statistics: { totalBytesProcessed: String(bytesProcessed) } },
      ];
    }
    if (maximumBytesBilled !== undefined && bytesBilled > Number(maximumBytesBilled)) {
      return refused(
        400,
        'bytesBilledLimitExceeded',
        `Query exceeded limit for bytes billed: ${maximumBytesBilled}. ${bytesBilled} or higher required.`,
      );
    }
    const { jobId } = job.jobReference;
    if (jobs.has(jobId)) return refused(409, 'duplicate', `Already Exists: Job ${projectId}:${jobId}`);
    try {
      // Counts count what rows stand for.
      const repeated = isSchema || query.includes('count(*)') ? 1 : double.rowsRepeated;
      const result = await tables.run(jobId, query, double.rowsRepeated);
      jobs.set(jobId, { ...result, repeated, polls: double.pollsBeforeDone });
    } catch (error) {
      return refused(400, 'invalidQuery', String(error));
    }
    call.bytesBilled = bytesBilled;
    return [200, { ...answered, status: { state: 'RUNNING' }, statistics: {} }];
  }

  async function getResults(
    pathname: string,
    searchParams: URLSearchParams,
    { from }: BigQueryCall,
  ): Promise<[number, unknown]> {
    const [, projectId = '', jobId = ''] = RESULTS_PATH.exec(pathname) ?? [];
    const job = jobs.get(jobId);
    if (job === undefined) return refused(404, 'notFound', `Not found: Job ${projectId}:${jobId}`);
    const jobReference = { projectId, jobId, location: searchParams.get('location') };
    if (job.polls > 0) {
      job.polls -= 1;
      return [200, { kind: 'bigquery#getQueryResultsResponse', jobReference, jobComplete: false }];
    }
    const rowsMax = Math.min(double.rowsPerPage, Number(searchParams.get('maxResults') ?? double.rowsPerPage));
    const totalRows = job.rowCount * job.repeated;
    const next = Math.min(from + rowsMax, totalRows);
    const kinds = await tables.page(jobId, Math.floor(from / job.repeated), Math.ceil(rowsMax / job.repeated) + 1);
    const rows = Array.from({ length: next - from }, (_, index) => {
      return kinds[Math.floor((from + index) / job.repeated) - Math.floor(from / job.repeated)] ?? [];
    });
    return [
      200,
      {
        kind: 'bigquery#getQueryResultsResponse',
        jobReference,
        jobComplete: true,
        schema: { fields: job.columns },
        totalRows: String(totalRows),
        ...(next < totalRows ? { pageToken: String(next) } : {}),
        ...(rows.length === 0 ? {} : { rows: rows.map((row) => ({ f: row.map((v) => ({ v })) })) }),
      },
    ];
  }
}

interface Job {
  readonly columns: { name: string; type: string }[];
  readonly rowCount: number;
  /** How many rows of the answer each of them is. */
  readonly repeated: number;
  polls: number;
}

interface JobRequest {
  readonly jobReference: { readonly jobId: string; readonly location?: string };
  readonly configuration: {
    readonly dryRun?: boolean;
    readonly query: { readonly query: string; readonly maximumBytesBilled?: string };
  };
}

const TABLE_PATH = /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/;
const RESULTS_PATH = /^\/bigquery\/v2\/projects\/([^/]+)\/queries\/([^/]+)$/;

function operationOf(method: string, pathname: string): BigQueryOperation {
  if (method === 'POST' && pathname === '/token') return 'token';
  if (method === 'GET' && TABLE_PATH.test(pathname)) return 'tables.get';
  if (method === 'POST' && /^\/bigquery\/v2\/projects\/[^/]+\/jobs$/.test(pathname)) return 'jobs.insert';
  if (method === 'GET' && RESULTS_PATH.test(pathname)) return 'getQueryResults';
  return 'unknown';
}

function refused(status: number, reason: string, message: string): [number, unknown] {
  return [status, { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } }];
}

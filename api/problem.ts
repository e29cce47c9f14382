/**
 * Errors over HTTP: RFC 9457 problem documents with the stable code of the refusal. The one place where a code becomes a status.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errorCodeOf, hasCrossed, SQL_STATE } from '../db/sql-state.ts';
import { AppError, type ErrorCode, TransientError } from '../services/kernel/errors.ts';
import { PROBLEM_TYPE } from './schemas/common.ts';

/** Exhaustive: a new code does not compile without its status. */
const STATUS: { readonly [Code in ErrorCode]: number } = {
  invalid_input: 400,
  invalid_setting: 500,
  invalid_organisation: 422,
  organisation_conflict: 409,
  invalid_bill: 422,
  bill_changed_while_read: 409,
  bill_unreadable: 422,
  would_drop_account: 409,
  conservation_broken: 500,
  control_total_mismatch: 500,
  missing_exchange_rate: 409,
  invalid_period: 400,
  invalid_outcomes: 422,
  invalid_invoices: 422,
  not_replayable: 410,
  source_refused: 502,
  source_budget: 429,
  source_changed: 409,
  source_busy: 409,
  not_found: 404,
  unauthenticated: 401,
  forbidden: 403,
  conflict: 409,
  idempotency_key_reused: 422,
  database_unreachable: 503,
  database_refused: 503,
  database_outdated: 503,
  database_newer: 503,
  embedded_database_failed: 503,
  queue_unreachable: 503,
  port_in_use: 500,
  not_loopback_without_token: 500,
  slack_refused: 502,
};

/** When to come back, where nobody knows better. */
const RETRY_AFTER_S = 5;

export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly instance: string;
  readonly faults?: readonly object[];
}

/** Sends any error as a problem document. Faults of our own show nothing but the request's id, under which they are logged. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request.id);
  if (problem.status >= 500) request.log.error({ err: error }, 'request failed');
  if (problem.status === 503) void reply.header('retry-after', retryAfterSeconds(error));
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="outturn"');
  return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
}

function problemOf(error: unknown, requestId: string): ProblemDocument {
  const problem = (status: number, code: string, title: string, detail: string): ProblemDocument => ({
    type: `urn:outturn:problem:${code}`,
    title,
    status,
    code,
    detail,
    instance: `urn:outturn:request:${requestId}`,
  });
  if (error instanceof AppError) {
    const status = STATUS[error.code];
    if (status === 500) return problem(500, 'internal', 'Internal error', `Give your operator this id: ${requestId}.`);
    const document = problem(status, error.code, titleOf(error.code), error.httpMessage);
    return error.faults.length === 0 ? document : { ...document, faults: error.faults };
  }
  if (error instanceof TransientError) return problem(503, 'try_again', 'Try again', `${error.message}.`);
  if (isDatabaseAway(error)) {
    return problem(
      503,
      'database_unreachable',
      'Database unreachable',
      'The database does not answer. Try again soon.',
    );
  }
  if (hasCrossed(error)) {
    const detail = 'Others were changing the same at this moment. Nothing of this was done: send it again.';
    return problem(503, 'try_again', 'Try again', detail);
  }
  if (errorCodeOf(error) === SQL_STATE.queryCanceled || errorCodeOf(error) === 'FST_ERR_HANDLER_TIMEOUT') {
    return problem(503, 'timed_out', 'Timed out', 'This took too long. Ask for a shorter period, or try again later.');
  }
  if (UNKEPT_TEXT.has(errorCodeOf(error))) {
    const detail = 'A text holds a sign that cannot be kept: U+0000, or half a character. Leave it out.';
    return problem(STATUS.invalid_input, 'invalid_input', titleOf('invalid_input'), detail);
  }
  if (isFastifyError(error) && error.statusCode !== undefined && error.statusCode < 500) {
    const code = error.validation === undefined ? 'bad_request' : 'invalid_input';
    return problem(error.statusCode, code, 'The request was not understood', error.message);
  }
  return problem(500, 'internal', 'Internal error', `Give your operator this id: ${requestId}.`);
}

/** JSON writes signs that PostgreSQL has no place for; only what came in can hold them. */
const UNKEPT_TEXT: ReadonlySet<string | null> = new Set([
  SQL_STATE.characterNotInRepertoire,
  SQL_STATE.untranslatableCharacter,
]);

const DATABASE_AWAY: ReadonlySet<string | null> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  SQL_STATE.tooManyConnections,
  SQL_STATE.adminShutdown,
  SQL_STATE.crashShutdown,
  SQL_STATE.cannotConnectNow,
]);

/** pg has no code for a pool that waits in vain or a connection that ends under a query or between two, only these sentences. */
const CONNECTION_LOST = /timeout exceeded when trying to connect|Connection terminated|is not queryable/;

function isDatabaseAway(error: unknown): boolean {
  return DATABASE_AWAY.has(errorCodeOf(error)) || (error instanceof Error && CONNECTION_LOST.test(error.message));
}

function retryAfterSeconds(error: unknown): number {
  return error instanceof TransientError ? Math.max(1, Math.ceil(error.retryAfterMs / 1000)) : RETRY_AFTER_S;
}

function titleOf(code: ErrorCode): string {
  const words = code.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'statusCode' in error;
}

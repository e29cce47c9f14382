/**
 * The three kinds of failure. A bug is an assertion; an expected refusal is an AppError with a code from one closed union;
 * a passing fault is a TransientError that says when to come back. Nothing else is thrown on purpose.
 */
import type { Wording } from './wording.ts';

/** Every refusal the product knows. The code is part of the API (problem documents) and never changes its meaning. */
export type ErrorCode =
  | 'invalid_input'
  | 'invalid_setting'
  | 'invalid_organisation'
  | 'organisation_conflict'
  | 'invalid_bill'
  | 'bill_changed_while_read'
  | 'bill_unreadable'
  | 'would_drop_account'
  | 'conservation_broken'
  | 'control_total_mismatch'
  | 'missing_exchange_rate'
  | 'invalid_period'
  | 'invalid_outcomes'
  | 'invalid_invoices'
  | 'not_replayable'
  | 'source_refused'
  | 'source_budget'
  | 'source_changed'
  | 'source_busy'
  | 'not_found'
  | 'unauthenticated'
  | 'forbidden'
  | 'conflict'
  | 'idempotency_key_reused'
  | 'database_unreachable'
  | 'database_refused'
  | 'database_outdated'
  | 'database_newer'
  | 'embedded_database_failed'
  | 'queue_unreachable'
  | 'port_in_use'
  | 'not_loopback_without_token'
  | 'slack_refused';

/** One located fault in foreign input. `line` is the physical line, `record` the record ordinal (1 = first data record). */
export interface InputFault {
  readonly file?: string;
  readonly line?: number;
  readonly record?: number;
  readonly column?: string;
  readonly reason: string;
  readonly fix?: string;
}

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** Structured facts for JSON output and problem documents. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Faults in input, each with its place. */
  readonly faults?: readonly InputFault[];
}

/** An expected refusal. The message says what was found, on which thing, and what to change, in the words of the command line. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** The message in the words of a request. */
  readonly httpMessage: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly faults: readonly InputFault[];

  constructor(code: ErrorCode, message: string | Wording, options: AppErrorOptions = {}) {
    super(
      typeof message === 'string' ? message : message.commandLine,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'AppError';
    this.code = code;
    this.httpMessage = typeof message === 'string' ? message : message.http;
    this.details = options.details ?? {};
    this.faults = options.faults ?? [];
  }
}

/** A fault that passes by itself (a rate limit, a lost connection): the job is tried again after `retryAfterMs`. */
export class TransientError extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TransientError';
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Renders a fault as one line of sentences: `bill.csv line 17 (record 16), column BilledCost: "abc" is not a number. Write …`. Outside of a
 * file its column is a field: `amount: "abc" is not an amount. Write …`.
 */
export function describeFault(fault: InputFault): string {
  const place = [
    fault.file,
    fault.line === undefined ? undefined : `line ${fault.line}`,
    fault.record === undefined ? undefined : `(record ${fault.record})`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');
  const column = fault.column ?? '';
  const where = place === '' || column === '' ? `${place}${column}` : `${place}, column ${column}`;
  const fix = fault.fix === undefined ? '' : ` ${fault.fix}`;
  const stop = /[.!?]$/.test(fault.reason) ? '' : '.';
  return `${where === '' ? '' : `${where}: `}${fault.reason}${stop}${fix}`;
}

/**
 * The refusal of what somebody stated field by field, with every fault: in the message of a request, in a list of lines at the command line.
 * `what`: a clause such as "The outcome was not taken".
 */
export function refuseStatement(code: ErrorCode, what: string, faults: readonly InputFault[]): AppError {
  const http = `${what}: ${faults.map(describeFault).join(' ')}`;
  return new AppError(code, { commandLine: faults.length === 1 ? http : `${what}.`, http }, { faults });
}

/** How many faults there are beside the one that a message names: "", " There is 1 more fault." or " There are 3 more faults." */
export function countFurther(faults: readonly InputFault[]): string {
  const further = faults.length - 1;
  if (further < 1) return '';
  return further === 1 ? ' There is 1 more fault.' : ` There are ${further} more faults.`;
}

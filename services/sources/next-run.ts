/**
 * When a source is looked at next: by its cron expression in its time zone, shifted by a part of its jitter that is always the same for
 * one source, so that sources of one schedule do not all ask at once. After a failure it is tried sooner and then ever more rarely; after
 * five in a row its circuit opens, and it is tried every six hours until it answers again. A budget of a day that is used up is no failure.
 */
import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { AppError } from '../kernel/errors.ts';

export interface SourceSchedule {
  readonly cron: string;
  readonly timeZone: string;
  readonly jitterMs: number;
}

export interface Attempts {
  /** Failures since the last run that went well. */
  readonly failures: number;
  readonly openSince: Date | null;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const RETRY_MS_MAX = 60 * MINUTE_MS;
const OPEN_RETRY_MS = 6 * 60 * MINUTE_MS;
/** So many failures in a row open the circuit. */
export const FAILURES_TO_OPEN = 5;

/**
 * The first instant after `after` at which the source is due.
 * @throws AppError invalid_input for a cron expression that never fires.
 */
export function nextDue(sourceId: string, { cron, timeZone, jitterMs }: SourceSchedule, after: Date): Date {
  // Whole seconds, as cron counts them.
  const shift = Math.floor((shareOf(sourceId) * jitterMs) / SECOND_MS) * SECOND_MS;
  // The instant is looked for before the shift, so that no slot is lost to it.
  const due = new Cron(cron, { timezone: timeZone, paused: true }).nextRun(new Date(after.getTime() - shift));
  if (due === null) {
    throw new AppError(
      'invalid_input',
      `The schedule "${cron}" of the source "${sourceId}" never comes due. Correct its cron expression.`,
    );
  }
  return new Date(due.getTime() + shift);
}

/** When to try again after a failure, and what is known of the attempts then. `retryAfterMs` is what the provider asked for. */
export function afterFailure(
  { failures, openSince }: Attempts,
  { at, retryAfterMs }: { at: Date; retryAfterMs: number | null },
): Attempts & { readonly nextRunAt: Date } {
  const failed = failures + 1;
  const isOpen = failed >= FAILURES_TO_OPEN;
  const pauseMs = isOpen ? OPEN_RETRY_MS : Math.min(MINUTE_MS * 2 ** (failed - 1), RETRY_MS_MAX);
  return {
    failures: failed,
    openSince: isOpen ? (openSince ?? at) : null,
    nextRunAt: new Date(at.getTime() + Math.max(pauseMs, retryAfterMs ?? 0)),
  };
}

/** Where a day's budget is used up: when the next UTC day begins. The source answered, so this counts towards no circuit. */
export function afterBudget(before: Attempts, at: Date): Attempts & { readonly nextRunAt: Date } {
  return { ...before, nextRunAt: new Date((Math.floor(at.getTime() / DAY_MS) + 1) * DAY_MS) };
}

/** A share from 0 up to, not including, 1 that is the source's own. */
function shareOf(sourceId: string): number {
  return createHash('sha256').update(sourceId).digest().readUInt32BE(0) / 2 ** 32;
}

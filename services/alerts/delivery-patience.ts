/**
 * How long delivery goes on with a channel that cannot be reached, or asks to be left alone: a day where the message is urgent, else three, so
 * that a weekend passes. After that a person has to know of it, and it is they who have it tried again. A post that no longer says how it is
 * misleads for as long as it stands: it is tried to be rewritten for thirty.
 */
import type { ClaimedMessage } from './outbox.ts';

const DAY_MS = 86_400_000;
const URGENT_DAYS_MAX = 1;
const OTHER_DAYS_MAX = 3;
const REWRITING_DAYS_MAX = 30;
/** A process that was away for days must not give up at its first try. */
const TRIES_MIN = 5;

/** Why a message that was not sent is not tried any more; null while it is. */
export function sendingGivenUp(message: ClaimedMessage, error: string, now: Date): string | null {
  return message.attempts < TRIES_MIN ? null : givenUp(message.firstAttemptAt, daysMax(message), error, now);
}

/** Why a message that may have been sent is not looked for any more; null while it is. */
export function lookingGivenUp(message: ClaimedMessage, error: string, now: Date): string | null {
  return givenUp(message.firstAttemptAt, daysMax(message), error, now);
}

/** Why a post is left as it is; null while it is tried. */
export function rewritingGivenUp(message: ClaimedMessage, error: string, now: Date): string | null {
  return givenUp(message.happenedAt, REWRITING_DAYS_MAX, error, now);
}

function daysMax({ isUrgent }: ClaimedMessage): number {
  return isUrgent ? URGENT_DAYS_MAX : OTHER_DAYS_MAX;
}

function givenUp(since: Date, days: number, error: string, now: Date): string | null {
  if (now.getTime() - since.getTime() < days * DAY_MS) return null;
  return `given up after ${days === 1 ? 'a day' : `${days} days`}: ${error}`;
}

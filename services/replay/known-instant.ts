/** The instant a report is asked as known at: a date means the end of that day, UTC. */
import { AppError } from '../kernel/errors.ts';
import { isIsoDate, utcDate } from '../kernel/period.ts';

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads `2026-07-05` or `2026-07-05T12:00:00Z`. The day that is still running means now.
 * @throws AppError invalid_input for any other text, and for what lies in the future.
 */
export function parseKnownInstant(text: string, now: Date): Date {
  const isDate = isIsoDate(text);
  const isInstant = INSTANT.test(text) && isIsoDate(text.slice(0, 10)) && !Number.isNaN(Date.parse(text));
  if (!isDate && !isInstant) {
    throw new AppError(
      'invalid_input',
      `"${text}" is not an instant to replay. Write a date such as 2026-07-05, which means the end of that day in UTC, or an instant such as 2026-07-05T12:00:00Z.`,
    );
  }
  if (isDate && text === utcDate(now)) return now;
  const instant = new Date(isDate ? `${text}T23:59:59.999Z` : text);
  if (instant > now) {
    throw new AppError(
      'invalid_input',
      `${text} lies in the future: nobody knows yet what will be known then. Ask for an instant up to ${now.toISOString()}, or leave it out.`,
    );
  }
  return instant;
}

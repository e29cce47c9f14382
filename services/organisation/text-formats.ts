/**
 * The formats a text of the organisation file can be held to. Each check gets the text as it stands in the file and answers
 * with what is wrong and how to write it, or with nothing.
 */
import { Cron } from 'croner';
import { currencyFix, isCurrencyCode } from '../fx/currency.ts';
import { isDecimalText } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { isChannelText } from '../kernel/destination.ts';
import { isIsoDate, parsePeriod } from '../kernel/period.ts';
import type { TextFormat } from './schema-leaves.ts';
import { didYouMean } from './suggestion.ts';

export interface FormatFault {
  /** Follows the quoted text: `is not a date`. */
  readonly reason: string;
  readonly fix: string;
}

const ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;
const DURATION = /^P(?=.)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)$/;
/** Without months and years, whose lengths differ. */
const CLOCK_DURATION = /^P(?=.)(?:\d+W|(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)$/;

const CRON_FIELDS = 5;

const CHECKS: Record<TextFormat, (text: string) => FormatFault | null> = {
  id: (text) =>
    ID.test(text)
      ? null
      : {
          reason: 'is not an id',
          fix: 'An id has letters, digits, dots, dashes and underscores, starts and ends with a letter or digit, and is at most 100 long.',
        },
  'plain-date': (text) =>
    isIsoDate(text)
      ? null
      : {
          reason: 'is not a date',
          fix: 'Write it as 2026-01-05, of the years 1900 to 2999; what has no end is written without one.',
        },
  decimal: (text) =>
    isDecimalText(text)
      ? null
      : { reason: 'is not a decimal number', fix: 'Write digits and at most one point, as "12000.00".' },
  'currency-code': (text) =>
    isCurrencyCode(text) ? null : { reason: 'is not an ISO 4217 currency', fix: currencyFix(text) },
  'time-zone': (text) => (isTimeZone(text) ? null : { reason: 'is not a time zone', fix: timeZoneFix(text) }),
  'iso-duration': (text) =>
    DURATION.test(text)
      ? null
      : { reason: 'is not an ISO 8601 duration', fix: 'Write P1D for a day, PT6H for six hours, P2W for two weeks.' },
  'clock-duration': (text) =>
    CLOCK_DURATION.test(text)
      ? null
      : {
          reason: 'is not a duration of days, hours, minutes or seconds',
          fix: 'Write PT10M for ten minutes, PT1H for an hour.',
        },
  cron: (text) =>
    isCron(text)
      ? null
      : {
          reason: 'is not a cron expression',
          fix: 'Write five fields: minute, hour, day of month, month, day of week; "0 6 * * *" is every day at six.',
        },
  'period-name': checkPeriod,
  'slack-channel': (text) =>
    /^[A-Z][A-Z0-9]+$/.test(text)
      ? null
      : {
          reason: 'is not a Slack channel id',
          fix: "Slack shows the id, such as C0123ABCDEF, at the foot of the channel's details.",
        },
  channel: (text) =>
    isChannelText(text)
      ? null
      : {
          reason: 'is not a channel',
          fix: 'Write the id of a Slack channel (C0123ABCDEF, at the foot of its details), mailto:team@example.com, teams:NAME or webhook:NAME.',
        },
};

/** Whether a schema's format is one of ours; others are for editors only. */
export function isTextFormat(format: unknown): format is TextFormat {
  return typeof format === 'string' && Object.hasOwn(CHECKS, format);
}

/** What is wrong with `text` under `format`, or null. */
export function checkFormat(format: TextFormat, text: string): FormatFault | null {
  return CHECKS[format](text);
}

function isCron(text: string): boolean {
  if (text.trim().split(/\s+/).length !== CRON_FIELDS) return false;
  try {
    return new Cron(text, { paused: true, mode: '5-part' }).nextRun() !== null;
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return false;
    throw error;
  }
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function timeZoneFix(text: string): string {
  return didYouMean(text, Intl.supportedValuesOf('timeZone')) ?? 'Write an IANA name, as Europe/Berlin, or UTC.';
}

function checkPeriod(text: string): FormatFault | null {
  try {
    parsePeriod(text);
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      reason: text.includes('..') ? 'is not a period that starts before it ends' : 'is not a period',
      fix: 'Write 2026-09 (month), 2026-Q3 (fiscal quarter), 2026 (fiscal year) or 2026-09-01..2026-09-15 (end exclusive).',
    };
  }
}

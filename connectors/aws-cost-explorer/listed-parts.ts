/**
 * Which parts of which months a look delivers, and which of them it must pay for. A part is eight days, the last of a month those that are
 * left: few files to read, and whole ones kept where a day's budget ends in the middle of a month. Every day of a month that is not settled
 * may change at AWS, but AWS refreshes its figures a few times a day at most; a settled month is asked for once more and then never again.
 */
import { AppError } from '../../services/kernel/errors.ts';
import { addDays, type IsoDate, monthOf, type Period, utcDate } from '../../services/kernel/period.ts';
import type { KnownFile, ListRequest } from '../connector.ts';

/** Half-open, up to today at the latest. */
export interface ListedPart {
  readonly start: IsoDate;
  readonly end: IsoDate;
  /** Where it ends once its days are over. */
  readonly fullEnd: IsoDate;
  readonly version: string;
  /** Asked for anew; else what is known of it stays. */
  readonly isAsked: boolean;
}

export interface ListedMonth {
  readonly month: Period;
  readonly parts: readonly ListedPart[];
}

export interface PartsOptions {
  readonly now: Date;
  readonly range: ListRequest['range'];
  /** What is known of the part that begins then. */
  readonly known: (start: IsoDate) => KnownFile | undefined;
}

const HOUR_MS = 3_600_000;
/** AWS refreshes up to three times a day; asking more often costs and brings nothing. */
const OPEN_MONTH_AGE_MS = 5 * HOUR_MS;
const ENDED_MONTH_AGE_MS = 20 * HOUR_MS;
/** AWS restates a month for about two weeks after its end: support fees, refunds, credits. */
const SETTLE_AFTER_MS = 14 * 24 * HOUR_MS;
/** What Cost Explorer keeps by day, beside the current month. */
const MONTHS_KEPT = 13;
const PART_DAYS = 8;
const PARTS = 4;

/** Ascending. @throws AppError invalid_input for days that Cost Explorer does not keep. */
export function listParts(options: PartsOptions): ListedMonth[] {
  const today = utcDate(options.now);
  const months = monthsOf(options, today).map((month) => ({ month, parts: partsOf(month, today) }));
  // A part that was never asked for goes before one that may have changed: where a budget ends in between, the next day goes on.
  const isCatchingUp = months.some(({ parts }) =>
    parts.some(({ start, fullEnd }) => fullEnd < today && options.known(start) === undefined),
  );
  const asked = `asked ${options.now.toISOString()}`;
  return months.map(({ month, parts }) => ({
    month,
    parts: parts.map((part) => {
      const known = options.known(part.start);
      const isKept = known !== undefined && (isCatchingUp || !mayHaveChanged(known, month, options));
      return { ...part, version: (isKept ? known.version : null) ?? asked, isAsked: !isKept };
    }),
  }));
}

function monthsOf({ range }: PartsOptions, today: IsoDate): Period[] {
  const current = monthOf(today);
  const first = range === undefined ? monthOf(addDays(current.start, -1)) : monthOf(range.start);
  const last = range === undefined ? current : monthOf(addDays(range.end, -1));
  let earliest = current;
  for (let count = 0; count < MONTHS_KEPT; count += 1) earliest = monthOf(addDays(earliest.start, -1));
  if (first.start < earliest.start) {
    throw new AppError(
      'invalid_input',
      `Cost Explorer keeps days from ${earliest.start} on (${MONTHS_KEPT} months and the current one), and ${first.start} is earlier. Ask for later ones, or let AWS export older bills and ingest the files.`,
    );
  }
  const months: Period[] = [];
  for (let month = first; month.start <= last.start && month.start <= today; month = monthOf(month.end)) {
    months.push(month);
  }
  return months;
}

function partsOf(month: Period, today: IsoDate): Pick<ListedPart, 'start' | 'end' | 'fullEnd'>[] {
  const tomorrow = addDays(today, 1);
  return Array.from({ length: PARTS }, (_, index) => addDays(month.start, index * PART_DAYS))
    .filter((start) => start <= today)
    .map((start, index) => {
      const fullEnd = index === PARTS - 1 ? month.end : addDays(start, PART_DAYS);
      return { start, fullEnd, end: fullEnd < tomorrow ? fullEnd : tomorrow };
    });
}

function mayHaveChanged({ fetchedAt }: KnownFile, month: Period, { now }: PartsOptions): boolean {
  const endMs = Date.parse(`${month.end}T00:00:00Z`);
  if (fetchedAt.getTime() >= endMs + SETTLE_AFTER_MS) return false;
  const age = now.getTime() - fetchedAt.getTime();
  return age >= (now.getTime() < endMs ? OPEN_MONTH_AGE_MS : ENDED_MONTH_AGE_MS);
}

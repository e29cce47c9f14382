/**
 * The envelopes that a pod's activations of patterns give it: one per month, quarter or year from the activation on. A first
 * partial period is pro rata by days; one shorter than a third joins the next full one, with its days' share of money.
 * Several activations of one pod add up.
 */
import { add, type Decimal, decimal, multiply, ratio, ZERO, compare } from '../kernel/decimal.ts';
import {
  billingPeriodName,
  daysBetween,
  type FiscalCalendar,
  type IsoDate,
  monthOf,
  parsePeriod,
  type Period,
  quarterOf,
} from '../kernel/period.ts';

export interface PatternActivation {
  readonly patternId: string;
  readonly activatedOn: IsoDate;
  readonly every: 'month' | 'quarter' | 'year';
  readonly limit: Decimal;
}

export interface PatternPeriod {
  /** The whole calendar or fiscal period it stands for: an envelope of the file for that one beats it. */
  readonly nominal: Period;
  /** Its name: the nominal one's, or `start..end` where it begins elsewhere. */
  readonly id: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly limit: Decimal;
  readonly patternIds: readonly string[];
  /** The latest activation in it: the day its exchange rates are kept from. */
  readonly approvedOn: IsoDate;
}

/** A hundred years of months: a loop that goes on longer has lost its end. */
const PERIODS_MAX = 1_200;
const CENTS = 2;
const SMALLEST = decimal('0.01');

/**
 * Periods of activations with one `every` and one currency, ascending, up to the one after the period that holds `asOf`, and
 * none that begins at or after `until`. `isTaken` says whether the file has an envelope of its own for a nominal period.
 */
export function patternPeriods(
  activations: readonly PatternActivation[],
  options: {
    readonly asOf: IsoDate;
    readonly until: IsoDate | null;
    readonly calendar: FiscalCalendar;
    readonly isTaken: (nominal: Period) => boolean;
  },
): PatternPeriod[] {
  const periods = new Map<IsoDate, PatternPeriod>();
  for (const activation of activations.toSorted((a, b) => (a.activatedOn < b.activatedOn ? -1 : 1))) {
    addActivation(periods, activation, options);
  }
  return [...periods.values()].toSorted((a, b) => (a.start < b.start ? -1 : 1));
}

function addActivation(
  periods: Map<IsoDate, PatternPeriod>,
  activation: PatternActivation,
  options: Parameters<typeof patternPeriods>[1],
): void {
  const { calendar, isTaken } = options;
  const lastStart = horizon(activation.every, options.asOf, calendar).start;
  let nominal = periodOf(activation.every, activation.activatedOn, calendar);
  if (nominal.start > lastStart) return;
  let start = activation.activatedOn;
  let share = shareOf(activation.limit, start, nominal);
  for (let count = 0; count < PERIODS_MAX; count += 1) {
    const next = periodOf(activation.every, nominal.end, calendar);
    const isShort =
      start > nominal.start && daysBetween(start, nominal.end) * 3 < daysBetween(nominal.start, nominal.end);
    if (isShort && !periods.has(nominal.start) && !isTaken(nominal) && !isTaken(next)) {
      share = add(share, activation.limit);
    } else {
      if (!isTaken(nominal)) merge(periods, { activation, nominal, start, share });
      start = next.start;
      share = activation.limit;
    }
    nominal = next;
    if (nominal.start > lastStart || (options.until !== null && nominal.start >= options.until)) return;
  }
}

function merge(
  periods: Map<IsoDate, PatternPeriod>,
  given: { activation: PatternActivation; nominal: Period; start: IsoDate; share: Decimal },
): void {
  const { activation, nominal } = given;
  const present = periods.get(nominal.start);
  const start = present === undefined || given.start < present.start ? given.start : present.start;
  periods.set(nominal.start, {
    nominal,
    id: start === nominal.start ? nominal.id : billingPeriodName(start, nominal.end),
    start,
    end: nominal.end,
    limit: add(present?.limit ?? ZERO, given.share),
    patternIds: [...new Set([...(present?.patternIds ?? []), activation.patternId])],
    approvedOn: activation.activatedOn,
  });
}

/** The period after the one that holds the date: the last for which envelopes are made ahead. */
export function horizon(every: PatternActivation['every'], asOf: IsoDate, calendar: FiscalCalendar): Period {
  return periodOf(every, periodOf(every, asOf, calendar).end, calendar);
}

function shareOf(limit: Decimal, start: IsoDate, nominal: Period): Decimal {
  if (start === nominal.start) return limit;
  const days = decimal(String(daysBetween(start, nominal.end)));
  const share = decimal(ratio(multiply(limit, days), decimal(String(daysBetween(nominal.start, nominal.end))), CENTS));
  return compare(share, ZERO) > 0 ? share : SMALLEST;
}

function periodOf(every: PatternActivation['every'], date: IsoDate, calendar: FiscalCalendar): Period {
  if (every === 'month') return monthOf(date);
  const quarter = quarterOf(date, calendar);
  return every === 'quarter' ? quarter : parsePeriod(quarter.id.slice(0, 4), calendar);
}

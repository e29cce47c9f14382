/**
 * Checks stated quantities, from a sheet or over HTTP: the metric and its unit, the pod, the day or month, the quantity. Every fault
 * is told with its row and column and what to write instead.
 */
import { type Decimal, decimal, isDecimalText } from '../kernel/decimal.ts';
import type { InputFault } from '../kernel/errors.ts';
import { addDays, type IsoDate, isIsoDate, monthOf } from '../kernel/period.ts';
import { didYouMean } from '../organisation/suggestion.ts';
import { checkFormat } from '../organisation/text-formats.ts';

/** The word that takes a quantity back, where a number would stand. */
export const WITHDRAWN = 'withdrawn';

/** A quantity as it was given, texts untouched, with its place for messages. */
export interface RawQuantity {
  readonly place: Pick<InputFault, 'file' | 'line' | 'record'>;
  readonly metric: string;
  /** Empty where the metric has its unit already. */
  readonly unit: string;
  readonly pod: string;
  /** A day (`2026-09-14`) or a month (`2026-09`). */
  readonly period: string;
  readonly quantity: string;
}

export interface StatedQuantity {
  readonly metricId: string;
  readonly podId: string;
  /** Charge dates, half-open: one day or a calendar month. */
  readonly from: IsoDate;
  readonly until: IsoDate;
  /** Null takes back what was stated before. */
  readonly quantity: Decimal | null;
}

export interface QuantityContext {
  readonly podIds: ReadonlySet<string>;
  /** By metric id; those that new metrics bring along are added while checking. */
  readonly units: Map<string, string>;
}

const UNIT_LENGTH_MAX = 100;
/** Quantities are weights: more digits than these are a slip, and an exponent can ask for thousands. */
const DIGITS_MAX = 60;

type Report = (column: string, reason: string, fix: string) => void;

/** The quantities that could be read, and every fault; where there is a fault nothing may be stored. */
export function checkQuantities(
  given: readonly RawQuantity[],
  context: QuantityContext,
): { quantities: StatedQuantity[]; faults: InputFault[] } {
  const faults: InputFault[] = [];
  const seen = new Map<string, RawQuantity>();
  const quantities = given.flatMap((raw) => {
    const count = faults.length;
    const report: Report = (column, reason, fix) => faults.push({ ...raw.place, column, reason, fix });
    checkMetric(raw, context, report);
    if (!context.podIds.has(raw.pod)) {
      const fix = didYouMean(raw.pod, context.podIds) ?? 'Add the pod to the organisation file and apply it first.';
      report('pod', `"${raw.pod}" is no pod of the organisation`, fix);
    }
    const dates = datesOf(raw.period);
    if (dates === null) {
      report(
        'period',
        `"${raw.period}" is neither a day nor a month`,
        'Write a day as 2026-09-14, a month as 2026-09.',
      );
    }
    const quantity = quantityOf(raw.quantity, report);
    checkStatedOnce(raw, seen, report);
    if (faults.length > count || dates === null || quantity === undefined) return [];
    return [{ metricId: raw.metric, podId: raw.pod, ...dates, quantity }];
  });
  return { quantities, faults };
}

function checkMetric({ metric, unit }: RawQuantity, { units }: QuantityContext, report: Report): void {
  const fault = checkFormat('id', metric);
  if (fault !== null) {
    report('metric', `"${metric}" ${fault.reason}`, fault.fix);
    return;
  }
  const known = units.get(metric);
  if (known === undefined && unit === '') {
    const fix = didYouMean(metric, units.keys()) ?? 'Say in "unit" what a new metric counts, as "requests".';
    report('unit', `the metric "${metric}" is new and has no unit`, fix);
  } else if (unit.length > UNIT_LENGTH_MAX) {
    report('unit', `the unit has more than ${UNIT_LENGTH_MAX} characters`, 'Name it shortly, as "GB-month".');
  } else if (known !== undefined && unit !== '' && unit !== known) {
    report(
      'unit',
      `the metric "${metric}" counts "${known}", not "${unit}"`,
      'A metric has one unit; give another one its own metric.',
    );
  } else if (known === undefined) units.set(metric, unit);
}

function datesOf(period: string): { from: IsoDate; until: IsoDate } | null {
  if (isIsoDate(period)) return { from: period, until: addDays(period, 1) };
  if (!/^\d{4}-\d{2}$/.test(period) || !isIsoDate(`${period}-01`)) return null;
  const month = monthOf(`${period}-01`);
  return { from: month.start, until: month.end };
}

/** Undefined after reporting why not. */
function quantityOf(text: string, report: Report): Decimal | null | undefined {
  if (text === WITHDRAWN) return null;
  const refuse = (reason: string): undefined => {
    const fix = `Write digits and at most one point, 0 where nothing was used, or "${WITHDRAWN}" to take a former quantity back.`;
    report('quantity', reason, fix);
  };
  if (text === '') return refuse('there is no quantity');
  if (!isDecimalText(text)) return refuse(`"${text}" is not a decimal number`);
  const quantity = decimal(text);
  if (quantity.startsWith('-')) return refuse(`"${text}" is below zero`);
  if (quantity.length > DIGITS_MAX) return refuse(`"${text}" has more than ${DIGITS_MAX} digits`);
  return quantity;
}

function checkStatedOnce(raw: RawQuantity, seen: Map<string, RawQuantity>, report: Report): void {
  const key = JSON.stringify([raw.metric, raw.pod, raw.period]);
  const former = seen.get(key);
  if (former === undefined) {
    seen.set(key, raw);
    return;
  }
  const where = former.place.line === undefined ? `record ${former.place.record ?? 0}` : `line ${former.place.line}`;
  report(
    'period',
    `pod "${raw.pod}" has a quantity of "${raw.metric}" for ${raw.period} in ${where}`,
    'Keep one of them.',
  );
}

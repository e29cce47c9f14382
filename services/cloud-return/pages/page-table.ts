/** What a page shows, before anybody draws it: the same tables stand in a terminal and in the PDF, and their columns add up in both. */
import {
  absolute,
  add,
  compare,
  type Decimal,
  decimal,
  multiply,
  roundForPresentation,
  subtract,
  sum,
  ZERO,
} from '../../kernel/decimal.ts';
import { roundPartsTo } from '../../kernel/round-parts.ts';

export interface PageTable {
  readonly heads: readonly string[];
  /** Columns that hold figures, by index. */
  readonly figures: readonly number[];
  readonly rows: readonly (readonly string[])[];
  /** The last rows that are totals. */
  readonly totals: number;
}

export interface PageSection {
  readonly title: string;
  /** Under the title, before the table. */
  readonly lead: readonly string[];
  readonly table: PageTable | null;
  /** Under the table. */
  readonly notes: readonly string[];
}

export const NOT_AVAILABLE = 'n/a';
const LARGE = decimal('10000');
const HUNDRED = decimal('100');

/** What people call a pod: its name where the report has one, `unattributed` for nobody. */
export function podNamer(
  pods: readonly { readonly podId: string; readonly name: string }[],
): (podId: string | null) => string {
  const names = new Map(pods.map(({ podId, name }) => [podId, name]));
  return (podId) => (podId === null ? 'unattributed' : (names.get(podId) ?? podId));
}

/** Whole units where the quarter's cost is large, also below zero, else cents: one choice for the whole report. */
export function placesFor(cost: Decimal): number {
  return compare(absolute(cost), LARGE) >= 0 ? 0 : 2;
}

/** `"-1234567.89"` → `"-1,234,567.89"`. */
export function withThousands(figure: string): string {
  const [whole = '', fraction] = figure.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** One figure that stands alone; `n/a` for null. */
export function asFigure(amount: Decimal | null, places: number): string {
  return amount === null ? NOT_AVAILABLE : withThousands(roundForPresentation(amount, places));
}

/** With its sign, so that colour need not tell it. */
export function signed(figure: string): string {
  return figure.startsWith('-') || /^0(\.0+)?$/.test(figure) ? figure : `+${figure}`;
}

/**
 * A column under a total that is printed elsewhere too, as it is printed there. Such a total may lie a whole unit from the parts' own sum
 * (each end of a bridge is rounded by itself); where cutting parts does not reach it, the greatest of them takes the unit.
 */
export function footingTo(
  parts: readonly Decimal[],
  total: Decimal,
  places: number,
): { parts: string[]; total: string } {
  const printed = roundForPresentation(total, places);
  const rounded = roundPartsTo(parts, printed, places).map(decimal);
  const missing = subtract(decimal(printed), sum(rounded));
  const greatest = rounded.reduce(
    (best, part, index) => (compare(absolute(part), absolute(rounded[best] ?? ZERO)) > 0 ? index : best),
    0,
  );
  return {
    parts: rounded.map((part, index) => asFigure(index === greatest ? add(part, missing) : part, places)),
    total: withThousands(printed),
  };
}

/** Parts and a rest under their total, the rest and the total as they are printed where they stand alone. */
export function footingWithRest(
  parts: readonly Decimal[],
  rest: Decimal,
  places: number,
): { parts: string[]; rest: string; total: string } {
  const total = decimal(roundForPresentation(sum([...parts, rest]), places));
  const printedRest = decimal(roundForPresentation(rest, places));
  const { parts: rounded } = footingTo(parts, subtract(total, printedRest), places);
  return { parts: rounded, rest: asFigure(rest, places), total: asFigure(total, places) };
}

/** `"0.8840"` → `"88.4 %"`; `n/a` for null. */
export function asPercent(ratio: string | null): string {
  return ratio === null
    ? NOT_AVAILABLE
    : `${withThousands(roundForPresentation(multiply(decimal(ratio), HUNDRED), 1))} %`;
}

/** `"2.3100"` → `"2.31×"`; `n/a` for null. */
export function asReturn(ratio: string | null): string {
  return ratio === null ? NOT_AVAILABLE : `${withThousands(roundForPresentation(decimal(ratio), 2))}×`;
}

export function isNegative(amount: Decimal): boolean {
  return compare(amount, ZERO) < 0;
}

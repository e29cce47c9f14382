/**
 * What outcomes are worth, worked out apart from the product: whole numbers of a thirtieth decimal, day by day, outcome by outcome. It knows
 * the record and its verdicts, exchange rates by day and what was frozen when; it knows no tables.
 */
import { daysBetween, type IsoDate, addDays } from '../../services/kernel/period.ts';

/** In units of the thirtieth decimal: finer than any amount times a rate times a share. */
const SCALE = 30;
const ONE = 10n ** BigInt(SCALE);
const BASIS_POINT = ONE / 10_000n;
/** What is recognised up to a day is rounded to so many decimals, or to the amount's own. */
const RECOGNISED_SCALE = 12;

export function unitsOf(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const units = BigInt(whole + fraction.padEnd(SCALE, '0'));
  return text.startsWith('-') ? -units : units;
}

/** As the product writes decimals: no zeros at the end. */
export function textOf(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(SCALE + 1, '0');
  const fraction = digits.slice(-SCALE).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -SCALE)}${fraction === '' ? '' : `.${fraction}`}`;
}

export interface ModelRow {
  readonly from: IsoDate;
  readonly until: IsoDate;
  readonly amount: bigint;
  readonly verdict: 'open' | 'verified' | 'rejected';
  readonly verified: bigint;
}

export interface ModelOutcome {
  readonly state: 'claimed' | 'in_review' | 'verified' | 'partially_verified' | 'rejected' | 'retracted' | 'superseded';
  readonly basis: 'cost_reduction' | 'cost_avoided' | 'revenue' | 'strategic';
  readonly grossOrMargin: 'gross' | 'margin' | null;
  readonly effect: 'benefit' | 'dis_benefit';
  /** Null where it has no money. */
  readonly currency: string | null;
  readonly deliveredOn: IsoDate;
  readonly rows: readonly ModelRow[];
  /** By pod id. */
  readonly shares: Readonly<Record<string, number>>;
  readonly reviewDueOn: IsoDate | null;
  readonly isPooled: boolean;
}

/** From which day on which rate to the reporting currency holds, by currency. */
export type ModelRates = Readonly<Record<string, Readonly<Record<IsoDate, bigint>>>>;

export interface ModelWindow {
  readonly from: IsoDate;
  readonly until: IsoDate;
}

/** What was known of the days of a window. */
export interface KnownDays extends ModelWindow {
  readonly outcomes: readonly ModelOutcome[];
  readonly rates: ModelRates;
}

/** What one outcome brings to a window in one state. */
export interface Recognised {
  /** Its position among the outcomes. */
  readonly outcome: number;
  readonly state: 'verified' | 'claimed';
  readonly basis: ModelOutcome['basis'];
  /** Null where it enters the return. */
  readonly beside: string | null;
  readonly shares: Readonly<Record<string, number>>;
  readonly currency: string | null;
  /** In its own currency; null without money. */
  readonly amount: bigint | null;
  /** In the reporting currency. */
  readonly reported: bigint | null;
}

export const REPORTING = 'USD';

/** Of an amount spread over days, what is recognised after some of them. */
function recognisedAfter(amount: bigint, passed: number, total: number): bigint {
  if (passed <= 0) return 0n;
  if (passed >= total) return amount;
  const fraction = textOf(amount).split('.')[1] ?? '';
  const unit = 10n ** BigInt(SCALE - Math.max(RECOGNISED_SCALE, fraction.length));
  const whole = amount * BigInt(passed);
  const divisor = BigInt(total) * unit;
  return ((whole * 2n + divisor) / (divisor * 2n)) * unit;
}

interface Part extends ModelWindow {
  readonly state: 'verified' | 'claimed';
  readonly row: ModelRow;
  readonly amount: bigint;
}

export function isCounted({ state }: ModelOutcome): boolean {
  return state !== 'rejected' && state !== 'retracted' && state !== 'superseded';
}

/** Open rows as claimed; verified ones at what was verified, from the day of review on as claimed again. */
function partsOf(outcome: ModelOutcome): Part[] {
  if (!isCounted(outcome)) return [];
  return outcome.rows.flatMap((row): Part[] => {
    const { from, until, amount } = row;
    if (row.verdict === 'open') return [{ from, until, state: 'claimed', row, amount }];
    if (row.verdict === 'rejected') return [];
    const review = outcome.reviewDueOn ?? until;
    const before = {
      from,
      until: review < until ? review : until,
      state: 'verified' as const,
      row,
      amount: row.verified,
    };
    const after = { from: review > from ? review : from, until, state: 'claimed' as const, row, amount: row.verified };
    return [before, after].filter((part) => part.from < part.until);
  });
}

/** What a part recognises of a window, always of a benefit. */
function amountIn({ row, amount, ...part }: Part, window: ModelWindow): bigint {
  const from = part.from > window.from ? part.from : window.from;
  const until = part.until < window.until ? part.until : window.until;
  const days = daysBetween(row.from, row.until);
  return (
    recognisedAfter(amount, daysBetween(row.from, until), days) -
    recognisedAfter(amount, daysBetween(row.from, from), days)
  );
}

function touches(part: ModelWindow, window: ModelWindow): boolean {
  return part.from < window.until && part.until > window.from;
}

function rateOf(rates: ModelRates, currency: string, day: IsoDate): bigint {
  if (currency === REPORTING) return ONE;
  const [, rate] = Object.entries(rates[currency] ?? {})
    .filter(([since]) => since <= day)
    .sort(([one], [other]) => (one < other ? 1 : -1))[0] ?? ['', undefined];
  if (rate === undefined) throw new Error(`no rate of ${currency} on ${day}`);
  return rate;
}

/** In the reporting currency, each day at its own rate. */
function reportedIn(part: Part, window: ModelWindow, known: { currency: string; rates: ModelRates }): bigint {
  const { currency, rates } = known;
  if (currency === REPORTING) return amountIn(part, window);
  let total = 0n;
  const until = part.until < window.until ? part.until : window.until;
  for (let day = part.from > window.from ? part.from : window.from; day < until; day = addDays(day, 1)) {
    total += (amountIn(part, { from: day, until: addDays(day, 1) }) * rateOf(rates, currency, day)) / ONE;
  }
  return total;
}

/** What every outcome brings to the days, by state. */
export function recognisedIn(days: KnownDays): Recognised[] {
  return days.outcomes.flatMap((outcome, position): Recognised[] => {
    const { basis, grossOrMargin, shares, currency, effect } = outcome;
    const isGross = grossOrMargin === 'gross';
    const enters = basis === 'cost_reduction' || (basis === 'revenue' && !isGross);
    const common = {
      outcome: position,
      basis,
      shares,
      currency,
      beside: enters ? null : isGross ? 'revenue_gross' : basis,
    };
    if (currency === null) {
      const isThen = outcome.deliveredOn >= days.from && outcome.deliveredOn < days.until;
      const state = outcome.state === 'claimed' || outcome.state === 'in_review' ? 'claimed' : 'verified';
      return isThen && isCounted(outcome) ? [{ ...common, state, amount: null, reported: null }] : [];
    }
    const parts = partsOf(outcome).filter((part) => touches(part, days));
    const sign = effect === 'benefit' ? 1n : -1n;
    return (['verified', 'claimed'] as const).flatMap((state) => {
      const own = parts.filter((part) => part.state === state);
      if (own.length === 0) return [];
      const amount = sign * sumOf(own.map((part) => amountIn(part, days)));
      const reported = sign * sumOf(own.map((part) => reportedIn(part, days, { currency, rates: days.rates })));
      return [{ ...common, state, amount, reported }];
    });
  });
}

/** What a pool's outcomes recognise in a window; dis-benefits make no room. */
export function poolUse(outcomes: readonly ModelOutcome[], window: ModelWindow): bigint {
  const pooled = outcomes.filter((outcome) => outcome.isPooled && outcome.effect === 'benefit');
  const parts = pooled.flatMap(partsOf).filter((part) => touches(part, window));
  return sumOf(parts.map((part) => amountIn(part, window)));
}

export function sumOf(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

/** A part in basis points of an amount. */
export function shareOf(amount: bigint, basisPoints: number): bigint {
  return (amount * BigInt(basisPoints) * BASIS_POINT) / ONE;
}

/** What nobody has, in basis points. */
export function restOf(shares: Readonly<Record<string, number>>): number {
  return Object.values(shares).reduce((rest, points) => rest - points, 10_000);
}

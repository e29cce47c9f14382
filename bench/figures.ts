/** What a bench prints: figures of one run, most of them a ratio of two times that were taken in turns on the same server. */
import Table from 'cli-table3';

export interface Target {
  readonly sense: '≤' | '≥';
  readonly bound: number;
}

export interface Figure {
  readonly name: string;
  /** The figure itself: a ratio, or a time where there is nothing to compare it with. */
  readonly value: string;
  /** What it is made of. */
  readonly from: string;
  /** Empty where nothing is asked of it. */
  readonly target: string;
  /** Absent where there is no target, or where it cannot be told. */
  readonly isReached?: boolean;
}

/** What one turn of a side took. */
export interface Turn {
  readonly elapsedMs: number;
  /** Of every process that took part, the server's included; 0 where it cannot be known. */
  readonly processorMs: number;
}

/** What a part of the bench found, and how much memory its ingestions took; null where that cannot be known. */
export interface Measured {
  readonly figures: readonly Figure[];
  readonly peaks: readonly (number | null)[];
}

const DECIMALS = { '': 2, ' s': 2, ' ms': 1, '/s': 0, ' GiB': 2 } as const;
type Unit = keyof typeof DECIMALS;
const BYTES_PER_GIB = 1024 ** 3;
const MS_PER_SECOND = 1000;

export function atMost(bound: number): Target {
  return { sense: '≤', bound };
}

export function atLeast(bound: number): Target {
  return { sense: '≥', bound };
}

/** The figure of one number, judged. Whole from a hundred on: more digits would be noise. */
export function figureOf(
  name: string,
  measured: number,
  { unit = '', from, target }: { unit?: Unit; from: string; target: Target | null },
): Figure {
  const value = `${measured.toFixed(measured < 100 ? DECIMALS[unit] : 0)}${unit}`;
  if (target === null) return { name, value, from, target: '' };
  const { sense, bound } = target;
  const isReached = sense === '≤' ? measured <= bound : measured >= bound;
  return { name, value, from, target: `${sense} ${bound.toLocaleString('en-GB')}${unit}`, isReached };
}

/** The figure by the time on the wall and, beside it, by processor time. */
export function ratiosOfTurns(
  name: string,
  above: readonly Turn[],
  below: readonly Turn[],
  target: Target | null,
): Figure[] {
  const elapsed = (turns: readonly Turn[]) => turns.map((turn) => turn.elapsedMs);
  const processor = (turns: readonly Turn[]) => turns.map((turn) => turn.processorMs);
  const figure = ratioOfFastest(name, elapsed(above), elapsed(below), target);
  const isKnown = [...above, ...below].every((turn) => turn.processorMs > 0);
  return isKnown
    ? [figure, ratioOfFastest('  the same by processor time', processor(above), processor(below), null)]
    : [figure];
}

/** The processor time of a call by process, and what follows from all of it (milliseconds); nothing where it cannot be known. */
export function processorFigures<Name extends string>(
  spent: Readonly<Record<Name, number>>,
  calls: number,
  follows: (perCall: Readonly<Record<Name | 'total', number>>) => { value: number; unit: Unit },
): Figure[] {
  const sides = Object.entries<number>(spent).map(([name, ms]) => [name, ms / calls] as const);
  const total = sides.reduce((sum, [, ms]) => sum + ms, 0);
  if (total === 0) return [];
  const perCall = { ...Object.fromEntries(sides), total } as Record<Name | 'total', number>;
  const from = `a call: ${sides.map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(' + ')} ms`;
  const { value, unit } = follows(perCall);
  return [figureOf('  the same by processor time', value, { unit, from, target: null })];
}

/**
 * Fastest time of each side. Whatever else the machine does only ever adds time, so the fastest of several turns is the least
 * disturbed one; both sides are given the same number of turns, alternating.
 */
export function ratioOfFastest(
  name: string,
  above: readonly number[],
  below: readonly number[],
  target: Target | null,
): Figure {
  return figureOf(name, Math.min(...above) / Math.min(...below), {
    from: `${seconds(above)} ÷ ${seconds(below)}`,
    target,
  });
}

/** The largest of the ingestions' peaks; none where this machine does not tell. */
export function memoryFigures(name: string, peaks: readonly (number | null)[], target: Target | null): Figure[] {
  const known = peaks.filter((peak) => peak !== null);
  if (known.length === 0) return [];
  const from = `largest of ${known.length} ingestions`;
  return [figureOf(name, Math.max(...known) / BYTES_PER_GIB, { unit: ' GiB', from, target })];
}

/** Turns one after another as one. */
export function sumOfTurns(turns: readonly Turn[]): Turn {
  return {
    elapsedMs: turns.reduce((sum, turn) => sum + turn.elapsedMs, 0),
    processorMs: turns.reduce((sum, turn) => sum + turn.processorMs, 0),
  };
}

/** All turns in seconds, fastest first. */
function seconds(times: readonly number[]): string {
  const [fastest, ...others] = times
    .toSorted((left, right) => left - right)
    .map((time) => (time / MS_PER_SECOND).toFixed(2));
  return others.length === 0 ? `${fastest} s` : `${fastest} s (${others.join(', ')})`;
}

/** A turn as a line of progress. */
export function describeTurn({ elapsedMs, processorMs }: Turn): string {
  return `${(elapsedMs / MS_PER_SECOND).toFixed(2)} s, processor ${(processorMs / MS_PER_SECOND).toFixed(2)} s`;
}

/** The value below which `share` of the times are. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Prints every figure beside its target, and how many targets are reached. */
export function printFigures(figures: readonly Figure[]): void {
  const table = new Table({
    head: ['Figure', 'Measured', 'Target', 'Reached', 'From'],
    style: { head: [], border: [] },
  });
  for (const { name, value, target, isReached, from } of figures) {
    table.push([name, value, target, isReached === undefined ? '' : isReached ? 'yes' : 'no', from]);
  }
  const judged = figures.filter(({ isReached }) => isReached !== undefined);
  const reached = judged.filter(({ isReached }) => isReached === true);
  console.log(`${table.toString()}\n${reached.length} of ${judged.length} targets are reached.`);
}

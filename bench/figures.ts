/** What a bench prints: figures of one run, most of them a ratio of two times that were taken in turns on the same server. */
import Table from 'cli-table3';

export interface Figure {
  readonly name: string;
  /** The figure itself: a ratio, or a time where there is nothing to compare it with. */
  readonly value: string;
  /** What it is made of. */
  readonly from: string;
  readonly target: string;
}

const BYTES_PER_GIB = 1024 ** 3;
const MS_PER_SECOND = 1000;

/** What one turn of a side took. */
export interface Turn {
  readonly elapsedMs: number;
  /** Of every process that took part, the server's included; 0 where it cannot be known. */
  readonly processorMs: number;
}

/** The figure by the time on the wall and, beside it, by processor time. */
export function ratiosOfTurns(name: string, above: readonly Turn[], below: readonly Turn[], target: string): Figure[] {
  const elapsed = (turns: readonly Turn[]) => turns.map((turn) => turn.elapsedMs);
  const processor = (turns: readonly Turn[]) => turns.map((turn) => turn.processorMs);
  const figure = ratioOfFastest(name, elapsed(above), elapsed(below), target);
  const isKnown = [...above, ...below].every((turn) => turn.processorMs > 0);
  return isKnown
    ? [figure, ratioOfFastest('  the same by processor time', processor(above), processor(below), '')]
    : [figure];
}

/**
 * Fastest time of each side. Whatever else the machine does only ever adds time, so the fastest of several turns is the least
 * disturbed one; both sides are given the same number of turns, alternating.
 */
export function ratioOfFastest(
  name: string,
  above: readonly number[],
  below: readonly number[],
  target: string,
): Figure {
  return {
    name,
    value: (Math.min(...above) / Math.min(...below)).toFixed(2),
    from: `${seconds(above)} ÷ ${seconds(below)}`,
    target,
  };
}

export function memoryFigure(name: string, peaks: readonly (number | null)[], target: string): Figure {
  const known = peaks.filter((peak) => peak !== null);
  const value = known.length === 0 ? 'not measured here' : `${(Math.max(...known) / BYTES_PER_GIB).toFixed(2)} GiB`;
  return { name, value, from: `largest of ${known.length} ingestions`, target };
}

/** All turns in seconds, fastest first. */
function seconds(times: readonly number[]): string {
  const [fastest, ...others] = times
    .toSorted((left, right) => left - right)
    .map((time) => (time / MS_PER_SECOND).toFixed(2));
  return others.length === 0 ? `${fastest} s` : `${fastest} s (${others.join(', ')})`;
}

/** The value below which `share` of the times are. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function printFigures(figures: readonly Figure[]): void {
  const table = new Table({ head: ['Figure', 'Value', 'From', 'Target'], style: { head: [], border: [] } });
  for (const { name, value, from, target } of figures) table.push([name, value, from, target]);
  console.log(table.toString());
}

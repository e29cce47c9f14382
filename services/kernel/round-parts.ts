/**
 * Rounds printed parts so that they add up to their printed total: the total is rounded half-even, each part is cut, and the units
 * still missing go to the largest remainders. For presentation only; stored figures stay exact.
 */
import type { Decimal } from './decimal.ts';

/**
 * The parts at `places` decimals, zeros kept, in their order, and their total. The parts' exact sum is the total.
 * Ties go to the earlier part.
 */
export function roundParts(parts: readonly Decimal[], places = 2): { parts: string[]; total: string } {
  const scale = Math.max(places, ...parts.map(scaleOf));
  const exact = parts.reduce((whole, part) => whole + unitsOf(part, scale), 0n);
  const total = textOf(roundHalfEven(exact, 10n ** BigInt(scale - places)), places);
  return { parts: roundPartsTo(parts, total, places), total };
}

/**
 * The parts at `places` decimals so that they add up to `total`, which is their exact sum rounded to `places` up or down. Ties go to
 * the earlier part.
 */
export function roundPartsTo(parts: readonly Decimal[], total: string, places: number): string[] {
  const scale = Math.max(places, ...parts.map(scaleOf));
  const quantum = 10n ** BigInt(scale - places);
  const exact = parts.map((part) => unitsOf(part, scale));
  const cut = exact.map((part) => floorDivide(part, quantum));
  let missing = unitsOf(total, places) - cut.reduce((whole, part) => whole + part, 0n);
  const byRemainder = exact
    .map((part, index) => ({ index, remainder: part - floorDivide(part, quantum) * quantum }))
    .sort((left, right) => (left.remainder === right.remainder ? 0 : left.remainder > right.remainder ? -1 : 1));
  for (const { index } of byRemainder) {
    if (missing <= 0n) break;
    cut[index] = (cut[index] ?? 0n) + 1n;
    missing -= 1n;
  }
  return cut.map((part) => textOf(part, places));
}

function scaleOf(value: string): number {
  const point = value.indexOf('.');
  return point === -1 ? 0 : value.length - point - 1;
}

function unitsOf(value: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = value.replace('-', '').split('.');
  const units = BigInt(whole + fraction.padEnd(scale, '0'));
  return value.startsWith('-') ? -units : units;
}

/** Toward minus infinity, so that every remainder is zero or above. */
function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function roundHalfEven(value: bigint, quantum: bigint): bigint {
  const quotient = floorDivide(value, quantum);
  const twice = (value - quotient * quantum) * 2n;
  if (twice === quantum) return quotient % 2n === 0n ? quotient : quotient + 1n;
  return twice > quantum ? quotient + 1n : quotient;
}

function textOf(units: bigint, places: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, '0');
  const text = places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
  return units < 0n ? `-${text}` : text;
}

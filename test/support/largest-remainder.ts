/**
 * The split of one amount, written a second time and in another way than the product's SQL: whole numbers (BigInt) only. Tests hold
 * the two equal.
 */

/** Places after the point that a parsed decimal is widened to; wider than anything the tests make up. */
const PLACES = 40;
const FEWEST_PLACES = 12;

/** A decimal string as a whole number of 10^-places. */
export function toUnits(decimal: string, places: number = PLACES): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal) ?? [];
  if (fraction.length > places) throw new Error(`${decimal} has more than ${places} places`);
  const units = BigInt(whole + fraction.padEnd(places, '0'));
  return sign === '-' ? -units : units;
}

/** The parts of `whole` by pod, as numbers of 10^-40, for weights above zero; empty where nobody has one. */
export function splitByLargestRemainder(whole: string, weights: ReadonlyMap<string, bigint>): Map<string, bigint> {
  const carriers = [...weights].filter(([, weight]) => weight > 0n);
  const total = carriers.reduce((sum, [, weight]) => sum + weight, 0n);
  if (total === 0n) return new Map();
  const places = Math.max(FEWEST_PLACES, (/\.(\d*?)0*$/.exec(whole)?.[1] ?? '').length);
  const signed = toUnits(whole, places);
  const units = signed < 0n ? -signed : signed;
  const parts = carriers.map(([podId, weight]) => ({
    podId,
    part: (units * weight) / total,
    remainder: (units * weight) % total,
  }));
  let missing = units - parts.reduce((sum, one) => sum + one.part, 0n);
  const byRemainder = parts.toSorted((left, right) => {
    if (left.remainder !== right.remainder) return left.remainder > right.remainder ? -1 : 1;
    return left.podId < right.podId ? -1 : 1;
  });
  const scale = 10n ** BigInt(PLACES - places) * (signed < 0n ? -1n : 1n);
  return new Map(
    byRemainder.map(({ podId, part }) => {
      const extra = missing > 0n ? 1n : 0n;
      missing -= extra;
      return [podId, (part + extra) * scale];
    }),
  );
}

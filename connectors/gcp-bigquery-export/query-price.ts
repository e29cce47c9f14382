/**
 * What a query costs on demand: $6.25 per TiB of the columns it reads, rounded up to whole MiB and at least 10 MiB for each table.
 * Source: Google Cloud, "BigQuery pricing", on-demand compute (US); other regions and editions differ, so the figure is an upper guide.
 */
import { decimal, type Decimal } from '../../services/kernel/decimal.ts';

const MIB = 1_048_576;
const BYTES_MIN = 10 * MIB;
const MICRODOLLARS_PER_TIB = 6_250_000n;
const TIB = 1_099_511_627_776n;
const MICRODOLLAR_DIGITS = 6;

/** The bytes that are billed for `bytesProcessed`. */
export function billedBytes(bytesProcessed: number): number {
  return Math.max(BYTES_MIN, Math.ceil(bytesProcessed / MIB) * MIB);
}

/** US dollars, rounded up to a millionth. */
export function priceOf(bytesBilled: number): Decimal {
  const microdollars = (BigInt(bytesBilled) * MICRODOLLARS_PER_TIB + TIB - 1n) / TIB;
  return decimal(`${microdollars}e-${MICRODOLLAR_DIGITS}`);
}

/**
 * A file's charges by day and SKU with their quantities, whatever pod they belong to: what the bridge from one quarter to the next reads. Added up
 * in DuckDB from the charges while it has them, first by the keys of their places and details, so that texts are compared for few rows.
 * Several rows may be of one day and SKU, of several files or lines; whoever reads them adds them up.
 */
import { CHARGE_TEXT_COLUMNS, MONEY_COLUMNS, ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';
import { carriedOf, chargeTexts, DECIMALS, sumsOf } from './group-charges.ts';
import type { Bill } from './open-bill.ts';

const DAY = [...ORIGIN_TEXT_COLUMNS, ...CHARGE_TEXT_COLUMNS].flatMap(({ sql }) =>
  ['provider_name', 'service_name', 'charge_category', 'sku_id', 'consumed_unit', 'billing_currency'].includes(sql)
    ? [sql]
    : [],
);
/** Bought as a commitment, or left unused of one. */
const IS_COMMITMENT = `coalesce(commitment_discount_status = 'Unused', false)
  or coalesce(charge_category = 'Purchase' and commitment_discount_id is not null, false)`;

/** The columns of load_sku_day that `skuDaysQuery` gives, in order. */
export const SKU_DAY_COLUMNS: readonly string[] = [
  'load_id',
  'charge_date',
  ...DAY,
  'is_commitment',
  'consumed_quantity',
  ...MONEY_COLUMNS.map((column) => column.sql),
];

/** Reads `grouped` and, where there are lines that are charges of their own, `single`; see `groupCharges`. */
export function skuDaysQuery(bill: Bill, loadId: string, hasSingles: boolean): string {
  const id = BigInt(loadId);
  const day = `charge_date, ${DAY.join(', ')}, ${IS_COMMITMENT} as is_commitment`;
  const keyed = `select place_key, detail_key, charge_date, ${sumsOf(bill)}, bool_and(${isCounted(bill)}) as is_counted from grouped group by all`;
  const summed = `select ${day}, ${sumsOf(bill)}, bool_and(is_counted) as is_counted
    from (${keyed}) join place_set using (place_key) join detail_set using (detail_key) group by all`;
  const [quantity, ...costs] = chargeTexts(bill);
  const days = `select ${id}, charge_date, ${DAY.join(', ')}, is_commitment, case when is_counted then ${quantity} end, ${costs.join(', ')}
    from (select *${carriedOf(bill)} from (${summed}))`;
  if (!hasSingles) return days;
  return `${days} union all select ${id}, ${day}, ${DECIMALS.join(', ')}
    from single join place_set using (place_key) join detail_set using (detail_key)`;
}

/** A charge without a quantity leaves its day without one. */
function isCounted(bill: Bill): string {
  return `${bill.decimal('ConsumedQuantity').kind === 'native' ? 'v' : 'h'}_ConsumedQuantity is not null`;
}

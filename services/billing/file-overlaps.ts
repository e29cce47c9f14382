/**
 * One bill twice within a delivery: two files with the same lines under other names or in other formats (the same bytes are refused before
 * anything is read, register-delivery.ts). Files of one export carry other lines, so what gives it away is an account all of whose charges of
 * a day are there more than once, equal to the last decimal. It is warned of with the money at stake, as an overlap of the load with itself;
 * not refused, because two equal purchases on one day are possible.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { MONEY_COLUMNS } from './focus-columns.ts';

const METRICS = MONEY_COLUMNS.map((column) => column.sql);
const GRAIN = [
  'origin_id',
  'charge_date',
  'billing_currency',
  'sku_id',
  'pricing_category',
  'invoice_id',
  'pricing_currency',
  'consumed_unit',
  'consumed_quantity',
  ...METRICS,
  'line_count',
] as const;

/** Notes where files of the load repeat each other; loads of one file cost nothing. Its charges are all staged. */
export async function recordFileOverlaps(trx: Transaction<DB>, loadId: string): Promise<void> {
  const { rows } = await sql<{ files: number }>`
    select count(*)::int as files from load_file where load_id = ${loadId}::bigint and row_count > 0
  `.execute(trx);
  if ((rows[0]?.files ?? 0) < 2) return;
  const metrics = sql.join(METRICS.map((metric) => sql.ref(metric)));
  const repeated = sql.join(METRICS.map((metric) => sql`sum(${sql.ref(metric)} * (copies - 1)) as ${sql.ref(metric)}`));
  const sums = sql.join(METRICS.map((metric) => sql`trim_scale(sum(${sql.ref(metric)}))`));
  const scope = sql`provider_name, billing_account_id, sub_account_id`;
  await sql`
    insert into load_overlap (load_id, other_load_id, ${scope}, first_charge_date, last_charge_date, billing_currency, ${metrics},
      same_charge_count)
    with same as (
      select origin_id, charge_date, billing_currency, ${metrics}, count(*) as copies
      from ${sql.table(`charge_${BigInt(loadId)}`)} group by ${sql.join(GRAIN.map((name) => sql.ref(name)))}
    ), day as (
      select coalesce(provider_name, '') as provider_name, coalesce(billing_account_id, '') as billing_account_id, sub_account_id,
        charge_date, billing_currency, ${repeated}, sum(copies - 1) as same_charges
      from same join origin on origin.id = same.origin_id
      group by 1, 2, 3, 4, 5 having min(copies) > 1
    )
    select ${loadId}::bigint, ${loadId}::bigint, ${scope}, min(charge_date), max(charge_date), billing_currency, ${sums}, sum(same_charges)
    from day group by ${scope}, billing_currency
    having ${sql.join(
      METRICS.map((metric) => sql`sum(${sql.ref(metric)}) <> 0`),
      sql` or `,
    )}
  `.execute(trx);
}

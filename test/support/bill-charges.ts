/** Bills written by a test and staged, each as a source of its own, and what PostgreSQL then holds of them as charges. */
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect } from 'vitest';
import { makeBillFolder, stage, writeBill } from './billing.ts';
import { daysOfSkus } from './billed-charges.ts';
import { type TestDatabase, test as base } from './database.ts';
import { writeParquetRows } from './translated-bills.ts';

/** A charge with its origin. */
export interface StagedCharge {
  charge_date: string;
  billed: string;
  effective: string;
  lines: number;
  quantity: string | null;
  [column: string]: unknown;
}

export interface ChargedBills {
  /** Of the bills, removed after the file's tests. */
  readonly folder: string;
  /** The charges of a bill with this content. Every one is a source of its own, so that none replaces another's bill. */
  chargesOf(name: string, content: string | Buffer): Promise<StagedCharge[]>;
  /** The charges of a bill that is in the folder. */
  chargesOfFile(path: string): Promise<StagedCharge[]>;
  /** Writes what DuckDB selects as a Parquet bill; gives its path. */
  writeParquet(name: string, select: string): Promise<string>;
}

/** `test` with the file's bills. */
export const test = base.extend(
  'bills',
  { scope: 'file' },
  async ({ database }, { onCleanup }): Promise<ChargedBills> => {
    const { path: folder, remove } = await makeBillFolder();
    onCleanup(remove);
    let count = 0;
    return {
      folder,
      chargesOf: async (name, content) => {
        count += 1;
        return chargesOfFile(database, folder, await writeBill(folder, `${count}-${name}`, content));
      },
      chargesOfFile: (path) => chargesOfFile(database, folder, path),
      writeParquet: async (name, select) => {
        const path = join(folder, name);
        await writeParquetRows(select, path);
        return path;
      },
    };
  },
);

async function chargesOfFile(database: TestDatabase, folder: string, path: string): Promise<StagedCharge[]> {
  const sourceId = `source-${path}`;
  await database.pool.query(`insert into source (id, kind) values ($1, 'focus-files')`, [sourceId]);
  const loads = await stage(database, folder, [path], { sourceId });
  for (const { loadId } of loads) expect(await unlikeDaysOfSkus(database, loadId)).toEqual([]);
  const union = loads.map(({ loadId }) => `select * from charge_${loadId}`).join(' union all ');
  const { rows } = await database.pool.query<StagedCharge>(`
    select charge_date::text, trim_scale(billed_cost)::text as billed, trim_scale(effective_cost)::text as effective,
      trim_scale(list_cost)::text as list, line_count::int as lines, trim_scale(consumed_quantity)::text as quantity, origin.*,
      sku_id, billing_currency
    from (${union}) as charge join origin on origin.id = origin_id order by charge_date, billed_cost`);
  return rows;
}

/** Days of SKUs that came with the files and are not what their charges say, and the other way round. */
async function unlikeDaysOfSkus({ db }: TestDatabase, loadId: string): Promise<unknown[]> {
  const { rows } = await sql`
    with brought as (
      select load_id, charge_date, provider_name, service_name, charge_category, is_commitment, sku_id, consumed_unit, billing_currency,
        case when bool_and(consumed_quantity is not null) then trim_scale(sum(consumed_quantity)) end,
        trim_scale(sum(billed_cost)), trim_scale(sum(effective_cost)), trim_scale(sum(list_cost)), trim_scale(sum(contracted_cost))
      from load_sku_day where load_id = ${loadId} group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    ), said as (${daysOfSkus(sql.table(`charge_${loadId}`))})
    (table brought except table said) union all (table said except table brought)`.execute(db);
  return rows;
}

/** A Parquet bill of one line with the costs and further columns given as SQL. */
export function parquetLine(costs: string, more = ''): string {
  return `select ${['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'].map((name) => `${costs} as ${name}`).join(', ')},
    'USD' as BillingCurrency, 'a1' as BillingAccountId, 'AWS' as ProviderName, 'Compute' as ServiceName, 'Usage' as ChargeCategory,
    timestamptz '2026-09-01 00:00:00+00' as BillingPeriodStart, timestamptz '2026-10-01 00:00:00+00' as BillingPeriodEnd,
    timestamptz '2026-09-14 23:30:00+00' as ChargePeriodStart, timestamptz '2026-09-15 00:00:00+00' as ChargePeriodEnd ${more}`;
}

/**
 * The naive side of the reports: SQL over all the lines themselves, as one would write it without the product. Its table has only the columns
 * that the query reads. That favours it, a table of all sixty would be twenty times as large to read, and it is what fits on the disk at sixty
 * million lines.
 */
import { rm } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { copyFile } from '../services/billing/copy-file.ts';
import { compare, type Decimal, decimal, sum } from '../services/kernel/decimal.ts';
import type { BenchPlace } from './bench-place.ts';
import type { BenchBill } from './bill-generator.ts';

export const LINES_DATABASE = 'bench_lines';
const CALLS = 3;

/** Makes the empty table `line`, committed and without an index. */
export async function createNaiveLines(place: BenchPlace): Promise<void> {
  const databaseUrl = await place.createDatabase(LINES_DATABASE);
  await withClient(databaseUrl, (client) =>
    client.query('create table line ("ChargePeriodStart" timestamptz, "EffectiveCost" numeric, "Tags" jsonb)'),
  );
}

/** Adds the lines of a Parquet bill. */
export async function addNaiveLines(place: BenchPlace, bill: BenchBill): Promise<void> {
  const csv = `${bill.path}.csv`;
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '500MB', threads: '2' });
  const connection = await instance.connect();
  try {
    await connection.run(`copy (select strftime("ChargePeriodStart", '%Y-%m-%dT%H:%M:%SZ'), "EffectiveCost", to_json("Tags")
      from read_parquet('${bill.path}')) to '${csv}' (format csv, header false)`);
    await withClient(place.urlOf(LINES_DATABASE), (client) => copyFile(client, 'line from stdin (format csv)', csv));
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(csv, { force: true });
  }
}

/**
 * The fastest of some runs, in milliseconds: the tag's own value for the pod, no splits, no rules, no outcomes.
 * @throws Error where its total is not `effectiveCost`.
 */
export async function timeNaive(linesUrl: string, effectiveCost: string): Promise<number> {
  return withClient(linesUrl, async (client) => {
    const query = async () => {
      const startedAt = performance.now();
      const { rows } = await client.query<{
        cost: string;
      }>(`select "Tags" ->> 'pod', sum("EffectiveCost")::text as cost from line
        where "ChargePeriodStart" >= '2026-07-01' and "ChargePeriodStart" < '2026-10-01' group by 1 order by 1`);
      const elapsedMs = performance.now() - startedAt;
      refuseOther(
        rows.map(({ cost }) => decimal(cost)),
        decimal(effectiveCost),
      );
      return elapsedMs;
    };
    await query(); // The first one also sets the hint bits of every row.
    const times: number[] = [];
    for (let call = 0; call < CALLS; call += 1) times.push(await query());
    return Math.min(...times);
  });
}

function refuseOther(costs: readonly Decimal[], effectiveCost: Decimal): void {
  const total = sum(costs);
  if (compare(total, effectiveCost) !== 0) {
    throw new Error(`The naive query has ${total} in all; the bills have ${effectiveCost}.`);
  }
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, options: '-c TimeZone=UTC' });
  client.on('error', () => {}); // A broken connection fails the query as well.
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Planner settings for statements over many fresh rows. Tables written a moment ago have no statistics: the planner takes a
 * million rows for one and nests loops over them, which is thousands of times slower than hashing; the default work_mem spills
 * what fits; and compiling hundreds of branches to machine code costs more than it saves.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

/** Runs `work` under these settings, then gives the transaction its own back. A failure ends the transaction, settings and all. */
export async function withBulkPlans<Result>(trx: Transaction<DB>, work: () => Promise<Result>): Promise<Result> {
  await sql`set local enable_nestloop = off`.execute(trx);
  await sql`set local work_mem = '64MB'`.execute(trx);
  await sql`set local jit = off`.execute(trx);
  const result = await work();
  await sql`set local enable_nestloop to default`.execute(trx);
  await sql`set local work_mem to default`.execute(trx);
  await sql`set local jit to default`.execute(trx);
  return result;
}

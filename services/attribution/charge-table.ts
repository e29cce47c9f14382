/**
 * Where a load's charges are: in its own table, from staging on, or, once that was merged into a common partition, in `charge`.
 * Reading the own table works before and after it is attached and takes no lock on the other loads' partitions.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

/** The name of the table to read, always together with `load_id = …`. */
export async function chargeTableOf(db: Kysely<DB>, loadId: string): Promise<string> {
  if (!/^\d{1,19}$/.test(loadId)) throw new Error(`"${loadId}" is not a load's id`);
  const name = `charge_${loadId}`;
  const { rows } = await sql<{ found: boolean }>`select to_regclass(${name}) is not null as found`.execute(db);
  return rows[0]?.found === true ? name : 'charge';
}

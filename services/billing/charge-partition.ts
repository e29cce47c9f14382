/**
 * A load's own charge table: attached to `charge` before publication, dropped when nobody can ask for it any more. Both need a lock on
 * `charge` that readers hold in another mode, so both happen in transactions of their own and wait only briefly.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { errorCodeOf, SQL_STATE } from '../../db/sql-state.ts';
import { AppError, TransientError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';

/** While a DROP waits for its lock, every reader of `charge` queues up behind it: so it waits briefly and tries again. */
const LOCK_TIMEOUT = '200ms';
const LOCK_ATTEMPTS_MAX = 20;
const LOCK_PAUSE_MS = 250;
const RETRY_AFTER_MS = 30_000;

/**
 * Makes `charge_<load>` a partition of `charge`; its CHECK on load_id spares the scan. Does nothing where it is one.
 * @throws AppError not_found where there is no such table; TransientError where the lock cannot be had.
 */
export async function attachLoad(db: Kysely<DB>, loadId: string): Promise<void> {
  const name = `charge_${BigInt(loadId)}`;
  await withLock(db, async (trx) => {
    const { rows } = await sql<{ found: boolean; attached: boolean }>`
      select to_regclass(${name}) is not null as found,
        exists (select from pg_inherits where inhrelid = to_regclass(${name})) as attached`.execute(trx);
    if (rows[0]?.found !== true) throw new AppError('not_found', `There is no table of charges of load ${loadId}.`);
    if (rows[0].attached) return;
    await sql`alter table charge attach partition ${sql.table(name)} for values in (${sql.lit(BigInt(loadId))})`.execute(
      trx,
    );
    faultPoint('attach-before-commit');
  });
  faultPoint('attach-after-commit');
}

/**
 * Drops a superseded or failed load's charges and notes when. Totals, rollups and the archive stay. Does nothing where they are gone.
 * @throws AppError conflict for a load that is or may become current; TransientError where the lock cannot be had.
 */
export async function dropLoadCharges(db: Kysely<DB>, loadId: string): Promise<void> {
  await withLock(db, async (trx) => {
    const { rows } = await sql<{
      state: string;
    }>`select state from load where id = ${loadId}::bigint for update`.execute(trx);
    const [load] = rows;
    if (load === undefined) throw new AppError('not_found', `There is no load ${loadId}.`);
    if (load.state !== 'superseded' && load.state !== 'failed') {
      throw new AppError(
        'conflict',
        `Load ${loadId} is ${load.state}; only superseded and failed loads lose their charges.`,
      );
    }
    await sql`drop table if exists ${sql.table(`charge_${BigInt(loadId)}`)}`.execute(trx);
    for (const table of ['load_origin', 'load_top_origin', 'load_top_bound', 'load_sku_day']) {
      await sql`delete from ${sql.table(table)} where load_id = ${loadId}::bigint`.execute(trx);
    }
    await sql`update load set charges_dropped_at = coalesce(charges_dropped_at, now()) where id = ${loadId}::bigint`.execute(
      trx,
    );
  });
}

async function withLock(db: Kysely<DB>, work: (trx: Transaction<DB>) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await db.transaction().execute(async (trx) => {
        await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT)}`.execute(trx);
        await work(trx);
      });
      return;
    } catch (error) {
      const code = errorCodeOf(error);
      if (code !== SQL_STATE.lockNotAvailable && code !== SQL_STATE.deadlockDetected) throw error;
      if (attempt === LOCK_ATTEMPTS_MAX) {
        throw new TransientError(
          'Readers of the charges did not leave a moment for changing their partitions.',
          RETRY_AFTER_MS,
          error,
        );
      }
      await pause(LOCK_PAUSE_MS);
    }
  }
}

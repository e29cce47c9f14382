/**
 * Sums of what standing statements say, by month (standing_month): a report of a period with closed months reads them in place of frozen days.
 * They follow from the frozen rows alone, which never change, and are replaced when a month is approved.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { refreshOutcomeValue } from '../outcomes/sums/outcome-months.ts';

/** To be called in the transaction that approves the month, under the outcome writers' lock: sums of value name closed months. */
export async function keepStandingMonth(trx: Transaction<DB>, month: IsoDate): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select outcome_id::text as id from keep_standing_months(array[${month}::date]) as outcome_id`.execute(trx);
  if (rows.length > 0)
    await refreshOutcomeValue(
      trx,
      rows.map(({ id }) => id),
    );
}

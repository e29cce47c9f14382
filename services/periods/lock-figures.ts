/**
 * Keeps every figure still while a statement is prepared or approved: whoever changes one ends by raising the counter in the organisation
 * row, so holding that row means that what is read is all there is. Locks are taken in the order everybody keeps (attribution/locks.ts).
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { lockChargeMonths, lockRulebookInForce } from '../attribution/locks.ts';
import { OUTCOME_WRITERS_LOCK } from '../kernel/advisory-locks.ts';
import { monthsTouched } from '../kernel/period.ts';
import type { DateRange } from './closed-months.ts';
import { allowComparison } from './drift.ts';

export interface LockedFigures {
  /** The counter of figures. */
  readonly version: string;
  readonly rulebookId: number;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly revenueBasis: 'margin' | 'gross';
}

/** Until the transaction ends no bill is published, no rulebook put in force and no outcome saved. */
export async function lockFigures(trx: Transaction<DB>, period: DateRange): Promise<LockedFigures> {
  await allowComparison(trx);
  await lockRulebookInForce(trx, 'shared');
  await lockChargeMonths(trx, monthsTouched(period.start, period.end));
  await sql`select pg_advisory_xact_lock(${OUTCOME_WRITERS_LOCK})`.execute(trx);
  const { rows } = await sql<LockedFigures>`
    select figures_version::text as version, rulebook_id as "rulebookId", reporting_currency as currency, cost_metric as "costMetric",
      revenue_basis as "revenueBasis" from organisation for update
  `.execute(trx);
  const [locked] = rows;
  if (locked === undefined) throw new Error('the organisation row is missing');
  return locked;
}

/**
 * Reports as they were known at an instant: the loads, rulebook, organisation, outcomes, exchange rates, envelopes, usage and closes of
 * then stand in front of today's, shared cost is split again over them, and the report runs as it always does, asked at that instant.
 * Months that were closed by then are made again too: what they had drifted to is what adjustments are.
 */
import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { rebuildMonths } from '../attribution/rebuild-months.ts';
import { AppError } from '../kernel/errors.ts';
import { parsePeriod } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';
import { listClosedMonths } from '../periods/closed-months.ts';
import { fillClosedConversions } from '../periods/closed-conversions.ts';
import { hideFacts } from './known-facts.ts';
import { parseKnownInstant } from './known-instant.ts';
import { hideLoads, type KnownLoads, readKnownLoads } from './known-loads.ts';
import { hideOrganisation } from './known-organisation.ts';
import { inShadow } from './shadow.ts';

/** What a report is replayed over. */
export interface KnownWorld {
  readonly trx: Transaction<DB>;
  /** The instant: the report is asked at it. */
  readonly at: Date;
  readonly loads: KnownLoads;
}

export interface AsKnownRequest {
  /** `2026-07-05`, the end of that day in UTC, or an instant. */
  readonly asKnown: string;
  /** The period that will be reported: only what its figures are made of is made again. */
  readonly period: string;
  readonly now: Date;
  readonly principal: Principal;
  readonly statementTimeoutMs?: number;
}

/**
 * Runs `work` over what was known then; nothing it writes stays.
 * @throws AppError invalid_input for an instant that is none or lies ahead; invalid_period; not_replayable; forbidden for a pod.
 */
export async function withKnownWorld<Result>(
  db: Kysely<DB>,
  request: AsKnownRequest,
  work: (world: KnownWorld) => Promise<Result>,
): Promise<Result> {
  const { asKnown, period, now, principal, statementTimeoutMs } = request;
  if (principal.role === 'pod') {
    throw new AppError(
      'forbidden',
      'A pod’s token cannot ask for figures as known at an instant: what pods may see is guarded on the figures of today. Ask finance.',
    );
  }
  const at = parseKnownInstant(asKnown, now);
  return inShadow(db, statementTimeoutMs === undefined ? {} : { statementTimeoutMs }, async (shadow) => {
    const { trx } = shadow;
    const rulebookId = await hideOrganisation(shadow, at);
    await hideFacts(shadow, at);
    await hideLoads(shadow, at);
    await shadow.hide('pod_day');
    await shadow.hide('pod_month');
    await shadow.hide('pod_cut');
    await shadow.hide('cost_month');
    await shadow.hide('shared_cost');
    await shadow.hide('shared_month');
    await shadow.settle();
    const { start, end } = parsePeriod(period, await readFiscalCalendar(trx));
    const closed = await listClosedMonths(trx);
    const loads = await readKnownLoads(shadow, { dates: [{ start, end }, ...closed], rulebookId, at, now });
    await rebuildMonths(trx, loads.months);
    await fillClosedConversions(trx, { closed });
    return work({ trx, at, loads });
  });
}

/**
 * Verified units that pods delivered, which every unit cost divides by: of each outcome with a count the pod's share, on the day of its
 * delivery. Units of a dis-benefit count below zero.
 */
import { type RawBuilder, sql } from 'kysely';

/** Rows (pod_id, outcome_type, unit, quantity) from `start` up to, not including, `end` (outcome_delivered_on_idx). */
export function deliveredUnits(start: RawBuilder<unknown>, end: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(
    select share.pod_id, outcome.outcome_type, outcome.unit,
      trim_scale(sum(case outcome.effect when 'benefit' then 1 else -1 end * outcome.quantity * share.basis_points * 0.0001)) as quantity
    from outcome join outcome_share as share on share.outcome_id = outcome.id
    where outcome.delivered_on >= ${start} and outcome.delivered_on < ${end}
      and outcome.state in ('verified', 'partially_verified') and outcome.outcome_type is not null and outcome.quantity is not null
    group by 1, 2, 3)`;
}

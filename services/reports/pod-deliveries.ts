/**
 * What pods delivered and took back: cost of one verified unit, where a pod's units are of one type, and the retractions of a period with their
 * reasons. Statements hold neither quantities nor reasons: units are as now known, retractions as they were made.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compare, type Decimal, ratio, ZERO } from '../kernel/decimal.ts';
import { deliveredUnits } from '../outcomes/sums/delivered-units.ts';
import type { ReportFrame } from './report-frame.ts';

export interface CostPerOutcome {
  readonly outcomeType: string;
  readonly unit: string;
  /** Verified units that were delivered in the window, the pod's share of them. */
  readonly quantity: Decimal;
  /** The pod's cost ÷ quantity. */
  readonly cost: string;
}

/** Part of an outcome that was retracted, as it counted until then. */
export interface Retraction {
  /** Null for what belonged to nobody. */
  readonly podId: string | null;
  readonly outcomeId: string;
  readonly title: string;
  /** RFC 3339. */
  readonly retractedAt: string;
  readonly reason: string;
  /** What had counted over the whole schedule, below zero for a dis-benefit, in the outcome's currency; null without money. */
  readonly amount: Decimal | null;
  /** How much of it had counted as verified; the rest was claimed. */
  readonly verified: Decimal | null;
  readonly currency: string | null;
}

interface DeliveredRow {
  readonly pod_id: string;
  readonly outcome_type: string;
  readonly unit: string;
  readonly quantity: Decimal;
}

/** Verified units of each pod, by type. */
export async function readDelivered(db: Kysely<DB>, { period, windowEnd }: ReportFrame): Promise<DeliveredRow[]> {
  const { rows } = await sql<DeliveredRow>`
    select pod_id, outcome_type, unit, quantity
    from ${deliveredUnits(sql`${period.start}::date`, sql`${windowEnd}::date`)} as delivered order by 1, 2
  `.execute(db);
  return rows;
}

/** Null where nothing is to be divided, and where it would mix types. */
export function costPerOutcome(delivered: readonly DeliveredRow[] | undefined, cost: Decimal): CostPerOutcome | null {
  const [only, another] = delivered ?? [];
  if (only === undefined || another !== undefined) return null;
  if (compare(only.quantity, ZERO) <= 0 || compare(cost, ZERO) <= 0) return null;
  const { outcome_type: outcomeType, unit, quantity } = only;
  return { outcomeType, unit, quantity, cost: ratio(cost, quantity) };
}

/** Those of the period's days that happened by `at`, the latest first; one row per party that had a share. */
export async function readRetractions(db: Kysely<DB>, { period }: ReportFrame, at: Date): Promise<Retraction[]> {
  const { rows } = await sql<Retraction>`
    select pod_id as "podId", outcome_id::text as "outcomeId", title,
      to_char(part.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "retractedAt", reason, amount, verified, currency
    from retracted_part as part
    where part.at >= ${period.start}::date::timestamp at time zone 'UTC'
      and part.at < ${period.end}::date::timestamp at time zone 'UTC' and part.at <= ${at.toISOString()}::timestamptz
    order by part.at desc, part.outcome_id, pod_id nulls last
  `.execute(db);
  return rows;
}

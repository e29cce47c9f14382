/**
 * Whether a pod could deliver on the day that is stated: while it was active, and not on a day still to come. What a pod delivered before it
 * was there was another pod's, or one of the two days is wrong; either way it is said before it counts.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { addDays, type IsoDate, utcDate } from '../../kernel/period.ts';
import type { FieldFault } from './checked-outcome.ts';
import { COUNTED_STATES } from '../outcome.ts';

export interface Delivery {
  /** The stored outcome that it changes; null for a new one. */
  readonly outcomeId: string | null;
  readonly deliveredOn: IsoDate;
  readonly pods: readonly string[];
}

interface OutsideRow {
  readonly position: number;
  readonly shareIndex: number;
  readonly pod: string;
  readonly deliveredOn: IsoDate;
  readonly activeFrom: IsoDate | null;
  readonly activeUntil: IsoDate | null;
  readonly removedOn: IsoDate | null;
}

/** A day begins so many hours earlier in the east than in UTC. */
const EASTERN_HOURS = 14;

/** The faults of each delivery, by its position. What counts with the same day and pod already is not asked again. */
export async function findDeliveryFaults(
  db: Kysely<DB>,
  deliveries: ReadonlyMap<number, Delivery>,
  at: Date,
): Promise<ReadonlyMap<number, FieldFault[]>> {
  const shares = [...deliveries].flatMap(([position, { outcomeId, deliveredOn, pods }]) =>
    pods.map((pod, shareIndex) => ({ position, shareIndex, outcomeId, deliveredOn, pod })),
  );
  if (shares.length === 0) return new Map();
  const latest = utcDate(new Date(at.getTime() + EASTERN_HOURS * 3_600_000));
  const { rows } = await sql<OutsideRow>`
    select position, "shareIndex", pod, "deliveredOn", active_from as "activeFrom", active_until as "activeUntil",
      (removed_at at time zone 'UTC')::date as "removedOn"
    from jsonb_to_recordset(${JSON.stringify(shares)}::jsonb)
      as asked (position int, "shareIndex" int, "outcomeId" bigint, "deliveredOn" date, pod text)
    join pod on pod.id = asked.pod
    where ("deliveredOn" > ${latest}::date or "deliveredOn" < active_from or "deliveredOn" >= active_until
        or "deliveredOn" > (removed_at at time zone 'UTC')::date)
      and not exists (
        select from outcome join outcome_share as share on share.outcome_id = outcome.id
        where outcome.id = asked."outcomeId" and outcome.delivered_on = asked."deliveredOn" and share.pod_id = asked.pod
          and outcome.state = any (${[...COUNTED_STATES]}::text[]))
    order by position, "shareIndex"`.execute(db);
  const found = new Map<number, FieldFault[]>();
  for (const row of rows) {
    const faults = found.get(row.position) ?? [];
    const isToCome = row.deliveredOn > latest;
    // Of several pods a day to come is one fault, not one each.
    if (!isToCome || faults.length === 0) faults.push(isToCome ? toCome(row) : outside(row));
    found.set(row.position, faults);
  }
  return found;
}

function toCome({ deliveredOn }: OutsideRow): FieldFault {
  return {
    field: 'deliveredOn',
    reason: `${deliveredOn} is still to come`,
    fix: 'Claim it once it is delivered; what it is worth on later days stands in its schedule.',
  };
}

function outside({ shareIndex, pod, deliveredOn, activeFrom, activeUntil, removedOn }: OutsideRow): FieldFault {
  if (activeFrom !== null && deliveredOn < activeFrom) {
    return {
      field: 'pod',
      shareIndex,
      reason: `pod "${pod}" is active from ${activeFrom}, and this was delivered on ${deliveredOn}`,
      fix: `Correct the day, name the pod that delivered it then, or have "activeFrom" of ${pod} corrected in the organisation file.`,
    };
  }
  const ended = activeUntil !== null && deliveredOn >= activeUntil;
  const last = ended ? addDays(activeUntil, -1) : removedOn;
  return {
    field: 'pod',
    shareIndex,
    reason: ended
      ? `the last day of pod "${pod}" was ${last}, and this was delivered on ${deliveredOn}`
      : `pod "${pod}" left the organisation file on ${last}, and this was delivered on ${deliveredOn}`,
    fix: 'Correct the day, or name the pod that took over from it.',
  };
}

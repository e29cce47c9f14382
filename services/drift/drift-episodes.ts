/** The drifts of a period, for the quarterly review: those that were open on any of its days, the dearest first. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate, Period } from '../kernel/period.ts';

export interface DriftEpisode {
  readonly podId: string;
  readonly since: IsoDate;
  readonly foundOn: IsoDate;
  /** Null while it is open. */
  readonly endedOn: IsoDate | null;
  readonly endedBecause: 'fell' | 'approved' | 'ended' | null;
  /** Above its baseline, in a month, when it was last looked at. */
  readonly perMonth: Decimal;
  readonly currency: string;
  readonly services: readonly { readonly serviceName: string | null; readonly perMonth: Decimal }[];
}

export async function readDriftEpisodes(db: Kysely<DB>, { start, end }: Period): Promise<DriftEpisode[]> {
  const { rows } = await sql<DriftEpisode>`
    select drift.pod_id as "podId", started_on as since, found_on as "foundOn", (closed_at at time zone 'UTC')::date as "endedOn",
      closed_because as "endedBecause", trim_scale(round((drift.per_week - baseline.per_week) * 365 / 84, 2)) as "perMonth", baseline.currency,
      coalesce((select jsonb_agg(jsonb_build_object('serviceName', service_name, 'perMonth', trim_scale(per_month)::text) order by place)
        from drift_service where drift_service.drift_id = drift.id), '[]') as services
    from drift join drift_baseline as baseline on baseline.id = drift.baseline_id
    where found_on < ${end}::date and (closed_at is null or (closed_at at time zone 'UTC')::date >= ${start}::date)
      -- Found again since the same day, as where bills came late: one drift, as it was found last.
      and not exists (
        select from drift as again where again.pod_id = drift.pod_id and again.started_on = drift.started_on and again.id > drift.id
          and again.found_on < ${end}::date)
    order by baseline.currency, drift.per_week - baseline.per_week desc, drift.pod_id
  `.execute(db);
  return rows;
}

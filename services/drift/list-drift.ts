/** Drift as other people's scripts read it: where each pod stands against its frozen baseline, since when, at what cost a month, and through what. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compare, type Decimal, decimal, ratio, subtract, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import { DRIFT_LINE } from './drift-line.ts';

export interface PodDrift {
  readonly podId: string;
  readonly podName: string;
  /** none: nobody approved anything for the pod, so that there is nothing to drift from. waiting: see `note`. */
  readonly state: 'none' | 'waiting' | 'steady' | 'drifting';
  /** The last complete day that was looked at. */
  readonly through: IsoDate | null;
  readonly approved: {
    readonly by: string | null;
    readonly on: IsoDate;
    readonly act: 'activation' | 'envelope' | 'accepted';
  } | null;
  /** Frozen: what a median week of those days cost. */
  readonly baseline: { readonly from: IsoDate; readonly until: IsoDate; readonly perWeek: Decimal } | null;
  /** A median week of the three weeks up to `through`. */
  readonly perWeek: Decimal | null;
  /** perWeek ÷ baseline − 1, four decimals. */
  readonly change: string | null;
  readonly line: Decimal;
  readonly currency: string | null;
  readonly costMetric: string | null;
  readonly counts: 'controlled' | 'loaded' | null;
  /** The first day above the line, and the last complete one when it was found; null where it does not drift. */
  readonly since: IsoDate | null;
  readonly foundOn: IsoDate | null;
  /** What it costs more than its baseline, in a month of 365 ÷ 12 days, to two decimals. */
  readonly perMonth: Decimal | null;
  readonly services: readonly { readonly serviceName: string | null; readonly perMonth: Decimal }[];
  readonly note: string | null;
}

/** Pods with an approved act by id, or the one asked for whatever it has. @throws AppError not_found */
export async function listDrift(db: Kysely<DB>, options: { podId?: string } = {}): Promise<PodDrift[]> {
  const { podId } = options;
  const { rows } = await sql<DriftRow>`
    select pod.id as pod_id, pod.name as pod_name, standing.act, standing.act_on, standing.waits_for, standing.missing_rates, standing.ready_on,
      standing.through, trim_scale(standing.per_week) as per_week, baseline.approved_by, baseline.days_from, baseline.days_until,
      trim_scale(baseline.per_week) as baseline_per_week, baseline.currency, baseline.cost_metric, baseline.counts,
      drift.started_on, drift.found_on,
      trim_scale(round((standing.per_week - baseline.per_week) * 365 / 84, 2)) as per_month,
      coalesce((select jsonb_agg(jsonb_build_object('serviceName', service_name, 'perMonth', trim_scale(per_month)::text) order by place)
        from drift_service where drift_service.drift_id = drift.id), '[]') as services
    from pod
    left join drift_standing as standing on standing.pod_id = pod.id
    left join drift_baseline as baseline on baseline.id = standing.baseline_id
    left join drift on drift.pod_id = pod.id and drift.closed_at is null
    where case when ${podId ?? null}::text is null then standing.pod_id is not null else pod.id = ${podId ?? null} end
    order by pod.id collate "C"
  `.execute(db);
  if (podId !== undefined && rows.length === 0) {
    throw new AppError(
      'not_found',
      worded`There is no pod ${podId}. ${COMMANDS.drift} lists those that have an approved baseline.`,
    );
  }
  return rows.map(toDrift);
}

interface DriftRow {
  pod_id: string;
  pod_name: string;
  act: 'activation' | 'envelope' | 'accepted' | null;
  act_on: IsoDate | null;
  waits_for: 'cost' | 'days' | 'rate' | null;
  missing_rates: string[] | null;
  ready_on: IsoDate | null;
  through: IsoDate | null;
  per_week: Decimal | null;
  approved_by: string | null;
  days_from: IsoDate | null;
  days_until: IsoDate | null;
  baseline_per_week: Decimal | null;
  currency: string | null;
  cost_metric: string | null;
  counts: 'controlled' | 'loaded' | null;
  started_on: IsoDate | null;
  found_on: IsoDate | null;
  per_month: Decimal | null;
  services: { serviceName: string | null; perMonth: Decimal }[];
}

function toDrift(row: DriftRow): PodDrift {
  const { per_week: perWeek, baseline_per_week: baseline, act, act_on: actOn } = row;
  const isDrifting = row.started_on !== null;
  const note = describeWaiting(row);
  return {
    podId: row.pod_id,
    podName: row.pod_name,
    state: act === null ? 'none' : isDrifting ? 'drifting' : note === null ? 'steady' : 'waiting',
    through: row.through,
    approved: act === null || actOn === null ? null : { by: row.approved_by, on: actOn, act },
    baseline:
      baseline === null || row.days_from === null || row.days_until === null
        ? null
        : { from: row.days_from, until: row.days_until, perWeek: baseline },
    perWeek,
    change:
      perWeek === null || baseline === null || compare(baseline, ZERO) <= 0
        ? null
        : ratio(subtract(perWeek, baseline), baseline),
    line: DRIFT_LINE,
    currency: row.currency,
    costMetric: row.cost_metric,
    counts: row.counts,
    since: row.started_on,
    foundOn: row.found_on,
    perMonth: isDrifting ? (row.per_month ?? decimal('0')) : null,
    services: isDrifting ? row.services : [],
    note,
  };
}

function describeWaiting(row: DriftRow): string | null {
  switch (row.waits_for) {
    case null:
      if (row.act !== null) return null;
      return 'Nobody has approved anything for it yet: no activation and no envelope, so there is no baseline.';
    case 'cost':
      return 'It has no cost yet; its baseline is the first eight weeks with cost.';
    case 'days':
      return `Its baseline is there when every day before ${row.ready_on} is complete${row.ready_on === row.act_on ? '' : `, eight weeks from ${addDays(row.ready_on ?? '', -56)} on`}.`;
    case 'rate':
      return (
        `There is no exchange rate from ${row.missing_rates?.join(', ')} for ${row.act_on}, the day of the approval. ` +
        'Add it to a file of fx.files and run "outturn apply".'
      );
  }
}

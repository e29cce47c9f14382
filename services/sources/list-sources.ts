/** Each source as an operator wants to see it: how its last look went, how far its data reaches, what it holds and costs, when it is next. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { isFinalSql } from '../billing/load-finality.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { SOURCE_RUN_LOCK_CLASS } from '../kernel/advisory-locks.ts';
import { billingPeriodName, type IsoDate, utcDate } from '../kernel/period.ts';
import { RUN_JSON, type RunView } from './list-runs.ts';
import { FAILURES_TO_OPEN } from './next-run.ts';
import { readSchedule } from './source-settings.ts';

export interface SourceStatus {
  readonly sourceId: string;
  readonly kind: string;
  /** `paused`: it failed so often that it is tried every six hours only. `manual`: looked at when somebody asks. */
  readonly state: 'waiting' | 'running' | 'retrying' | 'paused' | 'manual' | 'notScheduled';
  /** Killed is failed, with the code `interrupted`. */
  readonly lastRun: RunView | null;
  /** The newest billing period with a published load. */
  readonly latest: {
    readonly billingPeriod: string;
    readonly deliveredAt: string;
    readonly dataAsOf: string | null;
    readonly finality: 'estimated' | 'final';
    readonly rows: string;
    readonly totals: readonly { readonly billingCurrency: string; readonly billedCost: Decimal }[];
  } | null;
  /** A newer delivery than the last published one that was refused after it was read; null where there is none. */
  readonly refused: { readonly loadId: string; readonly billingPeriod: string; readonly message: string } | null;
  /** Of this UTC day: calls counted or paid for, bytes billed, US dollars. */
  readonly spentToday: { readonly requests: string; readonly bytesBilled: string; readonly amount: Decimal };
  readonly failures: number;
  /** RFC 3339; null where it is not scheduled. */
  readonly nextRunAt: string | null;
  /** All of it in one sentence. */
  readonly summary: string;
}

interface StatusRow {
  readonly id: string;
  readonly kind: string;
  readonly settings: unknown;
  readonly failures: number;
  readonly next_run_at: string | null;
  readonly open_since: string | null;
  readonly run: RunView | null;
  /** Whether somebody holds the source's lock. */
  readonly is_locked: boolean;
  readonly load: {
    period_start: IsoDate;
    period_end: IsoDate;
    delivered_at: string;
    data_as_of: string | null;
    is_final: boolean;
    row_count: string;
    totals: { billingCurrency: string; billedCost: Decimal }[];
  } | null;
  readonly refused: { id: string; period_start: IsoDate; period_end: IsoDate; message: string } | null;
  readonly requests: string;
  readonly bytes_billed: string;
  readonly amount: Decimal;
}

/** Sources of the organisation, by id; of one id, none where it has no such source. */
export async function listSources(db: Kysely<DB>, at: Date, sourceId?: string): Promise<SourceStatus[]> {
  const instant = (column: string) =>
    sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const { rows } = await sql<StatusRow>`
    select source.id, source.kind, source.settings, coalesce(schedule.failures, 0) as failures,
      case when isfinite(schedule.next_run_at) then ${instant('schedule.next_run_at')} end as next_run_at, ${instant('schedule.open_since')} as open_since,
      (select ${RUN_JSON} from source_run where source_run.source_id = source.id order by source_run.id desc limit 1) as run,
      exists (select from pg_locks where locktype = 'advisory' and classid = ${SOURCE_RUN_LOCK_CLASS}::int::oid and objid = hashtext(source.id)::oid
        and objsubid = 2 and granted and database = (select oid from pg_database where datname = current_database())) as is_locked,
      (select jsonb_build_object('period_start', billing_period_start, 'period_end', billing_period_end, 'delivered_at', ${instant('delivered_at')},
          'data_as_of', ${instant('data_as_of')}, 'is_final', ${isFinalSql('load')}, 'row_count', row_count::text,
          'totals', coalesce((select jsonb_agg(jsonb_build_object('billingCurrency', billing_currency, 'billedCost', trim_scale(billed_cost)::text) order by billing_currency)
            from load_total where load_id = load.id), '[]'))
        from load where load.source_id = source.id and state = 'published' order by billing_period_start desc limit 1) as load,
      (select jsonb_build_object('id', id::text, 'period_start', billing_period_start, 'period_end', billing_period_end, 'message', failure ->> 'message')
        from load where load.source_id = source.id and state = 'failed' and not exists (select from load as later
          where later.source_id = load.source_id and later.billing_period_start = load.billing_period_start and later.id > load.id)
        order by id desc limit 1) as refused,
      coalesce(spent.requests, 0)::text as requests, coalesce(spent.bytes_billed, 0)::text as bytes_billed, trim_scale(coalesce(spent.amount, 0)) as amount
    from source
    left join source_schedule as schedule on schedule.source_id = source.id
    left join source_spending as spent on spent.source_id = source.id and spent.on_date = ${utcDate(at)}::date
    where removed_at is null and (${sourceId ?? null}::text is null or source.id = ${sourceId ?? null})
      and (source.settings <> '{}' or exists (select from load where load.source_id = source.id))
    order by source.id collate "C"`.execute(db);
  return rows.map((row) => toStatus(row));
}

function toStatus(row: StatusRow): SourceStatus {
  const run = row.run === null ? null : asItEnded(row.run, row.is_locked);
  const { load } = row;
  const status = {
    sourceId: row.id,
    kind: row.kind,
    state: stateOf(row, run),
    lastRun: run,
    latest:
      load === null
        ? null
        : {
            billingPeriod: billingPeriodName(load.period_start, load.period_end),
            deliveredAt: load.delivered_at,
            dataAsOf: load.data_as_of,
            finality: load.is_final ? ('final' as const) : ('estimated' as const),
            rows: load.row_count,
            totals: load.totals,
          },
    refused:
      row.refused === null
        ? null
        : {
            loadId: row.refused.id,
            billingPeriod: billingPeriodName(row.refused.period_start, row.refused.period_end),
            message: row.refused.message,
          },
    spentToday: { requests: row.requests, bytesBilled: row.bytes_billed, amount: row.amount },
    failures: row.failures,
    nextRunAt: row.next_run_at,
  };
  return { ...status, summary: summarise(status, row.open_since) };
}

/** A run without a result whose lock is free was killed. */
function asItEnded(run: RunView, isLocked: boolean): RunView {
  if (run.outcome !== null || isLocked) return run;
  const error = { code: 'interrupted', message: 'It was interrupted; the next one goes on from there.', faults: [] };
  return { ...run, outcome: 'failed', error };
}

function stateOf(row: StatusRow, run: RunView | null): SourceStatus['state'] {
  if (run !== null && run.outcome === null) return 'running';
  if (Object.keys(row.settings ?? {}).length === 0) return 'notScheduled';
  if (readSchedule(row.kind, row.settings) === null) return 'manual';
  if (row.open_since !== null) return 'paused';
  return row.failures > 0 ? 'retrying' : 'waiting';
}

function summarise(status: Omit<SourceStatus, 'summary'>, openSince: string | null): string {
  const { lastRun, latest, refused, failures, nextRunAt } = status;
  const next = nextRunAt === null ? '' : ` Next look ${nextRunAt}.`;
  if (status.state === 'running') return `being looked at since ${lastRun?.startedAt}`;
  const error = lastRun?.error ?? null;
  if (status.state === 'paused') {
    return `paused since ${openSince} after ${failures} failures in a row (${FAILURES_TO_OPEN} open the circuit; it is tried every six hours): ${error?.message ?? ''}${next}`;
  }
  if (error !== null) return `the last look failed: ${error.message}${next}`;
  if (refused !== null) return `the bill of ${refused.billingPeriod} was refused: ${refused.message}${next}`;
  const waiting =
    lastRun !== null && lastRun.waiting.length > 0 ? ` Not complete yet: ${lastRun.waiting.join('; ')}.` : '';
  if (latest === null && lastRun === null && status.state !== 'notScheduled') {
    const who = status.state === 'manual' ? '' : 'A worker does so at once; or ';
    return `it was not looked at yet. ${who}run: outturn ingest --source ${status.sourceId} (POST /api/v1/loads over HTTP)`;
  }
  if (latest === null) return `nothing was published yet.${waiting}${next}`;
  const asOf = latest.dataAsOf === null ? '' : `, data as of ${latest.dataAsOf}`;
  return `${latest.billingPeriod} ${latest.finality}${asOf}.${waiting}${next}`;
}

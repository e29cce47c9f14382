/** The record of each look at a source, and when the next one is due: PostgreSQL's, so that no queue can forget it. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { InputFault } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import { type Attempts, afterBudget, afterFailure, nextDue } from './next-run.ts';
import { endSourceRequest } from './source-requests.ts';
import { readSchedule } from './source-settings.ts';

export type RunReason = 'schedule' | 'command' | 'request';

export interface StartedRun {
  readonly runId: string;
  readonly sourceId: string;
  /** As they were when it began: where they are others at its end, the source is due again at once. */
  readonly settings: unknown;
  /** The request that it answers. */
  readonly requestId: string | null;
}

export interface FetchTotals {
  readonly filesFetched: number;
  readonly bytesFetched: number;
}

export interface RunFailure {
  readonly outcome: 'failed';
  readonly code: string;
  readonly message: string;
  /** The places in a bill that are at fault. */
  readonly faults: readonly InputFault[];
  /** What the provider asked for. */
  readonly retryAfterMs: number | null;
}

export interface RunSuccess {
  readonly outcome: 'changed' | 'unchanged' | 'waiting';
  readonly waiting: readonly string[];
}

/** More than these say nothing new; the message tells how many there are. */
const FAULTS_MAX = 100;
/** A source may be asked again on the next day whatever it said, or the clock. */
const DAY_MS = 86_400_000;

/** Notes that a source is being looked at, by whoever holds its lock: a run that is not finished then was killed. */
export async function beginRun(
  db: Kysely<DB>,
  run: {
    sourceId: string;
    settings: unknown;
    requestId: string | null;
    reason: RunReason;
    range: { start: IsoDate; end: IsoDate } | null;
    at: Date;
  },
): Promise<StartedRun> {
  await sql`
    update source_run set finished_at = ${run.at.toISOString()}::timestamptz, outcome = 'failed', error_code = 'interrupted',
      error_message = 'The run was interrupted; the next one went on from there.'
    where source_id = ${run.sourceId} and outcome is null`.execute(db);
  const { rows } = await sql<{ id: string }>`
    insert into source_run (source_id, reason, range_start, range_end, started_at)
    values (${run.sourceId}, ${run.reason}, ${run.range?.start ?? null}::date, ${run.range?.end ?? null}::date, ${run.at.toISOString()}::timestamptz)
    returning id`.execute(db);
  return { runId: rows[0]?.id ?? '', sourceId: run.sourceId, settings: run.settings, requestId: run.requestId };
}

/** Notes the result and sets when the source is due next, in one transaction. */
export async function endRun(
  db: Kysely<DB>,
  run: StartedRun,
  result: FetchTotals & (RunSuccess | RunFailure),
  at: Date,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const failure = result.outcome === 'failed' ? result : null;
    await sql`
      update source_run set finished_at = ${at.toISOString()}::timestamptz, outcome = ${result.outcome},
        files_fetched = ${result.filesFetched}, bytes_fetched = ${result.bytesFetched},
        waiting = ${result.outcome === 'failed' ? [] : result.waiting}::text[],
        error_code = ${failure?.code ?? null}, error_message = ${failure?.message ?? null},
        faults = ${JSON.stringify(failure?.faults.slice(0, FAULTS_MAX) ?? [])}::jsonb
      where id = ${run.runId}::bigint`.execute(trx);
    const retryAt = await setNextRun(trx, run, failure, at);
    if (run.requestId !== null) await endSourceRequest(trx, run.requestId, isPassing(failure) ? retryAt : null);
  });
}

/** The same look will go well later, so whoever asked for it need not ask again. */
function isPassing(failure: RunFailure | null): boolean {
  return failure !== null && (failure.code === 'transient' || failure.code === 'source_budget');
}

/** Returns when to try again after a failure. */
async function setNextRun(
  trx: Transaction<DB>,
  { sourceId, settings }: StartedRun,
  failure: RunFailure | null,
  at: Date,
): Promise<Date | null> {
  const { rows } = await sql<{ kind: string; failures: number | null; open_since: Date | null }>`
    select kind, failures, open_since from source left join source_schedule on source_id = source.id
    where source.id = ${sourceId} for update of source`.execute(trx);
  const [source] = rows;
  if (source === undefined) return null;
  const before: Attempts = { failures: source.failures ?? 0, openSince: source.open_since };
  const schedule = readSchedule(source.kind, settings);
  const next = failure === null ? { failures: 0, openSince: null } : attemptAfter(failure, before, at);
  const retryAt = 'nextRunAt' in next ? next.nextRunAt : null;
  const dueAt = schedule === null ? null : nextDue(sourceId, schedule, at);
  // A source that nobody scheduled is not tried again by itself either.
  const nextRunAt = schedule === null ? 'infinity' : (retryAt ?? dueAt ?? at).toISOString();
  await sql`
    insert into source_schedule (source_id, next_run_at, failures, open_since, settings)
    values (${sourceId}, ${nextRunAt}::timestamptz, ${next.failures}, ${next.openSince?.toISOString() ?? null}::timestamptz,
      ${JSON.stringify(settings)}::jsonb)
    on conflict (source_id) do update set next_run_at = excluded.next_run_at, failures = excluded.failures,
      open_since = excluded.open_since, settings = excluded.settings`.execute(trx);
  return retryAt;
}

function attemptAfter(failure: RunFailure, before: Attempts, at: Date): Attempts & { readonly nextRunAt: Date } {
  if (failure.code === 'source_budget') return afterBudget(before, at);
  return afterFailure(before, { at, retryAfterMs: Math.min(failure.retryAfterMs ?? 0, DAY_MS) });
}

/**
 * Sources that are due, of one id or all of them, with the instant that makes a run of theirs the same run however often it is asked for.
 * Due are also those whose settings are others than at their last look, and those whose next look lies further away than any schedule or
 * pause puts it: the clock was ahead then.
 */
export async function listDueSources(
  db: Kysely<DB>,
  at: Date,
  sourceId?: string,
): Promise<{ sourceId: string; dueAt: Date }[]> {
  const { rows } = await sql<{
    id: string;
    kind: string;
    settings: unknown;
    next_run_at: Date | null;
    is_changed: boolean;
  }>`
    select id, kind, source.settings, case when isfinite(next_run_at) then next_run_at end as next_run_at,
      source.settings is distinct from schedule.settings or not isfinite(next_run_at) as is_changed
    from source left join source_schedule as schedule on source_id = source.id
    where removed_at is null and source.settings <> '{}' and (${sourceId ?? null}::text is null or id = ${sourceId ?? null})
    order by next_run_at nulls first, id`.execute(db);
  return rows.flatMap(({ id, kind, settings, next_run_at: dueAt, is_changed: isChanged }) => {
    const schedule = readSchedule(kind, settings);
    if (schedule === null) return [];
    if (dueAt === null) return [{ sourceId: id, dueAt: new Date(0) }];
    const isDue = dueAt <= at || isChanged || dueAt.getTime() > latestDue(nextDue(id, schedule, at), at);
    return isDue ? [{ sourceId: id, dueAt }] : [];
  });
}

function latestDue(next: Date, at: Date): number {
  return Math.max(next.getTime(), at.getTime() + DAY_MS);
}

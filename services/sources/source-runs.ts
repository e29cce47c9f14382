/** The record of each look at a source, and when the next one is due: PostgreSQL's, so that no queue can forget it. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import { type Attempts, afterFailure, nextDue } from './next-run.ts';
import { readSchedule } from './source-settings.ts';

export type RunReason = 'schedule' | 'command' | 'request';

export interface StartedRun {
  readonly runId: string;
  readonly sourceId: string;
}

export interface FetchTotals {
  readonly filesFetched: number;
  readonly bytesFetched: number;
}

export interface RunFailure {
  readonly outcome: 'failed';
  readonly code: string;
  readonly message: string;
  /** What the provider asked for. */
  readonly retryAfterMs: number | null;
}

export interface RunSuccess {
  readonly outcome: 'changed' | 'unchanged' | 'waiting';
  readonly waiting: readonly string[];
}

/** Notes that a source is being looked at, by whoever holds its lock: a run that is not finished then was killed. */
export async function beginRun(
  db: Kysely<DB>,
  run: { sourceId: string; reason: RunReason; range: { start: IsoDate; end: IsoDate } | null; at: Date },
): Promise<StartedRun> {
  await sql`
    update source_run set finished_at = ${run.at.toISOString()}::timestamptz, outcome = 'failed', error_code = 'interrupted',
      error_message = 'The run was interrupted; the next one went on from there.'
    where source_id = ${run.sourceId} and outcome is null`.execute(db);
  const { rows } = await sql<{ id: string }>`
    insert into source_run (source_id, reason, range_start, range_end, started_at)
    values (${run.sourceId}, ${run.reason}, ${run.range?.start ?? null}::date, ${run.range?.end ?? null}::date, ${run.at.toISOString()}::timestamptz)
    returning id`.execute(db);
  return { runId: rows[0]?.id ?? '', sourceId: run.sourceId };
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
        error_code = ${failure?.code ?? null}, error_message = ${failure?.message ?? null}
      where id = ${run.runId}::bigint`.execute(trx);
    await setNextRun(trx, run.sourceId, failure, at);
  });
}

async function setNextRun(
  trx: Transaction<DB>,
  sourceId: string,
  failure: { retryAfterMs: number | null } | null,
  at: Date,
): Promise<void> {
  const { rows } = await sql<{ kind: string; settings: unknown; failures: number | null; open_since: Date | null }>`
    select kind, settings, failures, open_since from source left join source_schedule on source_id = source.id
    where source.id = ${sourceId} for update of source`.execute(trx);
  const [source] = rows;
  if (source === undefined) return;
  const before: Attempts = { failures: source.failures ?? 0, openSince: source.open_since };
  const schedule = readSchedule(source.kind, source.settings);
  const next =
    failure === null
      ? { failures: 0, openSince: null }
      : afterFailure(before, { at, retryAfterMs: failure.retryAfterMs });
  const retryAt = 'nextRunAt' in next ? next.nextRunAt : null;
  const dueAt = schedule === null ? null : nextDue(sourceId, schedule, at);
  // A source that nobody scheduled is not tried again by itself either.
  const nextRunAt = schedule === null ? 'infinity' : (retryAt ?? dueAt ?? at).toISOString();
  await sql`
    insert into source_schedule (source_id, next_run_at, failures, open_since)
    values (${sourceId}, ${nextRunAt}::timestamptz, ${next.failures}, ${next.openSince?.toISOString() ?? null}::timestamptz)
    on conflict (source_id) do update set next_run_at = excluded.next_run_at, failures = excluded.failures,
      open_since = excluded.open_since`.execute(trx);
}

/** Sources that are due, with the instant that makes a run of theirs the same run however often it is asked for. */
export async function listDueSources(db: Kysely<DB>, at: Date): Promise<{ sourceId: string; dueAt: Date }[]> {
  const { rows } = await sql<{ id: string; kind: string; settings: unknown; next_run_at: Date | null }>`
    select id, kind, settings, next_run_at from source left join source_schedule on source_id = source.id
    where removed_at is null and settings <> '{}' and coalesce(next_run_at, '-infinity') <= ${at.toISOString()}::timestamptz
    order by next_run_at nulls first, id`.execute(db);
  return rows
    .filter((source) => readSchedule(source.kind, source.settings) !== null)
    .map((source) => ({ sourceId: source.id, dueAt: source.next_run_at ?? new Date(0) }));
}

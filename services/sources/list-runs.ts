/** The history of looks at a source, newest first: when, why, with what result, what was fetched, and what was at fault. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError, type InputFault } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { RunReason } from './source-runs.ts';

export interface RunView {
  readonly runId: string;
  readonly reason: RunReason;
  /** The days a backfill asked for. */
  readonly range: { readonly start: IsoDate; readonly end: IsoDate } | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Null while it runs, or where it was killed and no look came after it. */
  readonly outcome: 'changed' | 'unchanged' | 'waiting' | 'failed' | null;
  readonly filesFetched: number;
  readonly bytesFetched: string;
  /** Deliveries that were there but not complete. */
  readonly waiting: readonly string[];
  readonly error: RunError | null;
}

export interface RunError {
  readonly code: string;
  readonly message: string;
  /** The places in a bill, at most a hundred. */
  readonly faults: readonly InputFault[];
}

/** A run as JSON, of a row of source_run. */
export const RUN_JSON = sql`jsonb_build_object('runId', source_run.id::text, 'reason', reason,
  'range', case when range_start is not null then jsonb_build_object('start', range_start, 'end', range_end) end,
  'startedAt', to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'finishedAt', to_char(finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'outcome', outcome, 'filesFetched', files_fetched, 'bytesFetched', bytes_fetched::text, 'waiting', waiting,
  'error', case when error_message is not null
    then jsonb_build_object('code', coalesce(error_code, 'internal'), 'message', error_message, 'faults', faults) end)`;

/**
 * At most `limit` runs before the run `before`, by the index source_run_source_idx.
 * @throws AppError not_found for a source that never was.
 */
export async function listRuns(
  db: Kysely<DB>,
  options: { sourceId: string; before: string | null; limit: number },
): Promise<RunView[]> {
  const { sourceId, before, limit } = options;
  const source = await db.selectFrom('source').select('id').where('id', '=', sourceId).executeTakeFirst();
  if (source === undefined)
    throw new AppError(
      'not_found',
      `There is no source "${sourceId}". Take the id as the organisation file has it, or had it.`,
    );
  const { rows } = await sql<{ run: RunView }>`
    select ${RUN_JSON} as run from source_run
    where source_id = ${sourceId} and (${before}::bigint is null or id < ${before}::bigint)
    order by id desc limit ${limit}`.execute(db);
  return rows.map(({ run }) => run);
}

/**
 * Looks that somebody asked for, kept until a worker has ended them: an emptied queue, or a source that was busy just then, forgets none.
 * Each carries the id of its job, so that asking again for the same one is no second look.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';

export interface SourceRequest {
  readonly jobId: string;
  readonly sourceId: string;
  readonly reason: 'command' | 'request';
  /** A backfill: the days its billing periods touch. */
  readonly range?: { readonly start: IsoDate; readonly end: IsoDate };
  readonly mayDropAccounts: boolean;
}

/** More wait for the next minute. */
const REQUESTS_MAX = 500;

/** To be called before the queue is told. */
export async function keepSourceRequest(db: Kysely<DB>, request: SourceRequest, at: Date): Promise<void> {
  const { jobId, sourceId, reason, range, mayDropAccounts } = request;
  await sql`
    insert into source_request (job_id, source_id, reason, range_start, range_end, may_drop_accounts, requested_at)
    values (${jobId}, ${sourceId}, ${reason}, ${range?.start ?? null}::date, ${range?.end ?? null}::date, ${mayDropAccounts},
      ${at.toISOString()}::timestamptz)
    on conflict do nothing`.execute(db);
}

/** Those of sources that are still there and whose time has come, in the order they were made. */
export async function listSourceRequests(db: Kysely<DB>, at: Date): Promise<SourceRequest[]> {
  const { rows } = await sql<{
    job_id: string;
    source_id: string;
    reason: SourceRequest['reason'];
    range_start: IsoDate | null;
    range_end: IsoDate | null;
    may_drop_accounts: boolean;
  }>`
    select job_id, source_id, reason, range_start, range_end, may_drop_accounts
    from source_request join source on source.id = source_id
    where removed_at is null and not_before <= ${at.toISOString()}::timestamptz order by requested_at, job_id limit ${REQUESTS_MAX}`.execute(
    db,
  );
  return rows.map((row) => ({
    jobId: row.job_id,
    sourceId: row.source_id,
    reason: row.reason,
    mayDropAccounts: row.may_drop_accounts,
    ...(row.range_start === null || row.range_end === null
      ? {}
      : { range: { start: row.range_start, end: row.range_end } }),
  }));
}

export async function isSourceRequested(db: Kysely<DB>, jobId: string): Promise<boolean> {
  const { rows } = await sql`select from source_request where job_id = ${jobId}`.execute(db);
  return rows.length > 0;
}

/** Ends a request with the look that it asked for; one that is worth trying again waits until `retryAt`. */
export async function endSourceRequest(db: Kysely<DB>, jobId: string, retryAt: Date | null): Promise<void> {
  await (retryAt === null
    ? sql`delete from source_request where job_id = ${jobId}`
    : sql`update source_request set not_before = ${retryAt.toISOString()}::timestamptz where job_id = ${jobId}`
  ).execute(db);
}

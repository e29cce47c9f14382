/**
 * Tells the operators' channel that a source went late, and that it is back: each once. What is late is what says "at least" in alerts
 * (data-freshness.ts), seen from now; a source that nobody promised never is.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { freshnessOf, readSourceReach, type SourceReach } from '../envelopes/data-freshness.ts';
import { DRIFT_LOCK } from '../kernel/advisory-locks.ts';
import { addDays, utcDate } from '../kernel/period.ts';
import { formatDay } from './format-figures.ts';
import { section } from './slack-blocks.ts';
import { escapeForeign } from './slack-text.ts';

/**
 * Answers how many notices were written. Only time makes a source late: after a publication (`isAfterLoad`) one can but be back, so that the
 * months of a backfill that come one after another are no lateness.
 */
export async function notifyOperators(
  trx: Transaction<DB>,
  { at, isAfterLoad = false }: { at: Date; isAfterLoad?: boolean },
): Promise<number> {
  await sql`select pg_advisory_xact_lock(${DRIFT_LOCK})`.execute(trx);
  const sources = await readSourceReach(trx);
  const late = await listLate(trx, sources, at);
  const began = isAfterLoad ? [] : await beginLateness(trx, late, at);
  const ended = await endLateness(trx, late, at);
  const reach = new Map(sources.map((source) => [source.sourceId, source]));
  const notices = [
    ...began.map(({ id, source_id: sourceId }) => ({
      once_key: `source-late/${id}`,
      text: describeLate(sourceId, reach.get(sourceId)),
    })),
    // One that left the file, or is not waited for any more, is not back: nobody hears of it again.
    ...ended.flatMap(({ id, source_id: sourceId, late_since: since }) => {
      const source = reach.get(sourceId);
      if (source === undefined || source.expectEveryMs === null) return [];
      return [{ once_key: `source-back/${id}`, text: describeBack(sourceId, source, since) }];
    }),
  ];
  await insertNotices(trx, notices, at);
  return notices.length;
}

export interface LateNow {
  readonly sourceId: string;
  readonly usageUntil: Date | null;
}

/** A source that has delivered nothing is late once it was looked at for longer than it may take. */
async function listLate(db: Kysely<DB>, sources: readonly SourceReach[], at: Date): Promise<LateNow[]> {
  const today = utcDate(at);
  const delivered = sources.filter(({ usageUntil }) => usageUntil !== null);
  const { late } = freshnessOf(delivered, { start: today, end: addDays(today, 1) }, at);
  const silent = sources.filter(({ usageUntil, expectEveryMs }) => usageUntil === null && expectEveryMs !== null);
  const firstLooks = silent.length === 0 ? new Map<string, Date>() : await readFirstLooks(db);
  const isOverdue = ({ sourceId, expectEveryMs }: SourceReach) => {
    const first = firstLooks.get(sourceId);
    return first !== undefined && at.getTime() - first.getTime() > (expectEveryMs ?? 0);
  };
  return [
    ...delivered.filter(({ sourceId }) => late.some((one) => one.sourceId === sourceId)),
    ...silent.filter(isOverdue),
  ];
}

async function readFirstLooks(db: Kysely<DB>): Promise<Map<string, Date>> {
  const { rows } = await sql<{ source_id: string; first: Date }>`
    select source_id, min(started_at) as first from source_run group by source_id
  `.execute(db);
  return new Map(rows.map((row) => [row.source_id, row.first]));
}

async function beginLateness(
  trx: Transaction<DB>,
  late: readonly LateNow[],
  at: Date,
): Promise<{ id: string; source_id: string }[]> {
  if (late.length === 0) return [];
  const { rows } = await sql<{ id: string; source_id: string }>`
    insert into source_lateness (source_id, late_since, usage_until)
    select source_id, ${at.toISOString()}, usage_until
    from unnest(${late.map((one) => one.sourceId)}::text[], ${late.map((one) => one.usageUntil?.toISOString() ?? null)}::timestamptz[])
      as late (source_id, usage_until)
    on conflict (source_id) where back_at is null do nothing
    returning id, source_id
  `.execute(trx);
  return rows;
}

async function endLateness(
  trx: Transaction<DB>,
  late: readonly LateNow[],
  at: Date,
): Promise<{ id: string; source_id: string; late_since: Date }[]> {
  const { rows } = await sql<{ id: string; source_id: string; late_since: Date }>`
    update source_lateness set back_at = ${at.toISOString()}
    where back_at is null and not source_id = any (${late.map((one) => one.sourceId)}::text[])
    returning id, source_id, late_since
  `.execute(trx);
  return rows;
}

function describeLate(sourceId: string, source: SourceReach | undefined): string {
  const until = source?.usageUntil ?? null;
  const has = until === null ? 'it has delivered nothing yet' : `its data ends with ${formatDay(lastDayBefore(until))}`;
  return (
    `The source ${escapeForeign(sourceId)} is late: ${has}, and more was expected by now. Until it is back, alerts say "at least" and nothing ` +
    `clears. What it says itself: outturn sources runs ${escapeForeign(sourceId)}`
  );
}

function describeBack(sourceId: string, { usageUntil }: SourceReach, since: Date): string {
  const reach = usageUntil === null ? '' : `, with data up to ${formatDay(lastDayBefore(usageUntil))}`;
  return `The source ${escapeForeign(sourceId)} is back${reach}. It was late since ${formatDay(utcDate(since))}.`;
}

/** The end of usage is the first instant after it. */
function lastDayBefore(until: Date): string {
  return utcDate(new Date(until.getTime() - 1));
}

async function insertNotices(
  trx: Transaction<DB>,
  notices: readonly { once_key: string; text: string }[],
  at: Date,
): Promise<void> {
  if (notices.length === 0) return;
  const rows = notices.map(({ once_key, text }) => ({
    once_key,
    text,
    blocks: [section(text)],
  }));
  await sql`
    insert into message (id, kind, state, scope_kind, alert_id, is_urgent, text, blocks, next_attempt_at, created_at, once_key)
    select notice.id, 'operator-notice', 'pending', 'organisation', notice.id, false, text, blocks, ${at.toISOString()}, ${at.toISOString()}, once_key
    from (
      select gen_random_uuid() as id, draft.* from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as draft (once_key text, text text, blocks jsonb)
    ) as notice
    on conflict (once_key) do nothing
  `.execute(trx);
}

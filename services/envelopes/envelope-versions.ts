/**
 * Versions of envelopes as rows: what stands, and appending. A version is never changed; a limit raised, lowered or approved
 * anew is the next one. An envelope that was taken back is marked and keeps its history; a new version brings it back.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';

/** What an envelope is for: with these four equal it is the same envelope. */
export interface EnvelopeKey {
  readonly scope: EnvelopeScope;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly counts: 'controlled' | 'loaded';
}

/** What a version says. */
export interface VersionContent {
  readonly limit: Decimal;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly rungs: readonly Decimal[];
  readonly approvedBy: string | null;
  readonly approvedOn: IsoDate;
  readonly approval: string | null;
  readonly origin: 'explicit' | 'pattern';
  readonly patternIds: readonly string[];
}

export interface VersionDraft extends EnvelopeKey {
  readonly periodId: string;
  readonly content: VersionContent;
}

export interface StoredVersion extends VersionContent {
  readonly version: number;
  readonly method: 'granted' | 'asserted';
}

export interface StoredEnvelope extends EnvelopeKey {
  readonly envelopeId: string;
  readonly periodId: string;
  readonly isWithdrawn: boolean;
  readonly newest: StoredVersion;
  /** What the file last said about it; null for one that only the product made. */
  readonly asserted: StoredVersion | null;
}

export function keyOf(key: EnvelopeKey): string {
  return JSON.stringify([key.scope.kind, key.scope.id, key.start, key.end, key.counts]);
}

/** A scope in words of the file: `pod checkout`, `the organisation`. */
export function describeScope(scope: EnvelopeScope): string {
  if (scope.id !== null) return `${scope.kind} ${scope.id}`;
  return scope.kind === 'organisation' ? 'the organisation' : 'what is unattributed';
}

/** Every envelope, withdrawn ones too, by key. */
export async function readStoredEnvelopes(db: Kysely<DB>): Promise<Map<string, StoredEnvelope>> {
  const { rows } = await sql<StoredRow>`
    select envelope.id, scope_kind, scope_id, period_id, period_start, period_end, counts, withdrawn_at is not null as is_withdrawn,
      version, trim_scale(envelope_limit) as envelope_limit, currency, cost_metric, rungs, approved_by, approved_on, approval,
      origin, pattern_ids, method
    from envelope
    join envelope_version on envelope_version.envelope_id = envelope.id
    where version = (select max(version) from envelope_version where envelope_id = envelope.id)
      or version = (select max(version) from envelope_version where envelope_id = envelope.id and method = 'asserted')
    order by envelope.id, version
  `.execute(db);
  const stored = new Map<string, StoredEnvelope>();
  for (const row of rows) {
    const envelope = toStored(row);
    const previous = stored.get(keyOf(envelope));
    // Ascending versions: the newest comes last, the asserted one is it or the one before.
    stored.set(keyOf(envelope), { ...envelope, asserted: envelope.asserted ?? previous?.asserted ?? null });
  }
  return stored;
}

export interface WrittenVersion {
  readonly draft: VersionDraft;
  readonly envelopeId: string;
  readonly version: number;
}

/** Appends one version per draft, making envelopes that are new and bringing back those withdrawn. In order of the drafts. */
export async function appendVersions(
  trx: Transaction<DB>,
  drafts: readonly VersionDraft[],
  options: { at: Date; principal: Principal; method: 'granted' | 'asserted' },
): Promise<WrittenVersion[]> {
  if (drafts.length === 0) return [];
  const at = options.at.toISOString();
  const draftRows = sql`jsonb_to_recordset(${JSON.stringify(drafts.map(toRow))}::jsonb) as draft (ordinal integer,
    scope_kind text, scope_id text, period_id text, period_start date, period_end date, counts text, envelope_limit numeric,
    currency text, cost_metric text, rungs text[], approved_by text, approved_on date, approval text, origin text,
    pattern_ids text[])`;
  await sql`
    insert into envelope (scope_kind, scope_id, period_id, period_start, period_end, counts, created_at)
    select scope_kind, scope_id, period_id, period_start, period_end, counts, ${at}::timestamptz from ${draftRows}
    on conflict on constraint envelope_key do update set withdrawn_at = null, period_id = excluded.period_id
  `.execute(trx);
  const { rows } = await sql<{ ordinal: number; envelope_id: string; version: number }>`
    with draft as (
      select draft.*, envelope.id as envelope_id,
        1 + coalesce((select max(version) from envelope_version where envelope_id = envelope.id), 0) as version
      from ${draftRows}
      join envelope on envelope.scope_kind = draft.scope_kind and envelope.scope_id is not distinct from draft.scope_id
        and envelope.period_start = draft.period_start and envelope.period_end = draft.period_end
        and envelope.counts = draft.counts
    ), written as (
      insert into envelope_version (envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_by,
        approved_on, approval, method, origin, pattern_ids, applied_by, created_at)
      select envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_by, approved_on, approval,
        ${options.method}, origin, pattern_ids, ${options.principal.id}, ${at}::timestamptz
      from draft
    )
    select ordinal, envelope_id, version from draft order by ordinal
  `.execute(trx);
  return rows.flatMap((row) => {
    const draft = drafts[row.ordinal];
    return draft === undefined ? [] : [{ draft, envelopeId: row.envelope_id, version: row.version }];
  });
}

/**
 * Takes envelopes back: they are no longer evaluated or listed, their open alerts end, and what was not told yet never will be. One that comes back is
 * judged anew, in the next episode: nobody was told of it as it will be then.
 */
export async function withdrawEnvelopes(trx: Transaction<DB>, envelopeIds: readonly string[], at: Date): Promise<void> {
  if (envelopeIds.length === 0) return;
  const gone = sql`(${[...envelopeIds]}::bigint[])`;
  await sql`update envelope set withdrawn_at = ${at.toISOString()} where id = any ${gone}`.execute(trx);
  await sql`
    update alert set episode_state = 'closed', ended_at = ${at.toISOString()}
    where envelope_id = any ${gone} and episode_state = 'open'
  `.execute(trx);
  await sql`
    update message set state = 'suppressed', next_attempt_at = null
    where (state = 'held' or state = 'pending' and attempts = 0 and claimed_until is null) and kind = 'crossing'
      and id in (select message_id from alert where envelope_id = any ${gone})
      and not exists (select from alert where alert.message_id = message.id and alert.episode_state = 'open')
  `.execute(trx);
  await sql`
    update envelope_state set episode = episode + 1, actual = null, rung = null, spoken_rung = null, spoken_watermark = null, clean_since = null,
      clean_watermark = null, clean_floor = null, held_rung = null, held_reason_kind = null, held_told = null, held_since = null,
      held_escalated = false, over_since = null, has_escalated = false, acknowledged_rung = null, acknowledged_by = null,
      acknowledged_at = null, snoozed_rung = null, snoozed_by = null, snoozed_until = null
    where envelope_id = any ${gone} and closed_at is null
  `.execute(trx);
}

/** Money and rungs travel as JSON strings: numeric and text read them exactly. */
function toRow(draft: VersionDraft, ordinal: number): Record<string, unknown> {
  const { content } = draft;
  return {
    ordinal,
    scope_kind: draft.scope.kind,
    scope_id: draft.scope.id,
    period_id: draft.periodId,
    period_start: draft.start,
    period_end: draft.end,
    counts: draft.counts,
    envelope_limit: content.limit,
    currency: content.currency,
    cost_metric: content.costMetric,
    rungs: content.rungs,
    approved_by: content.approvedBy,
    approved_on: content.approvedOn,
    approval: content.approval,
    origin: content.origin,
    pattern_ids: content.patternIds,
  };
}

interface StoredRow {
  id: string;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  period_id: string;
  period_start: IsoDate;
  period_end: IsoDate;
  counts: 'controlled' | 'loaded';
  is_withdrawn: boolean;
  version: number;
  envelope_limit: Decimal;
  currency: string;
  cost_metric: CostMetric;
  rungs: Decimal[];
  approved_by: string | null;
  approved_on: IsoDate;
  approval: string | null;
  origin: 'explicit' | 'pattern';
  pattern_ids: string[];
  method: 'granted' | 'asserted';
}

function toStored(row: StoredRow): StoredEnvelope {
  const newest: StoredVersion = {
    version: row.version,
    limit: row.envelope_limit,
    currency: row.currency,
    costMetric: row.cost_metric,
    rungs: row.rungs,
    approvedBy: row.approved_by,
    approvedOn: row.approved_on,
    approval: row.approval,
    origin: row.origin,
    patternIds: row.pattern_ids,
    method: row.method,
  };
  return {
    envelopeId: row.id,
    scope: toScope(row.scope_kind, row.scope_id),
    periodId: row.period_id,
    start: row.period_start,
    end: row.period_end,
    counts: row.counts,
    isWithdrawn: row.is_withdrawn,
    newest,
    asserted: row.method === 'asserted' ? newest : null,
  };
}

/** The scope as the domain writes it; the table's check guarantees an id for pods and portfolios only. */
export function toScope(kind: EnvelopeScope['kind'], id: string | null): EnvelopeScope {
  if (kind === 'pod' || kind === 'portfolio') return { kind, id: id ?? '' };
  return { kind, id: null };
}

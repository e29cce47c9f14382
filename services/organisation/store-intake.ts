/**
 * Writes whose events are whose. What waited for a mapping that is there now, or failed for want of something, is due again; what has its
 * pod keeps it, so that a reorganisation rewrites no history.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IntakeEntry } from './organisation.ts';

export async function storeIntake(trx: Transaction<DB>, intake: IntakeEntry | undefined, at: Date): Promise<void> {
  const mappings = (intake?.mappings ?? []).map((entry) => ({
    scope_kind: entry.scopeKind,
    scope_name: entry.scopeName.toLowerCase(),
    pod_id: entry.pod ?? null,
    ignored_reason: entry.ignored ?? null,
    valid_from: entry.from ?? null,
    valid_until: entry.until ?? null,
  }));
  await sql`delete from intake_mapping`.execute(trx);
  await sql`
    insert into intake_mapping (scope_kind, scope_name, pod_id, ignored_reason, valid_from, valid_until)
    select scope_kind, scope_name, pod_id, ignored_reason, coalesce(valid_from, '-infinity'),
      -- The later one of a name ends the former.
      least(valid_until, lead(valid_from) over (partition by scope_kind, scope_name order by valid_from nulls first), 'infinity')
    from jsonb_to_recordset(${JSON.stringify(mappings)}::jsonb) as entry (scope_kind text, scope_name text, pod_id text,
      ignored_reason text, valid_from date, valid_until date)
  `.execute(trx);
  const candidates = (intake?.candidates ?? []).map((entry, index) => ({
    ordinal: index + 1,
    scope_kind: entry.scopeKind ?? null,
    scope_name: entry.scopeName?.toLowerCase() ?? null,
    label: entry.label?.trim().toLowerCase() ?? null,
    issue_type: entry.issueType?.trim().toLowerCase() ?? null,
  }));
  await sql`delete from intake_candidate`.execute(trx);
  await sql`
    insert into intake_candidate (ordinal, scope_kind, scope_name, label, issue_type)
    select * from jsonb_to_recordset(${JSON.stringify(candidates)}::jsonb) as entry (ordinal integer, scope_kind text, scope_name text,
      label text, issue_type text)
  `.execute(trx);
  const bound = (intake?.senders ?? []).flatMap(({ sender, sources }) =>
    sources.map((source) => ({ sender: sender.toLowerCase(), source: source.toLowerCase() })),
  );
  await sql`delete from intake_sender`.execute(trx);
  await sql`
    insert into intake_sender select distinct sender, source from jsonb_to_recordset(${JSON.stringify(bound)}::jsonb) as entry (sender text, source text)
  `.execute(trx);
  await storeSweeps(trx, intake?.sweep ?? [], at);
  await sql`
    update inbound_event set state = 'received', attempts = 0, reason = null, next_attempt_at = ${at.toISOString()}
    where state = 'failed' or (state = 'unmapped' and exists (
      select from jsonb_to_recordset(scopes) as scope (kind text, name text)
      join intake_mapping as mapping on mapping.scope_kind = scope.kind and mapping.scope_name = scope.name
      where (occurred_at at time zone 'UTC')::date >= valid_from and (occurred_at at time zone 'UTC')::date < valid_until))
  `.execute(trx);
}

async function storeSweeps(trx: Transaction<DB>, hooks: readonly string[], at: Date): Promise<void> {
  await sql`delete from intake_sweep where source = 'github' and not hook = any (${[...hooks]}::text[])`.execute(trx);
  await sql`delete from intake_gap where source = 'github' and not hook = any (${[...hooks]}::text[])`.execute(trx);
  await sql`
    insert into intake_sweep (source, hook, next_at)
    select distinct 'github', hook, ${at.toISOString()}::timestamptz from unnest(${[...hooks]}::text[]) as hook
    on conflict do nothing
  `.execute(trx);
}

/**
 * Says of events that came in whose they are, whether something newer of the same object had come before them, and what has to be done: a
 * finished ticket may be a candidate, a reopened one breaks evidence. In sets; doing it is act-on-events.ts.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

/** Of one statement. */
const EVENTS_MAX = 1_000;

/** Judges what waits; answers how many that was. More than fit wait for the next call. */
export async function judgeEvents(db: Kysely<DB>, at: Date): Promise<number> {
  const now = at.toISOString();
  const { numAffectedRows } = await sql`
    with due as (
      select * from inbound_event where state = 'received' and next_attempt_at <= ${now} order by next_attempt_at, id limit ${EVENTS_MAX}
      for update skip locked
    ), told as (
      select due.*, mapping.*,
        -- By arrival: what came before it and is newer had overtaken it. That never changes, whenever this is judged.
        due.object_id is not null and exists (
          select from inbound_event as newer
          where newer.source = due.source and newer.object_id = due.object_id and newer.occurred_at > due.occurred_at and newer.id < due.id
        ) as is_outdated,
        -- A sender that is bound speaks of its sources alone.
        exists (select from intake_sender where sender = bound.sender) and not exists (
          select from jsonb_to_recordset(due.scopes) as scope (kind text, name text)
          join intake_sender as allowed on allowed.sender = bound.sender and (scope.name = allowed.source
            or allowed.source like '%*' and starts_with(scope.name, left(allowed.source, -1)))
          where scope.kind = 'source'
        ) as is_foreign, bound.sender,
        (select former.status from inbound_event as former
          where former.source = due.source and former.object_id = due.object_id and former.status is not null
            and (former.occurred_at, former.id) < (due.occurred_at, due.id)
          order by former.occurred_at desc, former.id desc limit 1) as former_status
      from due
      cross join lateral (select case when due.source like 'events/%' then substr(due.source, 8) end as sender) as bound
      left join lateral (
        select true as is_mapped, mapping.pod_id as mapped_pod_id, mapping.ignored_reason
        from rows from (jsonb_to_recordset(due.scopes) as (kind text, name text)) with ordinality as scope (kind, name, place)
        join intake_mapping as mapping on mapping.scope_kind = scope.kind and mapping.scope_name = scope.name
        where (due.occurred_at at time zone 'UTC')::date >= valid_from and (due.occurred_at at time zone 'UTC')::date < valid_until
        order by scope.place limit 1
      ) as mapping on true
    ), judged as (
      select id, case when not is_foreign then mapped_pod_id end as mapped_pod_id, ignored_reason, is_foreign, sender,
        case when is_foreign then 'failed' when is_mapped is null then 'unmapped' when ignored_reason is not null then 'ignored' when is_outdated then 'outdated'
          else 'mapped' end as state,
        case
          when is_foreign then null
          -- Still to be done from before.
          when act is not null then act
          when is_outdated then null
          -- Once, whenever it is mapped: evidence may have been mended since.
          when judged_at is null and (status in ('not_planned', 'deleted') and former_status is distinct from status or status = 'rolled_back'
            or status = 'open' and (attributes ->> 'isReopening' = 'true' or former_status = 'completed')) then 'break'
          when kind = 'ticket' and status = 'completed' and mapped_pod_id is not null and exists (
            select from intake_candidate as wanted
            where (wanted.scope_kind is null or told.scopes @> jsonb_build_array(jsonb_build_object('kind', wanted.scope_kind, 'name', wanted.scope_name)))
              and (lower(attributes ->> 'issueType') = wanted.issue_type or exists (
                select from jsonb_array_elements_text(coalesce(attributes -> 'labels', '[]')) as carried (label) where lower(carried.label) = wanted.label))
          ) then 'candidate'
        end as act
      from told
    )
    update inbound_event as event set state = judged.state, pod_id = judged.mapped_pod_id, act = judged.act,
      judged_at = case when not is_foreign then ${now}::timestamptz end,
      reason = case judged.state when 'ignored' then judged.ignored_reason when 'outdated' then 'something newer of it came first'
        when 'failed' then format('%s may not speak of %s: intake.senders names its sources', judged.sender, event.attributes ->> 'source') end,
      next_attempt_at = case when judged.act is not null then ${now}::timestamptz end
    from judged where judged.id = event.id
  `.execute(db);
  return Number(numAffectedRows ?? 0n);
}

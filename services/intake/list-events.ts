/** What came in, newest first, and what of it waits for a mapping, by repository, project, team, service or source. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { EventKind, EventScope, ObjectStatus } from '../kernel/inbound-event.ts';

export const EVENT_STATES = ['received', 'mapped', 'unmapped', 'outdated', 'ignored', 'failed'] as const;
export type EventState = (typeof EVENT_STATES)[number];

export interface ListedEvent {
  readonly eventId: string;
  readonly source: string;
  readonly type: string;
  readonly kind: EventKind;
  readonly objectId: string | null;
  readonly subject: string;
  readonly status: ObjectStatus | null;
  readonly occurredAt: string;
  readonly receivedAt: string;
  readonly state: EventState;
  readonly reason: string | null;
  readonly podId: string | null;
  readonly scopes: readonly EventScope[];
  readonly attributes: object;
}

export interface EventFilter {
  readonly state?: EventState;
  readonly source?: string;
  /** An event id: only those that came before it. */
  readonly before?: string | null;
  readonly limit: number;
}

/** Newest first; inbound_event_waiting_idx carries the states that wait, the primary key the rest. */
export async function listEvents(db: Kysely<DB>, filter: EventFilter): Promise<ListedEvent[]> {
  const { state = null, source = null, before = null, limit } = filter;
  const { rows } = await sql<Omit<ListedEvent, 'occurredAt' | 'receivedAt'> & { occurredAt: Date; receivedAt: Date }>`
    select id::text as "eventId", source, type, kind, object_id as "objectId", subject, status, occurred_at as "occurredAt",
      received_at as "receivedAt", state, reason, pod_id as "podId", scopes, attributes
    from inbound_event
    where (${state}::text is null or state = ${state}) and (${source}::text is null or source = ${source})
      and (${before}::bigint is null or id < ${before}::bigint)
    order by id desc limit ${limit}
  `.execute(db);
  return rows.map((row) => ({
    ...row,
    occurredAt: row.occurredAt.toISOString(),
    receivedAt: row.receivedAt.toISOString(),
  }));
}

export interface UnmappedScope extends EventScope {
  readonly source: string;
  readonly events: number;
  readonly since: Date;
}

/** What waits for a mapping, by the narrowest thing a mapping may name, the most events first. */
export async function listUnmapped(db: Kysely<DB>): Promise<UnmappedScope[]> {
  const { rows } = await sql<UnmappedScope>`
    select source, scopes -> 0 ->> 'kind' as kind, scopes -> 0 ->> 'name' as name, count(*)::int as events, min(received_at) as since
    from inbound_event where state = 'unmapped' group by 1, 2, 3 order by events desc, source, name
  `.execute(db);
  return rows;
}

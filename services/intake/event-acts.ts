/**
 * What events ask for, one at a time and each for one process: an act is claimed, done, and finished or postponed. What cannot be done says
 * why and is tried again when the organisation file is applied.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { EventReference, EventScope, ObjectStatus } from '../kernel/inbound-event.ts';

/** Longer than doing one may take: past it the process that had it is gone. */
const CLAIM_MS = 60_000;
const BACKOFF_MS = 5_000;
export const ACT_ATTEMPTS_MAX = 5;

export interface EventToAct {
  readonly id: string;
  readonly act: 'break' | 'candidate';
  readonly source: string;
  readonly type: string;
  readonly kind: string;
  readonly subject: string;
  readonly status: ObjectStatus | null;
  readonly occurredAt: Date;
  readonly podId: string | null;
  readonly scopes: readonly EventScope[];
  readonly references: readonly EventReference[];
  readonly environment: string | null;
  readonly attempt: number;
}

/**
 * The event that waits longest, for this process alone; null where there is none. Of one object the acts go in their order, though the
 * process that had the first one died: else an older title would replace a newer one, and a candidate come after what breaks its evidence.
 */
export async function claimEvent(db: Kysely<DB>, now: Date): Promise<EventToAct | null> {
  const { rows } = await sql<EventToAct>`
    update inbound_event set attempts = attempts + 1, next_attempt_at = ${new Date(now.getTime() + CLAIM_MS).toISOString()}
    where id = (
      select id from inbound_event as waiting
      where act is not null and state <> 'received' and next_attempt_at <= ${now.toISOString()} and (object_id is null or id = (
        select min(id) from inbound_event as earlier
        where act is not null and next_attempt_at is not null and earlier.source = waiting.source and earlier.object_id = waiting.object_id))
      order by next_attempt_at, id limit 1 for update skip locked)
    returning id::text, act, source, type, kind, subject, status, occurred_at as "occurredAt", pod_id as "podId", scopes,
      coalesce(attributes -> 'references', '[]') as references, attributes ->> 'environment' as environment, attempts as attempt
  `.execute(db);
  return rows[0] ?? null;
}

/** Done; in the transaction that did it. */
export async function finishEvent(db: Kysely<DB>, id: string): Promise<void> {
  await sql`
    update inbound_event set act = null, attempts = 0, next_attempt_at = null where id = ${id}::bigint and state <> 'received'
  `.execute(db);
}

/** To be tried again, later each time. */
export async function postponeEvent(db: Kysely<DB>, event: { id: string; attempt: number; at: Date }): Promise<void> {
  const next = new Date(event.at.getTime() + BACKOFF_MS * 2 ** (event.attempt - 1));
  await sql`
    update inbound_event set next_attempt_at = ${next.toISOString()} where id = ${event.id}::bigint and act is not null
  `.execute(db);
}

/** Given up, for the reason: judged anew when the organisation file is applied. */
export async function failEvent(db: Kysely<DB>, event: { id: string; reason: string }): Promise<void> {
  await sql`
    update inbound_event set state = 'failed', reason = ${event.reason}, act = null, judged_at = null, next_attempt_at = null
    where id = ${event.id}::bigint and state <> 'received'
  `.execute(db);
}

/**
 * Writes down what came in, before its sender is answered: each delivery once, and each change once, however many deliveries tell of it. What
 * follows from it is done by a job.
 */
import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { InboundEvent } from '../kernel/inbound-event.ts';

/** A clock that is further ahead is wrong: by it, what comes next would have been overtaken already. Its event happened when it came. */
const AHEAD_MS_MAX = 300_000;
/** A larger body is not kept; its hash and what was read of it are. */
const BODY_KEPT_BYTES_MAX = 262_144;

export interface Arrival {
  /** github, jira, linear, pagerduty; events/SENDER: the principal of a token, or the name of a secret. */
  readonly source: string;
  /** Those worth keeping. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly events: readonly InboundEvent[];
  readonly at: Date;
}

/** Answers how many of the events are new. One statement: an arrival is kept whole or not at all. */
export async function keepEvents(db: Kysely<DB>, arrival: Arrival): Promise<number> {
  const { source, headers, body, events } = arrival;
  const at = arrival.at.toISOString();
  const rows = events.map((event) => ({
    delivery_id: event.deliveryId,
    change_key: event.changeKey,
    type: event.type,
    kind: event.kind,
    object_id: event.objectId,
    subject: event.subject,
    status: event.status,
    occurred_at: isBelievable(event.occurredAt, arrival.at) ? event.occurredAt : arrival.at,
    scopes: event.scopes,
    attributes: event.attributes,
  }));
  const isKept = events.length === 1 && events[0]?.scopes.length !== 0 && body.length <= BODY_KEPT_BYTES_MAX;
  const { rows: counted } = await sql<{ kept: number }>`
    with incoming as (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as event (delivery_id text, change_key text, type text, kind text,
        object_id text, subject text, status text, occurred_at timestamptz, scopes jsonb, attributes jsonb)
    ), arrived as (
      delete from intake_gap where source = ${source} and delivery_id in (select delivery_id from incoming)
    ), kept as (
      insert into inbound_event (source, delivery_id, change_key, sha256, size_bytes, headers, body, received_at, type, kind, object_id,
        subject, status, occurred_at, scopes, attributes, state, next_attempt_at)
      select ${source}, delivery_id, change_key, ${createHash('sha256').update(body).digest('hex')}, ${body.length},
        ${JSON.stringify(headers)}::jsonb, ${isKept ? body : null}::bytea, ${at}::timestamptz, type, kind, object_id, subject, status,
        occurred_at, scopes, attributes, case when scopes = '[]' then 'ignored' else 'received' end,
        case when scopes = '[]' then null else ${at}::timestamptz end
      from incoming
      on conflict do nothing
      returning id
    )
    select count(*)::int as kept from kept
  `.execute(db);
  faultPoint('intake-after-keep');
  return counted[0]?.kept ?? 0;
}

function isBelievable(occurredAt: Date | null, at: Date): boolean {
  return occurredAt !== null && occurredAt.getTime() <= at.getTime() + AHEAD_MS_MAX;
}

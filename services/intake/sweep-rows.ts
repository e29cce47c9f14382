/**
 * Looks at what GitHub could not deliver, as rows: which hooks are due, which deliveries are missing, and which of them were asked for again.
 * A delivery that arrives takes its row away (keep-events.ts), so the rows are the gap.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

const DAY_MS = 86_400_000;
/** A little less than a day, so that a look does not wander through it. */
const EVERY_MS = 23 * 3_600_000;
/** Asked for again where it has not come by the next night. */
const ASK_AGAIN_MS = 20 * 3_600_000;
/** What never came is forgotten after it was shown for so long. */
const GAP_DAYS_MAX = 30;
/** Of one look at one hook. */
const ASKED_MAX = 500;
const HOOKS_MAX = 500;

export interface DueSweep {
  readonly hook: string;
  readonly seenThrough: Date | null;
}

/** The hooks whose look is due, the one that waits longest first. */
export async function listDueSweeps(db: Kysely<DB>, at: Date): Promise<DueSweep[]> {
  const { rows } = await sql<DueSweep>`
    select hook, seen_through as "seenThrough" from intake_sweep where source = 'github' and next_at <= ${at.toISOString()}
    order by next_at, hook limit ${HOOKS_MAX}
  `.execute(db);
  return rows;
}

export interface MissingDelivery {
  readonly guid: string;
  readonly attemptId: string;
  readonly event: string;
  readonly deliveredAt: Date;
}

/** Keeps those that failed and never came, and forgets those that came since. */
export async function keepGap(
  db: Kysely<DB>,
  look: { hook: string; missing: readonly MissingDelivery[]; delivered: readonly string[]; at: Date },
): Promise<void> {
  const forgotten = new Date(look.at.getTime() - GAP_DAYS_MAX * DAY_MS).toISOString();
  await sql`
    with gone as (
      delete from intake_gap where source = 'github' and (delivery_id = any (${[...look.delivered]}::text[]) or delivered_at < ${forgotten})
    )
    insert into intake_gap (source, delivery_id, hook, attempt_id, type, delivered_at)
    select 'github', guid, ${look.hook}, "attemptId", event, "deliveredAt"
    from jsonb_to_recordset(${JSON.stringify(look.missing)}::jsonb)
      as missing (guid text, "attemptId" text, event text, "deliveredAt" timestamptz)
    where not exists (select from inbound_event where source = 'github' and delivery_id = guid)
    on conflict (source, delivery_id) do update set attempt_id = excluded.attempt_id
  `.execute(db);
}

/** Those of a hook that its sender still sends again, and that were not asked for lately; the oldest first. */
export async function listToAsk(
  db: Kysely<DB>,
  given: { hook: string; since: Date; at: Date },
): Promise<{ guid: string; attemptId: string }[]> {
  const { rows } = await sql<{ guid: string; attemptId: string }>`
    select delivery_id as guid, attempt_id as "attemptId" from intake_gap
    where source = 'github' and hook = ${given.hook} and delivered_at >= ${given.since.toISOString()}
      and (asked_at is null or asked_at <= ${new Date(given.at.getTime() - ASK_AGAIN_MS).toISOString()})
    order by delivered_at, delivery_id limit ${ASKED_MAX}
  `.execute(db);
  return rows;
}

export async function recordAsked(db: Kysely<DB>, given: { guid: string; at: Date }): Promise<void> {
  await sql`
    update intake_gap set asked_at = ${given.at.toISOString()}, asked = asked + 1 where source = 'github' and delivery_id = ${given.guid}
  `.execute(db);
}

/** A look that went well: everything delivered before it was seen. */
export async function finishSweep(
  db: Kysely<DB>,
  look: { hook: string; deliveries: number; askedAgain: number; at: Date },
): Promise<void> {
  const at = look.at.toISOString();
  await sql`
    update intake_sweep set looked_at = ${at}, seen_through = ${at}, deliveries = ${look.deliveries}, asked_again = ${look.askedAgain},
      next_at = ${new Date(look.at.getTime() + EVERY_MS).toISOString()}, error = null
    where source = 'github' and hook = ${look.hook}
  `.execute(db);
}

/** One that did not: nothing is taken for seen, and it is tried again. */
export async function failSweep(
  db: Kysely<DB>,
  look: { hook: string; error: string; retryAt: Date; at: Date },
): Promise<void> {
  await sql`
    update intake_sweep set looked_at = ${look.at.toISOString()}, next_at = ${look.retryAt.toISOString()}, error = ${look.error}
    where source = 'github' and hook = ${look.hook}
  `.execute(db);
}

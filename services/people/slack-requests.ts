/**
 * What people asked for in Slack, as rows: written before Slack is answered, done by a job, so that a process that ends in between loses
 * nothing, and a press that Slack delivers twice is one.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

/** Longer than doing one may take: past it the process that had it is gone. */
const CLAIM_MS = 60_000;
const BACKOFF_MS = 5_000;
export const SLACK_REQUEST_ATTEMPTS_MAX = 5;
/** Slack delivers again within an hour. */
const KEPT_DAYS = 7;

/** What is needed to do it and to answer. */
export interface SlackRequestPayload {
  /** What the button stood for, or the form was about. */
  readonly subject: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly channel: string | null;
  readonly responseUrl: string | null;
}

export interface SlackRequest {
  readonly id: string;
  readonly teamId: string;
  readonly userId: string;
  readonly action: string;
  readonly payload: SlackRequestPayload;
  /** The instant it counts from, however late it is done. */
  readonly receivedAt: Date;
  /** 1 at first. */
  readonly attempt: number;
}

/** Writes a request down; false where this press is known already. */
export async function keepSlackRequest(
  db: Kysely<DB>,
  request: Omit<SlackRequest, 'id' | 'attempt'> & { actionTs: string },
): Promise<boolean> {
  const at = request.receivedAt.toISOString();
  const { numAffectedRows } = await sql`
    insert into slack_request (team_id, user_id, action, action_ts, payload, received_at, next_attempt_at)
    values (${request.teamId}, ${request.userId}, ${request.action}, ${request.actionTs}, ${JSON.stringify(request.payload)}::jsonb,
      ${at}, ${at})
    on conflict on constraint slack_request_key do nothing
  `.execute(db);
  return numAffectedRows === 1n;
}

/** The request that waits longest, for this process alone; null where there is none. */
export async function claimSlackRequest(db: Kysely<DB>, now: Date): Promise<SlackRequest | null> {
  const { rows } = await sql<RequestRow>`
    update slack_request set attempts = attempts + 1, next_attempt_at = ${new Date(now.getTime() + CLAIM_MS).toISOString()}
    where id = (
      select id from slack_request where done_at is null and next_attempt_at <= ${now.toISOString()}
      order by next_attempt_at, id limit 1 for update skip locked)
    returning id, team_id, user_id, action, payload, received_at, attempts
  `.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    id: row.id,
    teamId: row.team_id,
    userId: row.user_id,
    action: row.action,
    payload: row.payload,
    receivedAt: row.received_at,
    attempt: row.attempts,
  };
}

interface RequestRow {
  id: string;
  team_id: string;
  user_id: string;
  action: string;
  payload: SlackRequestPayload;
  received_at: Date;
  attempts: number;
}

/** Done, or given up with `error`. */
export async function finishSlackRequest(
  db: Kysely<DB>,
  request: { id: string; at: Date; error?: string },
): Promise<void> {
  await sql`
    update slack_request set done_at = ${request.at.toISOString()}, next_attempt_at = null, payload = '{}', error = ${request.error ?? null}
    where id = ${request.id} and done_at is null
  `.execute(db);
}

/** To be tried again, later each time. */
export async function postponeSlackRequest(
  db: Kysely<DB>,
  request: { id: string; attempt: number; at: Date; error: string },
): Promise<void> {
  const next = new Date(request.at.getTime() + BACKOFF_MS * 2 ** (request.attempt - 1));
  await sql`
    update slack_request set next_attempt_at = ${next.toISOString()}, error = ${request.error}
    where id = ${request.id} and done_at is null
  `.execute(db);
}

/** Forgets what was done long ago. */
export async function forgetSlackRequests(db: Kysely<DB>, now: Date): Promise<void> {
  await sql`delete from slack_request where done_at < ${now.toISOString()}::timestamptz - ${KEPT_DAYS} * interval '1 day'`.execute(
    db,
  );
}

/**
 * Slack users and people: people are e-mail addresses everywhere, and Slack says which user has which. What it said is kept for a day, so
 * that a press costs no question, and a change of address is noticed.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { WorkspaceMember, WorkspacePort } from '../kernel/workspace-port.ts';

const KEPT_MS = 86_400_000;

/** The address of a Slack user; null for whoever Slack does not vouch for. @throws AppError slack_refused, TransientError */
export async function emailOfSlackUser(
  db: Kysely<DB>,
  workspace: WorkspacePort,
  user: { teamId: string; userId: string; at: Date },
): Promise<string | null> {
  const { rows } = await sql<{ email: string }>`
    select email from slack_identity
    where team_id = ${user.teamId} and user_id = ${user.userId} and refreshed_at > ${keptSince(user.at)}
  `.execute(db);
  if (rows[0] !== undefined) return rows[0].email;
  const member = await workspace.memberById(user);
  if (member === null) {
    await sql`delete from slack_identity where team_id = ${user.teamId} and user_id = ${user.userId}`.execute(db);
    return null;
  }
  await keepIdentity(db, member, user.at);
  return member.email;
}

/** The Slack user with this address; null where the workspace has none. @throws AppError slack_refused, TransientError */
export async function slackUserOf(
  db: Kysely<DB>,
  workspace: WorkspacePort,
  person: { email: string; at: Date },
): Promise<string | null> {
  const email = person.email.toLowerCase();
  const { rows } = await sql<{ user_id: string }>`
    select user_id from slack_identity where email = ${email} and refreshed_at > ${keptSince(person.at)}
    order by refreshed_at desc, team_id, user_id limit 1
  `.execute(db);
  if (rows[0] !== undefined) return rows[0].user_id;
  const member = await workspace.memberByEmail(email);
  if (member !== null) await keepIdentity(db, member, person.at);
  return member?.userId ?? null;
}

/** The conversation of the app with this person alone; null where the workspace has nobody with the address. @throws as above */
export async function directChannelOf(
  db: Kysely<DB>,
  workspace: WorkspacePort,
  person: { email: string; at: Date },
): Promise<string | null> {
  const userId = await slackUserOf(db, workspace, person);
  if (userId === null) return null;
  const { rows } = await sql<{ direct_channel: string }>`
    select direct_channel from slack_identity
    where user_id = ${userId} and email = ${person.email.toLowerCase()} and direct_channel is not null limit 1
  `.execute(db);
  if (rows[0] !== undefined) return rows[0].direct_channel;
  const channel = await workspace.directChannelOf(userId);
  await sql`
    update slack_identity set direct_channel = ${channel} where user_id = ${userId} and email = ${person.email.toLowerCase()}
  `.execute(db);
  return channel;
}

async function keepIdentity(db: Kysely<DB>, member: WorkspaceMember, at: Date): Promise<void> {
  await sql`
    insert into slack_identity (team_id, user_id, email, refreshed_at)
    values (${member.teamId}, ${member.userId}, ${member.email}, ${at.toISOString()})
    on conflict (team_id, user_id) do update set email = excluded.email, refreshed_at = excluded.refreshed_at
  `.execute(db);
}

function keptSince(at: Date): string {
  return new Date(at.getTime() - KEPT_MS).toISOString();
}

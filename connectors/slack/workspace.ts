/** The people of a Slack workspace: who has which e-mail address, and the conversation with one of them alone. */
import type { WebClient } from '@slack/web-api';
import type { WorkspaceMember, WorkspacePort } from '../../services/kernel/workspace-port.ts';
import { openSlackClient, type SlackSettings } from './slack-client.ts';
import { refusalOf, slackFailure } from './slack-failure.ts';

/** Null without a token. */
export function slackWorkspace(settings: SlackSettings): WorkspacePort | null {
  if (settings.botToken === undefined) return null;
  const client = openSlackClient(settings.botToken, settings);
  return {
    memberByEmail: (email) => memberByEmail(client, email),
    memberById: (user) => memberById(client, user),
    directChannelOf: (userId) => directChannelOf(client, userId),
  };
}

async function memberByEmail(client: WebClient, email: string): Promise<WorkspaceMember | null> {
  try {
    const { user } = await client.users.lookupByEmail({ email });
    const isPerson = user?.deleted !== true && user?.is_bot !== true;
    if (user?.id === undefined || user.team_id === undefined || !isPerson) return null;
    return { teamId: user.team_id, userId: user.id, email: email.toLowerCase() };
  } catch (error) {
    if (refusalOf(error) === 'users_not_found') return null;
    throw slackFailure(error);
  }
}

/**
 * Only people of this workspace, or of the same enterprise, with an address that they confirmed: the administrators of another workspace
 * that shares a channel could give their people any address.
 */
async function memberById(
  client: WebClient,
  asked: { teamId: string; enterpriseId: string | null; userId: string },
): Promise<WorkspaceMember | null> {
  try {
    const own = await client.auth.test();
    const { user } = await client.users.info({ user: asked.userId });
    const email = user?.profile?.email?.toLowerCase();
    const isOwn =
      (user?.team_id !== undefined && user.team_id === own.team_id) ||
      (own.enterprise_id !== undefined && user?.enterprise_user?.enterprise_id === own.enterprise_id);
    const isPerson = user?.deleted !== true && user?.is_bot !== true && user?.is_email_confirmed !== false;
    if (email === undefined || !isOwn || !isPerson) return null;
    return { teamId: asked.teamId, userId: asked.userId, email };
  } catch (error) {
    if (['user_not_found', 'user_not_visible'].includes(refusalOf(error) ?? '')) return null;
    throw slackFailure(error);
  }
}

async function directChannelOf(client: WebClient, userId: string): Promise<string> {
  try {
    const id = (await client.conversations.open({ users: userId })).channel?.id;
    if (id === undefined) throw new Error('Slack answered without a channel');
    return id;
  } catch (error) {
    throw slackFailure(error);
  }
}

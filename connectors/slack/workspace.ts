/** The people of a Slack workspace: who has which e-mail address, and the conversation with one of them alone. */
import type { AuthTestResponse, UsersInfoResponse, WebClient } from '@slack/web-api';
import type { WorkspaceMember, WorkspacePort } from '../../services/kernel/workspace-port.ts';
import { openSlackClient, type SlackSettings } from './slack-client.ts';
import { refusalOf, slackFailure } from './slack-failure.ts';

const NOBODY = new Set(['users_not_found', 'user_not_found', 'user_not_visible']);

/** Null without a token. */
export function slackWorkspace(settings: SlackSettings): WorkspacePort | null {
  if (settings.botToken === undefined) return null;
  const client = openSlackClient(settings.botToken, settings);
  return {
    memberByEmail: async (email) => {
      const user = await ownMember(client, () => client.users.lookupByEmail({ email }));
      return user === null ? null : { ...user, email: email.toLowerCase() };
    },
    memberById: async ({ teamId, userId }) => {
      const user = await ownMember(client, () => client.users.info({ user: userId }));
      // Under the team that Slack sends with each press: in an enterprise it may be another than the person's first.
      return user === null ? null : { ...user, teamId };
    },
    directChannelOf: (userId) => directChannelOf(client, userId),
  };
}

/**
 * Only people of this workspace, or of the same enterprise, with an address that they confirmed: the administrators of another workspace
 * that shares a channel could give their people any address.
 */
async function ownMember(
  client: WebClient,
  ask: () => Promise<Pick<UsersInfoResponse, 'user'>>,
): Promise<WorkspaceMember | null> {
  try {
    const [own, { user }] = await Promise.all([client.auth.test(), ask()]);
    const { id: userId, team_id: teamId } = user ?? {};
    const email = user?.profile?.email?.toLowerCase();
    const isPerson = user?.deleted !== true && user?.is_bot !== true && user?.is_email_confirmed !== false;
    if (userId === undefined || teamId === undefined || email === undefined) return null;
    return isPerson && isOwn(user, own) ? { teamId, userId, email } : null;
  } catch (error) {
    if (NOBODY.has(refusalOf(error) ?? '')) return null;
    throw slackFailure(error);
  }
}

function isOwn(user: UsersInfoResponse['user'], own: AuthTestResponse): boolean {
  const isOfEnterprise = own.enterprise_id !== undefined && user?.enterprise_user?.enterprise_id === own.enterprise_id;
  return isOfEnterprise || (own.team_id !== undefined && user?.team_id === own.team_id);
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

/** What an installation of the app lacks, each thing asked of Slack by itself: the doctor's proof that alerts arrive and buttons are heard. Changes nothing. */
import type { WebClient } from '@slack/web-api';
import { TransientError } from '../../services/kernel/errors.ts';
import type { SourceCheck } from '../connector.ts';
import { openSlackClient, type SlackSettings } from './slack-client.ts';
import { refusalOf, slackFailure } from './slack-failure.ts';

/** What docs/slack/manifest.yaml asks for, and what is missing without it. */
const SCOPES: readonly (readonly [scope: string, without: string])[] = [
  ['chat:write', 'nothing can be posted'],
  ['channels:history', 'a send whose answer was lost in a public channel cannot be looked up'],
  ['groups:history', 'a send whose answer was lost in a private channel cannot be looked up'],
  ['im:history', 'a send whose answer was lost to one person cannot be looked up'],
  ['im:write', 'raises cannot be put to their approvers'],
  ['users:read', 'nobody who presses a button is known'],
  ['users:read.email', 'nobody who presses a button is known, and nobody can be called by name'],
  ['commands', '/outturn is not offered'],
];
/** Each is a call; Slack allows fifty a minute to an app of one's own. */
const CHANNELS_MAX = 20;

const CHANNEL_FIXES: Readonly<Record<string, string>> = {
  not_in_channel: 'Invite the app to the channel: /invite @outturn.',
  channel_not_found: 'Correct the channel id in the organisation file, or invite the app to the private channel.',
  is_archived: 'Name another channel in the organisation file.',
};

export interface AppCheck {
  /** Where alerts go. */
  readonly channels: readonly string[];
  readonly appToken?: string;
}

/** The token first; where Slack does not take it, that is all there is to say. */
export async function checkSlackApp(settings: SlackSettings, asked: AppCheck): Promise<SourceCheck[]> {
  const client = openSlackClient(settings.botToken ?? '', settings);
  try {
    const own = await client.auth.test();
    const connected = `connected as ${own.user ?? 'unknown'} to ${own.team ?? 'unknown'}`;
    return [
      { subject: 'slack', state: 'ok', message: connected },
      ...scopesOf(own.response_metadata?.scopes ?? null),
      ...(asked.appToken === undefined ? [] : [await checkAppToken(settings, asked.appToken)]),
      ...(await checkChannels(client, asked.channels)),
    ];
  } catch (error) {
    const message = `Slack does not accept SLACK_BOT_TOKEN: ${reasonOf(error)}. Set the bot token (xoxb-…) of your installed app; see SLACK_API_URL where it is not Slack itself.`;
    return [{ subject: 'slack', state: 'wrong', message }];
  }
}

function scopesOf(given: readonly string[] | null): SourceCheck[] {
  if (given === null) return [];
  const missing = SCOPES.filter(([scope]) => !given.includes(scope));
  if (missing.length === 0)
    return [{ subject: 'slack scopes', state: 'ok', message: 'the app has every scope it uses' }];
  return missing.map(([scope, without]) => ({
    subject: 'slack scopes',
    state: scope === 'chat:write' ? 'wrong' : 'note',
    message: `Without ${scope}, ${without}. Add it under OAuth & Permissions of the app and install it again.`,
  }));
}

async function checkAppToken(settings: SlackSettings, appToken: string): Promise<SourceCheck> {
  try {
    await openSlackClient(appToken, settings).apps.connections.open();
    return { subject: 'slack socket mode', state: 'ok', message: 'SLACK_APP_TOKEN opens connections' };
  } catch (error) {
    const message = `Slack does not accept SLACK_APP_TOKEN: ${reasonOf(error)}. Make one with the scope connections:write under Basic Information of the app, and turn Socket Mode on.`;
    return { subject: 'slack socket mode', state: 'wrong', message };
  }
}

/** Whoever may read a channel's history is in it, and may post there. */
async function checkChannels(client: WebClient, channels: readonly string[]): Promise<SourceCheck[]> {
  const asked = channels.slice(0, CHANNELS_MAX);
  const found: SourceCheck[] = [];
  for (const channel of asked) {
    try {
      await client.conversations.history({ channel, limit: 1 });
    } catch (error) {
      const refusal = refusalOf(error) ?? '';
      // The scope was named already.
      if (refusal === 'missing_scope') continue;
      const fix = CHANNEL_FIXES[refusal];
      const message = `${channel} cannot be read: ${reasonOf(error)}.${fix === undefined ? '' : ` ${fix}`}`;
      found.push({ subject: 'slack channels', state: fix === undefined ? 'note' : 'wrong', message });
    }
  }
  if (found.length > 0 || asked.length === 0) return found;
  const rest = channels.length > asked.length ? `, of ${channels.length}` : '';
  return [
    { subject: 'slack channels', state: 'ok', message: `${asked.length} channels can be read and posted to${rest}` },
  ];
}

function reasonOf(error: unknown): string {
  const failure = slackFailure(error);
  return refusalOf(error) ?? (failure instanceof TransientError ? failure.message : String(error));
}

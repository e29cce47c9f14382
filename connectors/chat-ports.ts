/**
 * Every channel as one port: the destination's form says which connector has the message. Where that one is not set up, the message waits and
 * says what is missing. A person is reached in Slack, or by mail where there is no Slack or nobody of that address in it.
 */
import type { ChannelSettings } from '../services/kernel/channel-settings.ts';
import type {
  ChannelAbilities,
  ChatEdit,
  ChatMessage,
  ChatPort,
  EditOutcome,
  FindOutcome,
  PostOutcome,
} from '../services/kernel/chat-port.ts';
import { type Destination, parseDestination, settingName } from '../services/kernel/destination.ts';
import type { Clock } from '../services/kernel/ports.ts';
import { MAIL_ABILITIES, postMail } from './email/mail-port.ts';
import { postToTeams, teamsAbilities } from './teams/teams-port.ts';
import { editWebhook, postWebhook, webhookAbilities } from './webhook/webhook-port.ts';

export interface ChatPortsOptions {
  /** Null without a token. */
  readonly slack: ChatPort | null;
  readonly channels: ChannelSettings;
  readonly clock: Clock;
  /** How long one call may take; each kind has its own otherwise. */
  readonly timeoutMs?: number;
}

/** One kind of channel, set up. */
interface OpenChannel {
  readonly abilities: ChannelAbilities;
  post(message: ChatMessage): Promise<PostOutcome>;
  edit?(message: ChatEdit): Promise<EditOutcome>;
  findPosted?(query: Parameters<ChatPort['findPosted']>[0]): Promise<FindOutcome>;
}

export function chatPorts(options: ChatPortsOptions): ChatPort {
  const open = (channel: string): OpenChannel | { readonly missing: string } => {
    const destination = parseDestination(channel);
    return destination === null
      ? { missing: `"${channel}" is no channel` }
      : openChannel(destination, channel, options);
  };
  return {
    can: (channel) => {
      const opened = open(channel);
      return 'missing' in opened ? opened : opened.abilities;
    },
    post: async (message) => {
      const opened = open(message.channel);
      return 'missing' in opened ? { kind: 'unreachable', error: opened.missing } : opened.post(message);
    },
    edit: async (message) => {
      const opened = open(message.channel);
      if ('missing' in opened) return { kind: 'unreachable', error: opened.missing };
      return opened.edit?.(message) ?? { kind: 'refused', error: 'it cannot be rewritten there' };
    },
    findPosted: async (query) => {
      const opened = open(query.channel);
      const error = 'missing' in opened ? opened.missing : 'it cannot be read back';
      return 'missing' in opened || opened.findPosted === undefined
        ? { kind: 'not-permitted', error }
        : opened.findPosted(query);
    },
  };
}

/** What is missing is said in the words of the settings. */
function openChannel(
  destination: Destination,
  channel: string,
  options: ChatPortsOptions,
): OpenChannel | { readonly missing: string } {
  const { channels, clock, timeoutMs } = options;
  const within = timeoutMs === undefined ? {} : { timeoutMs };
  switch (destination.kind) {
    case 'slack':
      return openSlack(channel, options);
    case 'mail': {
      const { mail } = channels;
      if (mail === undefined) return { missing: 'SMTP_URL is not set' };
      const { address } = destination;
      return {
        abilities: MAIL_ABILITIES,
        post: (message) => postMail(message, address, { settings: mail, ...within }),
      };
    }
    case 'teams': {
      const name = settingName(destination.name);
      const url = channels.teams[name];
      if (url === undefined) return { missing: `OUTTURN_TEAMS_${name} is not set` };
      return { abilities: teamsAbilities(name), post: (message) => postToTeams(message, { url, ...within }) };
    }
    case 'webhook': {
      const name = settingName(destination.name);
      const settings = channels.webhooks[name];
      if (settings === undefined) return { missing: `OUTTURN_WEBHOOK_${name}_URL is not set` };
      return {
        abilities: webhookAbilities(name),
        post: (message) => postWebhook(message, { settings, clock, ...within }),
        edit: (message) => editWebhook(message, { settings, clock, ...within }),
      };
    }
    case 'person': {
      const byMail = openChannel({ kind: 'mail', address: destination.email }, channel, options);
      const bySlack = openSlack(channel, options);
      if ('missing' in bySlack) {
        return 'missing' in byMail ? { missing: `${bySlack.missing}, nor is SMTP_URL` } : byMail;
      }
      return {
        ...bySlack,
        post: async (message) => {
          const outcome = await bySlack.post(message);
          const isUnknown = outcome.kind === 'refused' && outcome.error === 'users_not_found';
          return isUnknown && !('missing' in byMail) ? byMail.post(message) : outcome;
        },
      };
    }
  }
}

function openSlack(channel: string, { slack }: ChatPortsOptions): OpenChannel | { readonly missing: string } {
  if (slack === null) return { missing: 'SLACK_BOT_TOKEN is not set' };
  const abilities = slack.can(channel);
  if ('missing' in abilities) return abilities;
  return {
    abilities,
    post: (message) => slack.post(message),
    edit: (message) => slack.edit(message),
    findPosted: (query) => slack.findPosted(query),
  };
}

/**
 * The doctor's checks of the channels beside Slack: whatever the organisation names is set up, and the mail server lets us in. Teams and
 * webhooks have no way of asking that nobody would see, so theirs is that an address is set; settings themselves are checked at start.
 */
import { mailServerFault } from '../connectors/email/check-mail-server.ts';
import { countStuckMessages, listChannels, type NamedChannel } from '../services/alerts/list-channels.ts';
import type { ChannelSettings } from '../services/kernel/channel-settings.ts';
import { parseDestination, settingName } from '../services/kernel/destination.ts';
import type { Finding } from './doctor-checks.ts';
import type { Runtime } from './runtime.ts';

export async function checkChannels({ db, settings }: Pick<Runtime, 'db' | 'settings'>): Promise<Finding[]> {
  const { channels } = settings;
  const named = await listChannels(db);
  return [
    ...(await checkMail(named, channels)),
    ...named.flatMap((one) => checkPosted(one, channels)),
    ...(await checkStuck(db)),
  ];
}

async function checkMail(named: readonly NamedChannel[], { mail }: ChannelSettings): Promise<Finding[]> {
  const mailed = named.filter(({ channel }) => channel.startsWith('mailto:'));
  if (mail === undefined) {
    if (mailed.length === 0) return [];
    const by = nameSome(mailed.flatMap(({ namedBy }) => namedBy));
    return [
      {
        subject: 'mail',
        state: 'wrong',
        message: `SMTP_URL is not set, and mail goes to ${by}. Set SMTP_URL and MAIL_FROM.`,
      },
    ];
  }
  const { host } = new URL(mail.smtpUrl);
  const fault = await mailServerFault(mail);
  return [
    fault === null
      ? { subject: 'mail', state: 'ok', message: `${host} lets us in; nothing was sent` }
      : { subject: 'mail', state: 'wrong', message: `${host} does not let us in: ${fault}. Correct SMTP_URL.` },
  ];
}

function checkPosted({ channel, namedBy }: NamedChannel, { teams, webhooks }: ChannelSettings): Finding[] {
  const destination = parseDestination(channel);
  if (destination?.kind !== 'teams' && destination?.kind !== 'webhook') return [];
  const name = settingName(destination.name);
  const isSet = destination.kind === 'teams' ? teams[name] !== undefined : webhooks[name] !== undefined;
  const variable = destination.kind === 'teams' ? `OUTTURN_TEAMS_${name}` : `OUTTURN_WEBHOOK_${name}_URL`;
  const by = nameSome(namedBy);
  return [
    isSet
      ? { subject: channel, state: 'ok', message: `${variable} is set, for ${by}` }
      : {
          subject: channel,
          state: 'wrong',
          message: `${variable} is not set, and alerts of ${by} go there. Set it, or name another channel.`,
        },
  ];
}

async function checkStuck(db: Runtime['db']): Promise<Finding[]> {
  const { failed, unknown } = await countStuckMessages(db);
  if (failed + unknown === 0) return [];
  return [
    {
      subject: 'outbox',
      state: 'note',
      message: `messages that wait for somebody: ${failed} failed, ${unknown} unknown. "outturn alerts --state failed" (or unknown) says why; put it right, then "outturn alerts retry ID".`,
    },
  ];
}

const NAMED_MAX = 3;

function nameSome(names: readonly string[]): string {
  const further = names.length - NAMED_MAX;
  return `${names.slice(0, NAMED_MAX).join(', ')}${further > 0 ? ` and ${further} more` : ''}`;
}

/** The doctor's look at Slack: what the app may do, whether buttons would be heard, whether the channels can be posted to. */
import { listChannels } from '../services/alerts/list-channels.ts';
import { parseDestination } from '../services/kernel/destination.ts';
import { isLoopback } from '../services/kernel/settings.ts';
import type { Finding } from './doctor-checks.ts';
import type { Runtime } from './runtime.ts';

export async function checkSlack(runtime: Pick<Runtime, 'db' | 'settings'>): Promise<Finding[]> {
  const { slack, publicUrl } = runtime.settings;
  if (slack.botToken === undefined) {
    const message = 'SLACK_BOT_TOKEN is not set: what is for Slack stays in the outbox ("outturn alerts" shows it)';
    return [{ subject: 'slack', state: 'note', message }];
  }
  // Slack's client and what it calls by, read only where there is a Slack.
  const { checkSlackApp } = await import('../connectors/slack/check-app.ts');
  const { appToken } = slack;
  const named = (await listChannels(runtime.db)).map(({ channel }) => channel);
  const channels = named.filter((channel) => parseDestination(channel)?.kind === 'slack');
  const found = await checkSlackApp(slack, { channels, ...(appToken === undefined ? {} : { appToken }) });
  return [...found, ...checkButtons(slack, publicUrl)];
}

function checkButtons({ signingSecret, appToken }: Runtime['settings']['slack'], publicUrl: string): Finding[] {
  const subject = 'slack buttons';
  if (appToken !== undefined) return [];
  if (signingSecret === undefined) {
    const message =
      'messages have no buttons. Set SLACK_SIGNING_SECRET where Slack can reach PUBLIC_URL, or SLACK_APP_TOKEN for Socket Mode where it cannot (docs/slack.md).';
    return [{ subject, state: 'note', message }];
  }
  const address = `${publicUrl}/api/v1/webhooks/slack`;
  return isLoopback(new URL(publicUrl).hostname)
    ? [
        {
          subject,
          state: 'wrong',
          message: `Slack cannot reach ${address}. Set PUBLIC_URL to the address it can, or SLACK_APP_TOKEN for Socket Mode.`,
        },
      ]
    : [{ subject, state: 'ok', message: `Slack is to call ${address}` }];
}

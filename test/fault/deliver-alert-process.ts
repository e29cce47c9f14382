/** One run of delivery in a process of its own, so that a test can have it killed. Arguments: database URL, Slack URL, token, instant, channels. */
import { openDatabase } from '../../db/database.ts';
import { chatPorts } from '../../connectors/chat-ports.ts';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import type { ChannelSettings } from '../../services/kernel/channel-settings.ts';
import { silentLogger } from '../../services/kernel/ports.ts';

const [url = '', apiUrl = '', botToken = '', instant = '', channels = ''] = process.argv.slice(2);
const clock = { now: () => new Date(instant) };
const { db, close } = openDatabase(url, { poolMax: 1 });
await deliverDueAlerts(db, {
  sender: chatPorts({
    slack: slackSender({ botToken, apiUrl }),
    channels: JSON.parse(channels) as ChannelSettings,
    clock,
  }),
  clock,
  logger: silentLogger,
});
await close();

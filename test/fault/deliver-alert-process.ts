/** One run of delivery in a process of its own, so that a test can have it killed. Arguments: database URL, Slack URL, token, instant. */
import { openDatabase } from '../../db/database.ts';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { silentLogger } from '../../services/kernel/ports.ts';

const [url = '', apiUrl = '', botToken = '', instant = ''] = process.argv.slice(2);
const { db, close } = openDatabase(url, { poolMax: 1 });
await deliverDueAlerts(db, {
  sender: slackSender({ botToken, apiUrl }),
  clock: { now: () => new Date(instant) },
  logger: silentLogger,
});
await close();

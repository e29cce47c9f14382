/** deliver-alert: drains the outbox to Slack. Without a token the alerts stay in the outbox and are shown. */
import { slackSender } from '../../connectors/slack/post-message.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

export async function deliverAlert(_payload: JobPayload<'deliver-alert'>, context: JobContext): Promise<void> {
  await deliverDueAlerts(context.db, {
    sender: slackSender(context.settings.slack),
    clock: context.clock,
    logger: context.logger,
  });
}

/** deliver-alert: drains the outbox to every channel that is set up. What is for another stays in the outbox and is shown. */
import { chatPorts } from '../../connectors/chat-ports.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { dressedSlackSender } from '../slack-sender.ts';

export async function deliverAlert(_payload: JobPayload<'deliver-alert'>, context: JobContext): Promise<void> {
  const { db, settings, clock, logger } = context;
  const sender = chatPorts({ slack: dressedSlackSender(context), channels: settings.channels, clock });
  await deliverDueAlerts(db, { sender, clock, logger });
}

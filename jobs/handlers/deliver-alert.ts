/** deliver-alert: drains the outbox to every channel that is set up. What is for another stays in the outbox and is shown. */
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { readWaitingChannels } from '../../services/alerts/outbox.ts';
import type { ChatPort } from '../../services/kernel/chat-port.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

export async function deliverAlert(_payload: JobPayload<'deliver-alert'>, context: JobContext): Promise<void> {
  const { db, clock, logger } = context;
  await deliverDueAlerts(db, { sender: await openSender(context), clock, logger });
}

/** What speaks to the channels is read when something waits for one; what comes to wait later is followed by a job of its own. */
async function openSender(context: JobContext): Promise<ChatPort | null> {
  const { db, settings, clock } = context;
  if ((await readWaitingChannels(db)).length === 0) return null;
  const { chatPorts } = await import('../../connectors/chat-ports.ts');
  const hasSlack = settings.slack.botToken !== undefined;
  const slack = hasSlack ? (await import('../slack-sender.ts')).dressedSlackSender(context) : null;
  return chatPorts({ slack, channels: settings.channels, clock });
}

/** Socket Mode of this process: what Slack sends over it is taken like what comes over HTTP. */
import { openSlackSocket, type SlackSocket } from '../connectors/slack/socket.ts';
import type { JobContext } from './job-context.ts';
import type { JobQueue } from './queue.ts';
import { receiveSlack } from './receive-slack.ts';

/** Null where SLACK_APP_TOKEN or SLACK_BOT_TOKEN is not set. The caller closes it. */
export function startSlackSocket(
  context: Pick<JobContext, 'db' | 'clock' | 'logger' | 'settings'>,
  queue: Pick<JobQueue, 'add'>,
): SlackSocket | null {
  const { settings, logger } = context;
  const { appToken, botToken } = settings.slack;
  if (appToken === undefined || botToken === undefined) return null;
  // The connection is a worker's.
  const receiving = { ...context, remind: () => queue.add('answer-slack', {}), hasWorker: async () => true };
  return openSlackSocket(settings.slack, { appToken, logger, receive: (event) => receiveSlack(event, receiving) });
}

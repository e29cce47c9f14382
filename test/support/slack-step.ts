/** One step of answering Slack: taking an event, or (without one) doing what was written down. In the test's own process, or in one that is killed. */
import type { Kysely } from 'kysely';
import type { SlackEvent } from '../../connectors/slack/slack-event.ts';
import type { DB } from '../../db/schema.gen.ts';
import { answerSlack } from '../../jobs/handlers/answer-slack.ts';
import { receiveSlack } from '../../jobs/receive-slack.ts';
import { silentLogger, silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';

export interface SlackStep {
  readonly slackUrl: string;
  readonly token: string;
  readonly instant: string;
  readonly event: SlackEvent | null;
}

export async function takeSlackStep(db: Kysely<DB>, { slackUrl, token, instant, event }: SlackStep): Promise<void> {
  const context = {
    db,
    databaseUrl: '',
    settings: readSettings({ SLACK_BOT_TOKEN: token, SLACK_API_URL: slackUrl }, process.cwd()),
    clock: { now: () => new Date(instant) },
    logger: silentLogger,
    progress: silentProgress,
    principal: systemPrincipal,
    signal: new AbortController().signal,
  };
  if (event === null) await answerSlack({}, context);
  else await receiveSlack(event, { ...context, remind: async () => {}, hasWorker: async () => true });
}

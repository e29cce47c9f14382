/** answer-slack: does what people asked for in Slack, one after the other, and has posts that changed by it rewritten. */
import { AppError } from '../../services/kernel/errors.ts';
import { faultPoint } from '../../services/kernel/fault-point.ts';
import {
  claimSlackRequest,
  finishSlackRequest,
  forgetSlackRequests,
  postponeSlackRequest,
  SLACK_REQUEST_ATTEMPTS_MAX,
  type SlackRequest,
} from '../../services/people/slack-requests.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

/** Per run; what is left waits for the next one. */
const REQUESTS_MAX = 200;

export async function answerSlack(_payload: JobPayload<'answer-slack'>, context: JobContext): Promise<void> {
  const { db, clock } = context;
  let done = 0;
  for (; done < REQUESTS_MAX; done += 1) {
    const request = await claimSlackRequest(db, clock.now());
    if (request === null) break;
    await answerOne(request, context);
  }
  await forgetSlackRequests(db, clock.now());
  if (done > 0) await context.queue?.add('deliver-alert', {});
}

async function answerOne(request: SlackRequest, context: JobContext): Promise<void> {
  const { db, clock, logger } = context;
  const fields = { requestId: request.id, action: request.action, attempt: request.attempt };
  try {
    // Read when somebody asks: most runs find nothing, and the Slack client alone is two hundred modules.
    const { doSlackRequest } = await import('../do-slack-request.ts');
    await doSlackRequest(request, context);
    faultPoint('slack-after-act');
    await finishSlackRequest(db, { id: request.id, at: clock.now() });
    logger.info(fields, 'what was asked for in Slack is done');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof AppError || request.attempt >= SLACK_REQUEST_ATTEMPTS_MAX) {
      await finishSlackRequest(db, { id: request.id, at: clock.now(), error: reason });
      logger.error({ ...fields, err: error }, 'what was asked for in Slack could not be done');
      return;
    }
    await postponeSlackRequest(db, { id: request.id, attempt: request.attempt, at: clock.now(), error: reason });
    logger.warn({ ...fields, err: error }, 'what was asked for in Slack is tried again');
  }
}

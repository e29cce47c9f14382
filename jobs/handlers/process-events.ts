/** process-events: says whose the events are that came in, and does what they ask for: candidates, evidence that broke. */
import {
  ACT_ATTEMPTS_MAX,
  claimEvent,
  type EventToAct,
  failEvent,
  finishEvent,
  postponeEvent,
} from '../../services/intake/event-acts.ts';
import { actOnEvent } from '../../services/intake/act-on-event.ts';
import { judgeEvents } from '../../services/intake/judge-events.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { faultPoint } from '../../services/kernel/fault-point.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

/** Per run; what is left waits for the next one. */
const ROUNDS_MAX = 20;
const ACTS_MAX = 500;

export async function processEvents(_payload: JobPayload<'process-events'>, context: JobContext): Promise<void> {
  const { db, clock } = context;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    if ((await judgeEvents(db, clock.now())) === 0) break;
  }
  let done = 0;
  for (; done < ACTS_MAX; done += 1) {
    const event = await claimEvent(db, clock.now());
    if (event === null) break;
    faultPoint('events-after-claim');
    await doEvent(event, context);
  }
  if (done > 0) await context.queue?.add('deliver-alert', {});
}

async function doEvent(event: EventToAct, { db, clock, logger }: JobContext): Promise<void> {
  const { id, attempt } = event;
  const fields = { eventId: id, act: event.act, attempt };
  try {
    await db.transaction().execute(async (trx) => {
      await actOnEvent(trx, event, clock.now());
      await finishEvent(trx, id);
      faultPoint('events-before-commit');
    });
    faultPoint('events-after-commit');
    logger.info(fields, 'what an event asked for is done');
  } catch (error) {
    if (error instanceof AppError || attempt >= ACT_ATTEMPTS_MAX) {
      const reason = error instanceof AppError ? error.message : 'it failed again and again; the log says why';
      await failEvent(db, { id, reason });
      logger.error({ ...fields, err: error }, 'what an event asked for could not be done');
      return;
    }
    await postponeEvent(db, { id, attempt, at: clock.now() });
    logger.warn({ ...fields, err: error }, 'what an event asked for is tried again');
  }
}

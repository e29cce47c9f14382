/** sweep-github: every night, looks for what GitHub could not deliver, and asks for it again; then forgets what was kept for a while only. */
import type { GithubHook } from '../../connectors/github/hook-deliveries.ts';
import { forgetEvents } from '../../services/intake/forget-events.ts';
import {
  type DueSweep,
  failSweep,
  finishSweep,
  keepGap,
  listDueSweeps,
  listToAsk,
  recordAsked,
} from '../../services/intake/sweep-rows.ts';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { faultPoint } from '../../services/kernel/fault-point.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

const HOUR_MS = 3_600_000;
/** An attempt may be listed later than it was made. */
const OVERLAP_MS = HOUR_MS;
/** Until somebody mends what GitHub refuses. */
const REFUSED_PAUSE_MS = 6 * HOUR_MS;

export async function sweepGithub(_payload: JobPayload<'sweep-github'>, context: JobContext): Promise<void> {
  const { db, clock, logger, signal } = context;
  for (const due of await listDueSweeps(db, clock.now())) {
    signal.throwIfAborted();
    try {
      await sweepHook(due, context);
    } catch (error) {
      if (!(error instanceof AppError || error instanceof TransientError)) throw error;
      const at = clock.now();
      const pause = error instanceof TransientError ? error.retryAfterMs : REFUSED_PAUSE_MS;
      await failSweep(db, { hook: due.hook, error: error.message, retryAt: new Date(at.getTime() + pause), at });
      logger.warn({ err: error, hook: due.hook }, 'what GitHub could not deliver was not looked for');
    }
  }
  await forgetEvents(db, clock.now());
}

async function sweepHook({ hook, seenThrough }: DueSweep, { db, clock, settings, logger }: JobContext): Promise<void> {
  const { token, app, apiUrl } = settings.intake.github;
  const as = app ?? token;
  if (as === undefined) throw new AppError('invalid_setting', 'OUTTURN_GITHUB_TOKEN is not set (docs/intake.md).');
  // GitHub's client and its fetch are read where a hook is due, not at every worker's start.
  const { openHook, REDELIVERY_MS_MAX } = await import('../../connectors/github/hook-deliveries.ts');
  const { GITHUB_EVENTS } = await import('../../connectors/github/github-webhook.ts');
  const at = clock.now();
  const oldest = new Date(at.getTime() - REDELIVERY_MS_MAX);
  const since =
    seenThrough === null ? oldest : new Date(Math.max(oldest.getTime(), seenThrough.getTime() - OVERLAP_MS));
  const opened = await openHook(hook, `${settings.publicUrl}/api/v1/webhooks/github`, { as, apiUrl, now: at });
  const attempts = (await opened.listDeliveries(since)).filter(({ event }) => GITHUB_EVENTS.includes(event));
  const delivered = new Set(attempts.filter(({ isDelivered }) => isDelivered).map(({ guid }) => guid));
  const failed = attempts.filter(({ guid }) => !delivered.has(guid));
  // Newest first: of several attempts the last is asked for again.
  const missing = [...Map.groupBy(failed, ({ guid }) => guid).values()].flatMap(([newest]) => newest ?? []);
  await keepGap(db, { hook, missing, delivered: [...delivered], at });
  faultPoint('sweep-after-gap');
  const askedAgain = await askAgain(hook, opened, { db, at, oldest });
  faultPoint('sweep-before-finish');
  await finishSweep(db, { hook, deliveries: attempts.length, askedAgain, at });
  logger.info({ hook, deliveries: attempts.length, missing: missing.length, askedAgain }, 'a hook of GitHub was swept');
}

async function askAgain(
  hook: string,
  opened: GithubHook,
  { db, at, oldest }: { db: JobContext['db']; at: Date; oldest: Date },
): Promise<number> {
  const wanted = await listToAsk(db, { hook, since: oldest, at });
  for (const { guid, attemptId } of wanted) {
    await opened.redeliver(attemptId);
    // Killed here it is asked for once more: what comes twice is kept once.
    faultPoint('sweep-after-ask');
    await recordAsked(db, { guid, at });
  }
  return wanted.length;
}

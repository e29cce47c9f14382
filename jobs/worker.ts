/**
 * The worker: takes jobs from both queues, keeps the schedules, and shows that it lives. It stops gently: no further job is taken,
 * a running one may finish, and after the grace it is told to give up and goes back to the queue.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import { isJobName, JOB_NAMES, JOBS, type JobName, QUEUES } from './catalog.ts';
import type { JobContext, JobHandler } from './job-context.ts';
import { fits } from './payload.ts';
import { type JobQueue, unrecoverable } from './queue.ts';
import { scheduleJobs } from './schedules.ts';

export interface Worker {
  readonly id: string;
  /** Stops within about `graceMs`; the work of a job that had to give up is done again elsewhere. */
  close(graceMs?: number): Promise<void>;
}

const HEARTBEAT_MS = 10_000;
const GRACE_MS = 20_000;

/**
 * One handler per job, read when the first of its jobs comes: a worker that was just started takes its first job the sooner. The type makes
 * a missing one a compile error, and the architecture test holds the file names to it.
 */
const HANDLERS: { readonly [Name in JobName]: () => Promise<JobHandler<never>> } = {
  'sync-source': async () => (await import('./handlers/sync-source.ts')).syncSource,
  'sync-due': async () => (await import('./handlers/sync-due.ts')).syncDue,
  'stage-file': async () => (await import('./handlers/stage-file.ts')).stageFile,
  'roll-up-load': async () => (await import('./handlers/roll-up-load.ts')).rollUpLoad,
  'publish-load': async () => (await import('./handlers/publish-load.ts')).publishLoad,
  'evaluate-envelopes': async () => (await import('./handlers/evaluate-envelopes.ts')).evaluateEnvelopes,
  'deliver-alert': async () => (await import('./handlers/deliver-alert.ts')).deliverAlert,
  'answer-slack': async () => (await import('./handlers/answer-slack.ts')).answerSlack,
  'process-events': async () => (await import('./handlers/process-events.ts')).processEvents,
  'sweep-github': async () => (await import('./handlers/sweep-github.ts')).sweepGithub,
  reconcile: async () => (await import('./handlers/reconcile.ts')).reconcile,
  'prune-loads': async () => (await import('./handlers/prune-loads.ts')).pruneLoads,
};

/** Starts taking jobs. `context.signal` is replaced by the worker's own, aborted when its grace is over. */
export async function startWorker(context: Omit<JobContext, 'signal' | 'queue'>, queue: JobQueue): Promise<Worker> {
  const id = randomUUID();
  const stop = new AbortController();
  const jobContext: JobContext = { ...context, queue, signal: stop.signal };
  await beat(context, id);
  await scheduleJobs(queue);
  const running = QUEUES.map(({ name, concurrency }) =>
    queue.work(name, concurrency, (job, payload, { id: runningId, attempt }) =>
      runJob(job, payload, jobContext, runningId, attempt),
    ),
  );
  const slack = await openSlack(context, queue);
  const heart = setInterval(() => {
    beat(context, id).catch((error: unknown) =>
      context.logger.error({ err: error }, 'the worker could not show that it lives'),
    );
  }, HEARTBEAT_MS);
  context.logger.info({ workerId: id, backend: queue.backend, jobs: JOB_NAMES.length }, 'worker started');
  return {
    id,
    close: async (graceMs = GRACE_MS) => {
      clearInterval(heart);
      const timer = setTimeout(() => stop.abort(new TransientError('the worker is stopping', 0)), graceMs);
      try {
        await Promise.all([slack?.close(), ...running.map((worker) => worker.close())]);
      } finally {
        clearTimeout(timer);
        await context.db.deleteFrom('worker').where('id', '=', id).execute();
      }
      context.logger.info({ workerId: id }, 'worker stopped');
    },
  };
}

/** The socket of this process where Slack is set up for it; only then is what speaks to Slack read. */
async function openSlack(context: Omit<JobContext, 'signal' | 'queue'>, queue: JobQueue) {
  if (context.settings.slack.appToken === undefined) return null;
  return (await import('./slack-socket.ts')).startSlackSocket(context, queue);
}

async function runJob(
  job: string,
  payload: unknown,
  context: JobContext,
  jobId: string,
  attempt: number,
): Promise<void> {
  if (!isJobName(job)) throw unrecoverable(new Error(`no handler is known for the job "${job}"`));
  if (!fits(JOBS[job].payload, payload)) throw unrecoverable(new Error(`the payload of ${jobId} does not fit ${job}`));
  const startedAt = context.clock.now().getTime();
  try {
    const handle = await HANDLERS[job]();
    // The payload was checked against this very job's form above.
    await handle(payload as never, context);
    context.logger.debug({ job, jobId, elapsedMs: context.clock.now().getTime() - startedAt }, 'job done');
  } catch (error) {
    context.logger.error({ err: error, job, jobId, attempt }, 'job failed');
    if (error instanceof AppError) throw unrecoverable(error);
    throw error;
  }
}

async function beat(context: Pick<JobContext, 'db' | 'clock'>, id: string): Promise<void> {
  const now = context.clock.now();
  await context.db
    .insertInto('worker')
    .values({ id, host_name: hostname(), process_id: process.pid, started_at: now, seen_at: now })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: now }))
    .execute();
}

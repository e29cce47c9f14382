/**
 * The worker: takes jobs from both queues, keeps the schedules, and shows that it lives. It stops gently: no further job is taken,
 * a running one may finish, and after the grace it is told to give up and goes back to the queue.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import Value from 'typebox/value';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import { isJobName, JOB_NAMES, JOBS, type JobName, QUEUES } from './catalog.ts';
import { answerSlack } from './handlers/answer-slack.ts';
import { deliverAlert } from './handlers/deliver-alert.ts';
import { evaluateEnvelopes } from './handlers/evaluate-envelopes.ts';
import { processEvents } from './handlers/process-events.ts';
import { pruneLoads } from './handlers/prune-loads.ts';
import { publishLoad } from './handlers/publish-load.ts';
import { reconcile } from './handlers/reconcile.ts';
import { rollUpLoad } from './handlers/roll-up-load.ts';
import { stageFile } from './handlers/stage-file.ts';
import { sweepGithub } from './handlers/sweep-github.ts';
import { syncDue } from './handlers/sync-due.ts';
import { syncSource } from './handlers/sync-source.ts';
import type { JobContext, JobHandler } from './job-context.ts';
import { type JobQueue, unrecoverable } from './queue.ts';
import { startSlackSocket } from './slack-socket.ts';
import { scheduleJobs } from './schedules.ts';

export interface Worker {
  readonly id: string;
  /** Stops within about `graceMs`; the work of a job that had to give up is done again elsewhere. */
  close(graceMs?: number): Promise<void>;
}

const HEARTBEAT_MS = 10_000;
const GRACE_MS = 20_000;

/** One handler per job; the type makes a missing one a compile error, and the architecture test holds the file names to it. */
const HANDLERS: { readonly [Name in JobName]: JobHandler<never> } = {
  'sync-source': syncSource,
  'sync-due': syncDue,
  'stage-file': stageFile,
  'roll-up-load': rollUpLoad,
  'publish-load': publishLoad,
  'evaluate-envelopes': evaluateEnvelopes,
  'deliver-alert': deliverAlert,
  'answer-slack': answerSlack,
  'process-events': processEvents,
  'sweep-github': sweepGithub,
  reconcile,
  'prune-loads': pruneLoads,
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
  const slack = startSlackSocket(context, queue);
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

async function runJob(
  job: string,
  payload: unknown,
  context: JobContext,
  jobId: string,
  attempt: number,
): Promise<void> {
  if (!isJobName(job)) throw unrecoverable(new Error(`no handler is known for the job "${job}"`));
  if (!Value.Check(JOBS[job].payload, payload))
    throw unrecoverable(new Error(`the payload of ${jobId} does not fit ${job}`));
  const startedAt = context.clock.now().getTime();
  try {
    // The payload was checked against this very job's schema above.
    await HANDLERS[job](payload as never, context);
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

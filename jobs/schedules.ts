/** What repeats by itself. Schedules are upserted at every worker's start, so that the newest version's hold. */
import type { JobName } from './catalog.ts';
import type { JobQueue } from './queue.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const SCHEDULES: readonly { readonly job: JobName; readonly everyMs: number }[] = [
  // A publish asks for delivery at once; this finds retries whose time has come.
  { job: 'deliver-alert', everyMs: 15 * SECOND_MS },
  // A press asks for its answer at once; this finds what a process left behind.
  { job: 'answer-slack', everyMs: 15 * SECOND_MS },
  // An arrival asks for it at once; this finds what the queue forgot, and what a mapping set free.
  { job: 'process-events', everyMs: 15 * SECOND_MS },
  // Which hooks are due is a row each: nightly, or sooner after a look that failed.
  { job: 'sweep-github', everyMs: HOUR_MS },
  { job: 'sync-due', everyMs: MINUTE_MS },
  { job: 'reconcile', everyMs: MINUTE_MS },
  { job: 'evaluate-envelopes', everyMs: HOUR_MS },
  { job: 'prune-loads', everyMs: HOUR_MS },
];

export async function scheduleJobs(queue: JobQueue): Promise<void> {
  for (const { job, everyMs } of SCHEDULES) await queue.schedule(job, everyMs);
}

/** How a job is named, so that the same work is queued once. */
import type { JobName } from './catalog.ts';

/** A job's id from its parts. `:` and all-digit ids are refused by one backend and accepted by the other: refused here for both. */
export function jobId(job: JobName, ...parts: readonly (string | number)[]): string {
  const id = [job, ...parts].join('_');
  if (id.includes(':')) throw new Error(`the job id "${id}" holds a colon, which Redis keys use`);
  return id;
}

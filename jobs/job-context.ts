/**
 * What every job handler is given: the database, the clock, the log, and whatever stops it. The same handlers run in a worker
 * (with a queue) and inline in a command (without one).
 */
import type { Kysely } from 'kysely';
import type { DB } from '../db/schema.gen.ts';
import type { Clock, Logger, Principal, Progress } from '../services/kernel/ports.ts';
import type { Settings } from '../services/kernel/settings.ts';
import type { JobQueue } from './queue.ts';

export interface JobContext {
  readonly db: Kysely<DB>;
  /** For child processes and dedicated connections. */
  readonly databaseUrl: string;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly principal: Principal;
  /** Absent where the command itself does the work. */
  readonly queue?: JobQueue;
  /** Aborted when the process must stop before the work is done; the job is then given back. */
  readonly signal: AbortSignal;
}

export type JobHandler<Payload> = (payload: Payload, context: JobContext) => Promise<void>;

/**
 * The queue behind one small interface: BullMQ over Redis (or Valkey) where REDIS_URL is set, else over its own PostgreSQL
 * backend in the product's database. Nothing outside this file knows which. PostgreSQL stays the truth: an emptied queue loses
 * nothing, the reconcile job finds what is due.
 */
import {
  createPostgresBackend,
  FlowProducer,
  type Job,
  type PostgresConnectionOptions,
  type Processor,
  Queue,
  runMigrations,
  UnrecoverableError,
  Worker,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { AppError } from '../services/kernel/errors.ts';
import type { Logger } from '../services/kernel/ports.ts';
import { JOBS, type JobName, type JobPayload, QUEUES, type QueueName } from './catalog.ts';

export type JobState = 'waiting' | 'active' | 'completed' | 'failed' | 'absent';

export interface FlowStep {
  readonly job: JobName;
  readonly payload: JobPayload<JobName>;
  readonly id: string;
  readonly children: readonly FlowStep[];
}

/** What a worker calls for each job. It throws to fail the job; `UnrecoverableError` stops the retries. */
export type JobProcessor = (name: string, payload: unknown, job: { id: string; attempt: number }) => Promise<void>;

export interface RunningWorker {
  /** Takes no further job and waits for the running one. */
  close(): Promise<void>;
}

export interface JobQueue {
  readonly backend: 'redis' | 'postgresql';
  add<Name extends JobName>(job: Name, payload: JobPayload<Name>, options?: { id?: string }): Promise<void>;
  /** Adds a tree of jobs at once; a parent runs when all its children are done and fails when one fails. */
  addFlow(root: FlowStep): Promise<void>;
  state(job: JobName, id: string): Promise<JobState>;
  /** Repeats a job; the same id replaces the former schedule. */
  schedule(job: JobName, everyMs: number): Promise<void>;
  counts(): Promise<Record<QueueName, Record<string, number>>>;
  work(queue: QueueName, concurrency: number, processor: JobProcessor): RunningWorker;
  /** Empties the queue; only for maintenance and tests of what then still happens. */
  obliterate(): Promise<void>;
  close(): Promise<void>;
}

/** BullMQ's schema in the product's database. */
const QUEUE_SCHEMA = 'bullmq';
const FINISHED_JOBS_KEPT = 1_000;
const FAILED_JOBS_KEPT = 1_000;
/** A kill is not a failure: a job may be given back this often before the queue gives it up and reconcile takes over. */
const STALLED_MAX = 10;
const REDIS_CONNECT_MS = 5_000;
/** Of a process to the queue in PostgreSQL: one for each worker to listen on, the others for what they ask. */
const CONNECTIONS_MAX = 6;

export interface QueueOptions {
  readonly databaseUrl: string;
  readonly redisUrl?: string;
  readonly logger: Logger;
  /** How long a worker may be silent before its job is given to another. */
  readonly lockMs?: number;
}

/** Creates or updates the queue's own tables. Part of `outturn migrate`; does nothing for Redis. */
export async function migrateQueue(options: Pick<QueueOptions, 'databaseUrl' | 'redisUrl'>): Promise<void> {
  if (options.redisUrl !== undefined) return;
  const client = new pg.Client({ connectionString: options.databaseUrl });
  await client.connect();
  try {
    await runMigrations(client, QUEUE_SCHEMA);
  } finally {
    await client.end();
  }
}

/**
 * Connects to the queue.
 * @throws AppError queue_unreachable where Redis does not answer.
 */
export async function openQueue(options: QueueOptions): Promise<JobQueue> {
  if (options.redisUrl === undefined) return postgresQueue(options);
  await checkRedis(options.redisUrl);
  return redisQueue(options, options.redisUrl);
}

function jobOptions(job: JobName, id?: string) {
  const definition = JOBS[job];
  return {
    ...(id === undefined ? {} : { jobId: id }),
    attempts: definition.attempts,
    backoff: { type: 'exponential', delay: definition.backoffMs },
    removeOnComplete: { count: FINISHED_JOBS_KEPT },
    removeOnFail: { count: FAILED_JOBS_KEPT },
  };
}

interface QueueParts {
  readonly queue: (name: QueueName) => QueueLike;
  readonly flow: { add(flow: FlowNode): Promise<unknown>; close(): Promise<void> };
  readonly worker: (name: QueueName, concurrency: number, processor: Processor) => WorkerLike;
  readonly afterClose: () => Promise<void>;
}

interface QueueLike {
  add(name: string, data: unknown, options: ReturnType<typeof jobOptions>): Promise<unknown>;
  getJobState(id: string): Promise<string>;
  upsertJobScheduler(
    id: string,
    repeat: { every: number },
    template: { name: string; data: object; opts: object },
  ): Promise<unknown>;
  getJobCounts(): Promise<Record<string, number>>;
  obliterate(options: { force: boolean }): Promise<void>;
  close(): Promise<void>;
}

interface WorkerLike {
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

interface FlowNode {
  name: string;
  queueName: string;
  data: object;
  opts: ReturnType<typeof jobOptions> & { failParentOnFailure?: boolean };
  children: FlowNode[];
}

/** What BullMQ would open for each queue, producer and worker is shared: a connection costs the server more than most of what it is asked. */
function postgresQueue(options: QueueOptions): JobQueue {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    options: `-c search_path=${QUEUE_SCHEMA}`,
    max: CONNECTIONS_MAX,
    keepAlive: true,
  });
  // Whoever shares it listens for its errors, and BullMQ leaves the listener of a closed worker behind.
  pool.setMaxListeners(0);
  // The pool that BullMQ makes itself is the same; only the types of the two are written differently.
  const connection = pool as unknown as Extract<PostgresConnectionOptions, { connect(): unknown }>;
  const report = errorReport(options.logger);
  // One that breaks while it is lent out would end the process as well.
  pool.on('connect', (client) => client.on('error', report));
  const flow = new FlowProducer({ connection }, createPostgresBackend);
  flow.on('error', report);
  return assemble('postgresql', report, {
    queue: (name) => listen(new Queue(name, { connection }, createPostgresBackend), report),
    flow,
    worker: (name, concurrency, processor) =>
      new Worker(name, processor, { ...workerOptions(options, concurrency), connection }, createPostgresBackend),
    afterClose: () => pool.end(),
  });
}

function redisQueue(options: QueueOptions, redisUrl: string): JobQueue {
  const connect = () => {
    const client = new Redis(redisUrl, { maxRetriesPerRequest: null });
    client.on('error', (error) => options.logger.error({ err: error }, 'Redis reported an error'));
    return client;
  };
  const shared = connect();
  const workerConnections: Redis[] = [];
  const report = errorReport(options.logger);
  return assemble('redis', report, {
    queue: (name) => listen(new Queue(name, { connection: shared }), report),
    flow: new FlowProducer({ connection: shared }),
    worker: (name, concurrency, processor) => {
      const connection = connect();
      workerConnections.push(connection);
      return new Worker(name, processor, { ...workerOptions(options, concurrency), connection });
    },
    afterClose: async () => {
      for (const connection of [shared, ...workerConnections]) connection.disconnect();
    },
  });
}

function workerOptions(options: QueueOptions, concurrency: number) {
  const lockMs = options.lockMs ?? 30_000;
  return { concurrency, maxStalledCount: STALLED_MAX, lockDuration: lockMs, stalledInterval: lockMs };
}

type ErrorReport = (error: Error) => void;

/** Says each error once, though everything that shares a lost connection reports it. */
function errorReport(logger: Logger): ErrorReport {
  const said = new WeakSet<Error>();
  return (error) => {
    if (said.has(error)) return;
    said.add(error);
    logger.error({ err: error }, 'the queue reported an error');
  };
}

function listen<Q extends { on(event: 'error', listener: ErrorReport): unknown }>(queue: Q, report: ErrorReport): Q {
  queue.on('error', report);
  return queue;
}

function assemble(backend: JobQueue['backend'], report: ErrorReport, parts: QueueParts): JobQueue {
  const queues = new Map<QueueName, QueueLike>(QUEUES.map(({ name }) => [name, parts.queue(name)]));
  const queueOf = (job: JobName): QueueLike => {
    const queue = queues.get(JOBS[job].queue);
    if (queue === undefined) throw new Error(`the job ${job} names a queue that does not exist`);
    return queue;
  };
  const node = (step: FlowStep, isRoot: boolean): FlowNode => ({
    name: step.job,
    queueName: JOBS[step.job].queue,
    data: step.payload,
    opts: { ...jobOptions(step.job, step.id), ...(isRoot ? {} : { failParentOnFailure: true }) },
    children: step.children.map((child) => node(child, false)),
  });
  return {
    backend,
    add: async (job, payload, { id } = {}) => {
      await queueOf(job).add(job, payload, jobOptions(job, id));
    },
    addFlow: async (root) => {
      await parts.flow.add(node(root, true));
    },
    state: async (job, id) => jobState(await queueOf(job).getJobState(id)),
    schedule: async (job, everyMs) => {
      await queueOf(job).upsertJobScheduler(job, { every: everyMs }, { name: job, data: {}, opts: jobOptions(job) });
    },
    counts: async () => {
      const entries = await Promise.all(
        [...queues].map(async ([name, queue]) => [name, await queue.getJobCounts()] as const),
      );
      return Object.fromEntries(entries) as Record<QueueName, Record<string, number>>;
    },
    work: (name, concurrency, processor) => {
      const worker = parts.worker(name, concurrency, (job: Job) =>
        processor(job.name, job.data, { id: job.id ?? '', attempt: job.attemptsMade + 1 }),
      );
      worker.on('error', report);
      return { close: () => worker.close() };
    },
    obliterate: async () => {
      for (const queue of queues.values()) await queue.obliterate({ force: true });
    },
    close: async () => {
      await parts.flow.close();
      for (const queue of queues.values()) await queue.close();
      await parts.afterClose();
    },
  };
}

function jobState(state: string): JobState {
  switch (state) {
    case 'completed':
    case 'failed':
    case 'active':
      return state;
    case 'unknown':
      return 'absent';
    default:
      return 'waiting';
  }
}

async function checkRedis(redisUrl: string): Promise<void> {
  const probe = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: REDIS_CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  probe.on('error', () => {
    // The failure is reported by connect() below, with its fix.
  });
  try {
    await probe.connect();
    await probe.ping();
  } catch (cause) {
    const host = new URL(redisUrl).host;
    throw new AppError(
      'queue_unreachable',
      `Redis at ${host} does not answer. Start it, correct REDIS_URL, or unset REDIS_URL to keep the queue in PostgreSQL.`,
      { cause },
    );
  } finally {
    probe.disconnect();
  }
}

/** Stops the retries of a job whose failure will not pass by itself. */
export function unrecoverable(error: Error): Error {
  const wrapped = new UnrecoverableError(error.message);
  wrapped.cause = error;
  return wrapped;
}

/**
 * Every background job: its queue, payload, retries and limits. The only list; queue, worker and the boot check read it.
 * Payloads are ids only: results live in PostgreSQL, the queue is merely a reminder that something is due.
 */
import {
  isObjectOf,
  isName,
  isOneOf,
  isOrdinal,
  isRowId,
  isText,
  isYesOrNo,
  type PayloadForm,
  type PayloadOf,
} from './payload.ts';

export type QueueName = 'bulk' | 'quick';

/** bulk: minutes of work on a bill, one at a time per process. quick: everything else. */
export const QUEUES: readonly { readonly name: QueueName; readonly concurrency: number }[] = [
  { name: 'bulk', concurrency: 1 },
  { name: 'quick', concurrency: 4 },
];

interface JobDefinition {
  readonly queue: QueueName;
  readonly payload: PayloadForm;
  /** Tries in all. A kill is not a failure: the queue gives a stalled job back without counting it here. */
  readonly attempts: number;
  /** The first pause between tries; it doubles. */
  readonly backoffMs: number;
}

const LoadPayload = { required: { loadId: isRowId }, optional: {} } as const;
const NoPayload = { required: {}, optional: {} } as const;

export const JOBS = {
  'sync-source': {
    queue: 'bulk',
    payload: {
      required: {
        sourceId: isName,
        reason: isOneOf('schedule', 'command', 'request'),
        mayDropAccounts: isYesOrNo,
      },
      optional: {
        range: isObjectOf({ start: isText, end: isText }),
        // The row of source_request that it answers; without one, it is done whenever it comes.
        requestId: isName,
      },
    },
    // What a source answers is kept in PostgreSQL, and when to ask it again; the queue only gives back what a kill interrupted.
    attempts: 2,
    backoffMs: 5_000,
  },
  'sync-due': { queue: 'quick', payload: NoPayload, attempts: 2, backoffMs: 1_000 },
  'stage-file': {
    queue: 'bulk',
    payload: { required: { loadId: isRowId, ordinal: isOrdinal }, optional: {} },
    attempts: 5,
    backoffMs: 5_000,
  },
  'roll-up-load': { queue: 'bulk', payload: LoadPayload, attempts: 5, backoffMs: 2_000 },
  'publish-load': { queue: 'bulk', payload: LoadPayload, attempts: 8, backoffMs: 1_000 },
  'evaluate-envelopes': { queue: 'quick', payload: NoPayload, attempts: 2, backoffMs: 60_000 },
  'deliver-alert': { queue: 'quick', payload: NoPayload, attempts: 3, backoffMs: 1_000 },
  'answer-slack': { queue: 'quick', payload: NoPayload, attempts: 3, backoffMs: 1_000 },
  'process-events': { queue: 'quick', payload: NoPayload, attempts: 3, backoffMs: 1_000 },
  'sweep-github': { queue: 'quick', payload: NoPayload, attempts: 2, backoffMs: 60_000 },
  reconcile: { queue: 'quick', payload: NoPayload, attempts: 2, backoffMs: 1_000 },
  'prune-loads': { queue: 'quick', payload: NoPayload, attempts: 2, backoffMs: 60_000 },
} satisfies Record<string, JobDefinition>;

export type JobName = keyof typeof JOBS;
export type JobPayload<Name extends JobName> = PayloadOf<(typeof JOBS)[Name]['payload']>;

export const JOB_NAMES = Object.keys(JOBS).filter((name): name is JobName => name in JOBS);

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(JOBS, name);
}

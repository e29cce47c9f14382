/**
 * Every background job: its queue, payload, retries and limits. The only list; queue, worker and the boot check read it.
 * Payloads are ids only: results live in PostgreSQL, the queue is merely a reminder that something is due.
 */
import { type Static, type TObject, Type } from 'typebox';

export type QueueName = 'bulk' | 'quick';

/** bulk: minutes of work on a bill, one at a time per process. quick: everything else. */
export const QUEUES: readonly { readonly name: QueueName; readonly concurrency: number }[] = [
  { name: 'bulk', concurrency: 1 },
  { name: 'quick', concurrency: 4 },
];

interface JobDefinition {
  readonly queue: QueueName;
  readonly payload: TObject;
  /** Tries in all. A kill is not a failure: the queue gives a stalled job back without counting it here. */
  readonly attempts: number;
  /** The first pause between tries; it doubles. */
  readonly backoffMs: number;
}

const LoadPayload = Type.Object({ loadId: Type.String({ pattern: '^\\d+$' }) }, { additionalProperties: false });
const NoPayload = Type.Object({}, { additionalProperties: false });

export const JOBS = {
  'sync-source': {
    queue: 'bulk',
    payload: Type.Object(
      {
        sourceId: Type.String({ minLength: 1, maxLength: 200 }),
        reason: Type.Union([Type.Literal('schedule'), Type.Literal('command'), Type.Literal('request')]),
        mayDropAccounts: Type.Boolean(),
        range: Type.Optional(
          Type.Object({ start: Type.String(), end: Type.String() }, { additionalProperties: false }),
        ),
        // The row of source_request that it answers; without one, it is done whenever it comes.
        requestId: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
      },
      { additionalProperties: false },
    ),
    // What a source answers is kept in PostgreSQL, and when to ask it again; the queue only gives back what a kill interrupted.
    attempts: 2,
    backoffMs: 5_000,
  },
  'sync-due': { queue: 'quick', payload: NoPayload, attempts: 2, backoffMs: 1_000 },
  'stage-file': {
    queue: 'bulk',
    payload: Type.Object(
      { loadId: Type.String({ pattern: '^\\d+$' }), ordinal: Type.Integer({ minimum: 0, maximum: 1_000_000 }) },
      { additionalProperties: false },
    ),
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
export type JobPayload<Name extends JobName> = Static<(typeof JOBS)[Name]['payload']>;

export const JOB_NAMES = Object.keys(JOBS).filter((name): name is JobName => name in JOBS);

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(JOBS, name);
}

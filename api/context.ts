/**
 * What the routes work with: the database and the ports that the composition root fills in. The API knows no queue, no clock and
 * no environment of its own, so that a test builds it whole and no route can reach around.
 */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Kysely } from 'kysely';
import type { DB } from '../db/schema.gen.ts';
import type { WebhookProvider } from '../services/kernel/intake-settings.ts';
import type { Clock, Principal } from '../services/kernel/ports.ts';

/** The part of the job queue that the API uses. */
export interface QueuePort {
  /** The same id again adds nothing while the queue still knows it. */
  add(
    job: 'sync-source',
    payload: {
      sourceId: string;
      reason: 'request';
      mayDropAccounts: boolean;
      requestId: string;
      range?: { start: string; end: string };
    },
    options: { id: string },
  ): Promise<void>;
  /** Jobs per queue and state. */
  counts(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>>;
}

export interface SourceCheckView {
  readonly subject: string;
  readonly state: 'ok' | 'note' | 'wrong';
  readonly message: string;
}

/** What came over HTTP: names of headers in lower case, the body's very bytes. */
export interface InboundRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface ReceivedEvents {
  /** How many came, and how many of them were not known yet. */
  readonly received: number;
  readonly new: number;
}

export interface ApiContext {
  readonly db: Kysely<DB>;
  readonly clock: Clock;
  readonly queue: QueuePort;
  /** Asks a source's provider for each permission and setting, changing nothing; absent: not offered. @throws AppError not_found */
  checkSource?(sourceId: string): Promise<readonly SourceCheckView[]>;
  /** Takes what Slack sends: null for what Slack did not sign. Absent: not offered. */
  receiveSlack?(request: {
    readonly timestamp: string | undefined;
    readonly signature: string | undefined;
    readonly contentType: string;
    readonly body: Buffer;
  }): Promise<{ readonly answer: object | null } | null>;
  /** Takes a webhook of a tool: null for what the tool did not sign. Absent: not offered. @throws AppError invalid_input, TransientError */
  receiveWebhook?(provider: WebhookProvider, request: InboundRequest): Promise<ReceivedEvents | null>;
  /** Takes events with a token's principal, or signed: null for a signature that is nobody's. Absent: not offered. @throws AppError */
  receiveEvents?(request: InboundRequest, principal: Principal | null): Promise<ReceivedEvents | null>;
  /** Where line drill-down may put what it needs for a moment. */
  readonly workDir: string;
  /** The release, shown in the OpenAPI document. */
  readonly version: string;
}

export type ApiApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

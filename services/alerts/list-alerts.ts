/** Alerts as other people's scripts read them: every crossing with the state of its delivery and of its episode. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { toScope } from '../envelopes/envelope-versions.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';

export const DELIVERY_STATES = ['pending', 'sending', 'sent', 'unknown', 'failed', 'held', 'suppressed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface ListedAlert {
  readonly alertId: string;
  readonly envelopeId: string;
  readonly scope: EnvelopeScope;
  readonly period: string;
  readonly rung: Decimal;
  readonly episode: number;
  readonly state: DeliveryState;
  readonly episodeState: 'open' | 'cleared' | 'closed';
  readonly reason: string;
  readonly actual: Decimal;
  readonly limit: Decimal;
  readonly currency: string;
  readonly channel: string | null;
  readonly slackTs: string | null;
  /** What is in the way of its delivery, or why the post does not say how it is now. */
  readonly error: string | null;
  /** Shared by alerts that one message carries. */
  readonly messageId: string;
  readonly text: string;
  readonly createdAt: string;
}

/**
 * Every alert, oldest first; `state` keeps those whose delivery stands there.
 * @throws AppError invalid_input for a state that does not exist.
 */
export async function listAlerts(db: Kysely<DB>, options: { state?: string } = {}): Promise<ListedAlert[]> {
  const { state } = options;
  if (state !== undefined && !DELIVERY_STATES.some((known) => known === state)) {
    throw new AppError(
      'invalid_input',
      `"${state}" is not a state of an alert. Use one of ${DELIVERY_STATES.join(', ')}.`,
    );
  }
  const { rows } = await sql<AlertRow>`
    select alert.id, alert.envelope_id, envelope.scope_kind, envelope.scope_id, envelope.period_id, alert.rung, alert.episode,
      message.state, alert.episode_state, alert.reason, trim_scale(alert.actual) as actual,
      trim_scale(alert.envelope_limit) as envelope_limit, alert.currency, message.channel, message.slack_ts,
      coalesce(message.error, 'not rewritten: ' || message.edit_error) as error,
      message.id as message_id, message.text, alert.created_at
    from alert
    join envelope on envelope.id = alert.envelope_id
    join message on message.id = alert.message_id
    where ${state ?? null}::text is null or message.state = ${state ?? null}
    order by alert.created_at, alert.envelope_id, alert.episode, alert.rung::numeric
  `.execute(db);
  return rows.map((row) => ({
    alertId: row.id,
    envelopeId: row.envelope_id,
    scope: toScope(row.scope_kind, row.scope_id),
    period: row.period_id,
    rung: row.rung,
    episode: row.episode,
    state: row.state,
    episodeState: row.episode_state,
    reason: row.reason,
    actual: row.actual,
    limit: row.envelope_limit,
    currency: row.currency,
    channel: row.channel,
    slackTs: row.channel?.includes(':') === true ? null : row.slack_ts,
    error: row.error,
    messageId: row.message_id,
    text: row.text,
    createdAt: row.created_at.toISOString(),
  }));
}

interface AlertRow {
  id: string;
  envelope_id: string;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  period_id: string;
  rung: Decimal;
  episode: number;
  state: DeliveryState;
  episode_state: ListedAlert['episodeState'];
  reason: string;
  actual: Decimal;
  envelope_limit: Decimal;
  currency: string;
  channel: string | null;
  slack_ts: string | null;
  error: string | null;
  message_id: string;
  text: string;
  created_at: Date;
}

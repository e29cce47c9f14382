/** The crossings that a message is about, as figures: its own, or those of the message that it answers or reports on. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { MessageAlert } from '../kernel/chat-port.ts';
import type { Decimal } from '../kernel/decimal.ts';

export interface AlertsOfMessage {
  /** Null where there are none. */
  readonly scopeName: string | null;
  readonly alerts: readonly MessageAlert[];
}

/** The figures are those of the envelope's last evaluation, as its text has them. */
export async function readMessageAlerts(db: Kysely<DB>, messageId: string): Promise<AlertsOfMessage> {
  const { rows } = await sql<AlertRow>`
    select alert.id, alert.envelope_id, envelope.scope_kind, envelope.scope_id, envelope.period_id, alert.rung, alert.episode,
      alert.episode_state, alert.reason, trim_scale(coalesce(envelope_state.actual, alert.actual)) as actual,
      trim_scale(version.envelope_limit) as envelope_limit, version.currency,
      case envelope.scope_kind when 'pod' then coalesce(pod.name, envelope.scope_id)
        when 'portfolio' then coalesce(portfolio.name, envelope.scope_id)
        when 'unattributed' then 'Unattributed' else organisation.name end as scope_name
    from message
    join alert on alert.message_id
      = coalesce(message.reply_to_message_id, (select first.message_id from alert as first where first.id = message.alert_id))
    join envelope on envelope.id = alert.envelope_id
    join lateral (
      select * from envelope_version where envelope_id = envelope.id order by version desc limit 1
    ) as version on true
    left join envelope_state on envelope_state.envelope_id = envelope.id
    cross join organisation
    left join pod on envelope.scope_kind = 'pod' and pod.id = envelope.scope_id
    left join portfolio on envelope.scope_kind = 'portfolio' and portfolio.id = envelope.scope_id
    where message.id = ${messageId}
    order by envelope.period_end, envelope.period_start desc, alert.id
  `.execute(db);
  return {
    scopeName: rows[0]?.scope_name ?? null,
    alerts: rows.map((row) => ({
      alertId: row.id,
      envelopeId: row.envelope_id,
      scope: { kind: row.scope_kind, id: row.scope_id },
      period: row.period_id,
      rung: row.rung,
      episode: row.episode,
      episodeState: row.episode_state,
      reason: row.reason,
      actual: row.actual,
      limit: row.envelope_limit,
      currency: row.currency,
    })),
  };
}

interface AlertRow {
  id: string;
  envelope_id: string;
  scope_kind: string;
  scope_id: string | null;
  period_id: string;
  rung: Decimal;
  episode: number;
  episode_state: string;
  reason: string;
  actual: Decimal;
  envelope_limit: Decimal;
  currency: string;
  scope_name: string;
}

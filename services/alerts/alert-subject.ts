/** What a button on an alert's post is about, as it stands now: the envelope, and whether the alert is still open. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { toScope } from '../envelopes/envelope-versions.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';

export interface AlertSubject {
  readonly alertId: string;
  readonly messageId: string;
  readonly envelopeId: string;
  readonly scope: EnvelopeScope;
  readonly scopeName: string;
  readonly periodId: string;
  readonly periodEnd: IsoDate;
  /** Of the newest version. */
  readonly limit: Decimal;
  readonly currency: string;
  readonly isOpen: boolean;
}

/** Null where there is no such alert. */
export async function readAlertSubject(db: Kysely<DB>, alertId: string): Promise<AlertSubject | null> {
  const { rows } = await sql<SubjectRow>`
    select alert.id, alert.message_id, alert.envelope_id, envelope.scope_kind, envelope.scope_id, envelope.period_id, envelope.period_end,
      case envelope.scope_kind when 'unattributed' then 'Unattributed' else coalesce(pod.name, portfolio.name, organisation.name) end as scope_name, trim_scale(version.envelope_limit) as envelope_limit,
      version.currency, alert.episode_state = 'open' and envelope.withdrawn_at is null as is_open
    from alert
    join envelope on envelope.id = alert.envelope_id
    join lateral (
      select * from envelope_version where envelope_id = envelope.id order by version desc limit 1
    ) as version on true
    cross join organisation
    left join pod on envelope.scope_kind = 'pod' and pod.id = envelope.scope_id
    left join portfolio on envelope.scope_kind = 'portfolio' and portfolio.id = envelope.scope_id
    where alert.id::text = ${alertId}
  `.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    alertId: row.id,
    messageId: row.message_id,
    envelopeId: row.envelope_id,
    scope: toScope(row.scope_kind, row.scope_id),
    scopeName: row.scope_name,
    periodId: row.period_id,
    periodEnd: row.period_end,
    limit: row.envelope_limit,
    currency: row.currency,
    isOpen: row.is_open,
  };
}

interface SubjectRow {
  id: string;
  message_id: string;
  envelope_id: string;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  scope_name: string;
  period_id: string;
  period_end: IsoDate;
  envelope_limit: Decimal;
  currency: string;
  is_open: boolean;
}

/** Has a post rewritten although its text is right: its buttons are not. */
export async function refreshPost(db: Kysely<DB>, messageId: string, at: Date): Promise<void> {
  await sql`
    update message set revision = revision + 1, next_attempt_at = ${at.toISOString()}, edit_error = null
    where id = ${messageId} and state = 'sent'
  `.execute(db);
}

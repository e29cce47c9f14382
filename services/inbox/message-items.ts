/** What of the outbox and the sources waits for somebody: alerts that are held, messages that did not arrive or may not have, data that is late. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { toScope } from '../envelopes/envelope-versions.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import type { InboxItem } from './list-inbox.ts';

interface MessageRow {
  id: string;
  kind: string;
  state: 'failed' | 'unknown' | 'held';
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  channel: string | null;
  error: string | null;
  text: string;
  created_at: Date;
  alert_id: string | null;
  period_id: string | null;
  actual: Decimal | null;
  currency: string | null;
}

/** Messages in these states with the crossing they tell of that weighs most, and that is still open. */
async function readMessages(db: Kysely<DB>, states: readonly MessageRow['state'][]): Promise<MessageRow[]> {
  const { rows } = await sql<MessageRow>`
    select message.id, message.kind, message.state, message.scope_kind, message.scope_id, message.channel, message.error, message.text,
      message.created_at, about.id as alert_id, about.period_id, trim_scale(about.actual) as actual, about.currency
    from message
    left join lateral (
      select alert.id, envelope.period_id, coalesce(envelope_state.actual, alert.actual) as actual, alert.currency
      from alert join envelope on envelope.id = alert.envelope_id
      left join envelope_state on envelope_state.envelope_id = alert.envelope_id
      where alert.message_id = message.id and alert.episode_state = 'open' and alert.dismissed_at is null
      order by alert.actual desc, alert.id limit 1
    ) as about on true
    where message.state = any (${[...states]}::text[])
      -- What a crossing that is over would have said is history.
      and (message.kind <> 'crossing' or about.id is not null)
  `.execute(db);
  return rows;
}

/** Failed ones need a correction; unknown ones are looked up by themselves unless nobody may read the channel. */
export async function readDeliveryItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const rows = await readMessages(db, ['failed', 'unknown']);
  return rows.map((row) => {
    const what = row.kind === 'crossing' ? 'An alert' : `A message (${row.kind.replaceAll('-', ' ')})`;
    const where = row.channel === null ? '' : ` to ${row.channel}`;
    const isFailed = row.state === 'failed';
    return {
      ...basics(row),
      kind: isFailed ? 'failed-delivery' : 'unknown-delivery',
      id: row.id,
      sentence: isFailed
        ? `${what}${where} could not be delivered (${row.error ?? 'no reason given'}): ${row.text}`
        : `${what}${where} may or may not have arrived (${row.error ?? 'no answer came'}): ${row.text}`,
      settle: [`outturn alerts retry ${row.id}`, `outturn inbox drop ${row.id}`],
      calls: [`POST /api/v1/alerts/${row.id}/retry`, `POST /api/v1/messages/${row.id}/drop`],
    };
  });
}

/** Crossings that rules alone caused. A snoozed one is held too, and comes by itself. */
export async function readHeldItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const rows = await readMessages(db, ['held']);
  const { rows: snoozed } = await sql<{ message_id: string }>`
    select alert.message_id from alert join envelope_state on envelope_state.envelope_id = alert.envelope_id
    where envelope_state.held_reason_kind = 'snoozed' and alert.episode = envelope_state.episode and alert.rung = envelope_state.held_rung
  `.execute(db);
  const waits = new Set(snoozed.map((row) => row.message_id));
  return rows
    .filter((row) => !waits.has(row.id))
    .map((row) => ({
      ...basics(row),
      kind: 'held-alert',
      id: row.alert_id ?? row.id,
      sentence: `Only the rules caused this crossing, and its pod has not heard of it: ${row.text}`,
      settle: [`outturn alerts release ${row.alert_id}`, `outturn alerts dismiss ${row.alert_id}`],
      calls: [`POST /api/v1/alerts/${row.alert_id}/release`, `POST /api/v1/alerts/${row.alert_id}/dismiss`],
    }));
}

function basics(row: MessageRow) {
  return {
    scope: toScope(row.scope_kind, row.scope_id),
    period: row.period_id,
    since: row.created_at.toISOString(),
    amount: row.actual,
    currency: row.currency,
    amountOf: row.actual === null ? null : ('actual' as const),
  };
}

/** As the operators were told. */
export async function readLateItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const { rows } = await sql<{ source_id: string; late_since: Date; usage_until: Date | null }>`
    select lateness.source_id, lateness.late_since, (select max(usage_until) from load where load.source_id = lateness.source_id
      and load.state = 'published') as usage_until
    from source_lateness as lateness join source on source.id = lateness.source_id and source.removed_at is null
    where lateness.back_at is null
  `.execute(db);
  return rows.map(({ source_id: sourceId, late_since: since, usage_until: until }) => ({
    kind: 'late-source',
    id: sourceId,
    scope: null,
    period: null,
    since: since.toISOString(),
    amount: null,
    currency: null,
    amountOf: null,
    sentence:
      until === null
        ? `The source ${sourceId} has delivered nothing yet, and was expected to.`
        : `The source ${sourceId} is late: its data ends with ${utcDate(new Date(until.getTime() - 1))}. Alerts say "at least", and nothing clears.`,
    settle: [`outturn sources check ${sourceId}`, `outturn ingest --source ${sourceId}`],
    calls: [`GET /api/v1/sources/${sourceId}`, 'POST /api/v1/loads'],
  }));
}

/**
 * How quiet and how right we were: alerts sent, acted on, taken back by a restated bill; pods that heard nothing. Precision is a figure of the
 * product: alerts acted on ÷ alerts sent. Everything is counted by when a crossing was written down; ratios are of whole numbers.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { decimal, ratio } from '../kernel/decimal.ts';
import type { IsoDate, Period } from '../kernel/period.ts';

export interface AlertPrecision {
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate };
  /** Crossings that were told; those of one scope that came together are one. */
  readonly crossings: number;
  /** Messages about them that stand in their channels. */
  readonly sent: number;
  /** sent ÷ crossings: one. */
  readonly messagesPerCrossing: string | null;
  /** Of those sent: acknowledged, snoozed, answered with a raise asked for or granted while it was open. */
  readonly actedOn: number;
  /** actedOn ÷ sent. */
  readonly precision: string | null;
  /** Of those sent: cleared under the limit that they spoke of, because the bill was restated. */
  readonly clearedByRestatement: number;
  /** Of those sent: brought to owner and finance partner, because nobody had answered. */
  readonly escalated: number;
  /** Written and not sent: on their way or in trouble, waiting for finance, told to nobody. */
  readonly waiting: number;
  readonly failed: number;
  readonly held: number;
  readonly suppressed: number;
  /** Pods times months with cost, and those of them without a single message to the pod. */
  readonly podMonths: number;
  readonly quietPodMonths: number;
  /** quietPodMonths ÷ podMonths. */
  readonly quietRate: string | null;
}

interface CountedRow {
  readonly crossings: number;
  readonly sent: number;
  readonly acted_on: number;
  readonly cleared: number;
  readonly escalated: number;
  readonly waiting: number;
  readonly failed: number;
  readonly held: number;
  readonly suppressed: number;
  readonly pod_months: number;
  readonly quiet_pod_months: number;
}

/** Of a period's days in UTC. */
export async function readPrecision(db: Kysely<DB>, { id, start, end }: Period): Promise<AlertPrecision> {
  const { rows } = await sql<CountedRow>`
    with told as (
      select id, state, scope_kind, scope_id, created_at from message
      where kind = 'crossing' and created_at >= ${`${start}T00:00:00Z`}::timestamptz and created_at < ${`${end}T00:00:00Z`}::timestamptz
    ),
    about as (
      select alert.message_id, alert.episode_state = 'cleared' and not exists (
          select from envelope_version as newer where newer.envelope_id = alert.envelope_id and newer.version > alert.version
            and newer.created_at <= alert.ended_at) as is_restated,
        exists (select from audit_event where subject_kind = 'alert' and subject_id = alert.id::text
            and action in ('acknowledge-alert', 'snooze-alert'))
          or exists (select from raise_request where raise_request.envelope_id = alert.envelope_id
            and requested_at >= alert.created_at and requested_at <= coalesce(alert.ended_at, 'infinity'))
          or exists (select from envelope_version as raised where raised.envelope_id = alert.envelope_id and raised.version > alert.version
            and raised.envelope_limit > alert.envelope_limit and raised.currency = alert.currency
            and raised.created_at >= alert.created_at and raised.created_at <= coalesce(alert.ended_at, 'infinity')) as is_acted_on
      from told join alert on alert.message_id = told.id
    ),
    judged as (
      select told.*, coalesce(bool_or(about.is_restated), false) as is_restated, coalesce(bool_or(about.is_acted_on), false) as is_acted_on,
        exists (select from message as answer where answer.kind = 'escalation' and answer.reply_to_message_id = told.id) as is_escalated
      from told left join about on about.message_id = told.id
      group by told.id, told.state, told.scope_kind, told.scope_id, told.created_at
    ),
    lived as (
      select distinct pod_id, charge_month from pod_month
      where pod_id is not null and kind in ('direct', 'shared') and charge_month >= date_trunc('month', ${start}::date) and charge_month < ${end}::date
    ),
    heard as (
      select distinct scope_id as pod_id, date_trunc('month', sent_at at time zone 'UTC')::date as charge_month from message
      where scope_kind = 'pod' and kind in ('crossing', 'escalation') and state = 'sent'
    )
    select (count(distinct (scope_kind, scope_id, created_at)) filter (where state = 'sent'))::int as crossings,
      (count(*) filter (where state = 'sent'))::int as sent,
      (count(*) filter (where state = 'sent' and is_acted_on))::int as acted_on,
      (count(*) filter (where state = 'sent' and is_restated))::int as cleared,
      (count(*) filter (where state = 'sent' and is_escalated))::int as escalated,
      (count(*) filter (where state in ('pending', 'sending', 'unknown')))::int as waiting,
      (count(*) filter (where state = 'failed'))::int as failed,
      (count(*) filter (where state = 'held'))::int as held,
      (count(*) filter (where state = 'suppressed'))::int as suppressed,
      (select count(*)::int from lived) as pod_months,
      (select count(*)::int from lived where not exists (
        select from heard where heard.pod_id = lived.pod_id and heard.charge_month = lived.charge_month)) as quiet_pod_months
    from judged
  `.execute(db);
  const [counted] = rows;
  if (counted === undefined) throw new Error('counting answers one row');
  return {
    period: { id, start, end },
    crossings: counted.crossings,
    sent: counted.sent,
    messagesPerCrossing: share(counted.sent, counted.crossings),
    actedOn: counted.acted_on,
    precision: share(counted.acted_on, counted.sent),
    clearedByRestatement: counted.cleared,
    escalated: counted.escalated,
    waiting: counted.waiting,
    failed: counted.failed,
    held: counted.held,
    suppressed: counted.suppressed,
    podMonths: counted.pod_months,
    quietPodMonths: counted.quiet_pod_months,
    quietRate: share(counted.quiet_pod_months, counted.pod_months),
  };
}

/** Null where nothing is there to divide by. */
function share(part: number, whole: number): string | null {
  return whole === 0 ? null : ratio(decimal(String(part)), decimal(String(whole)));
}

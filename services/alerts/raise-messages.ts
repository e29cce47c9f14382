/**
 * What is said about a raise: one direct message to each approver when it is asked for, one answer when it is decided, in the thread of the alert
 * that it was asked about. Written in the transaction of the event, once; without a thread only who asked in Slack is answered.
 */
import { randomUUID } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { RaiseRequest } from '../envelopes/raise-rows.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import { COMMANDS_BLOCK } from './message-buttons.ts';
import { formatDay, formatMoney, formatPeriod, formatShare } from './format-figures.ts';
import { section } from './slack-blocks.ts';
import { escapeForeign } from './slack-text.ts';

const REASON_LENGTH_MAX = 500;

/** Tells each approver; where nobody is named, the finance channel. */
export async function recordRaiseRequest(
  trx: Transaction<DB>,
  request: RaiseRequest,
  { approvers, at }: { approvers: readonly string[]; at: Date },
): Promise<void> {
  const about = await readAbout(trx, request);
  const destinations =
    approvers.length > 0
      ? approvers.map((person) => `user:${person}`)
      : [about.finance_channel].filter((one) => one !== null);
  await insertMessages(
    trx,
    request,
    destinations.map((destination) => ({
      kind: 'raise-request',
      destination,
      reply_to_message_id: null,
      text: describeRequest(request, about),
      commands: describeCommands(request),
      once_key: `raise-request/${request.requestId}/${destination}`,
    })),
    at,
  );
}

/** Answers in the thread of the envelope's open alert; call it before the version that may clear that alert. */
export async function recordRaiseAnswer(
  trx: Transaction<DB>,
  request: RaiseRequest,
  answer: { state: 'granted' | 'refused'; by: string; reason: string | null; at: Date },
): Promise<void> {
  const about = await readAbout(trx, request);
  await settleRequest(trx, request, {
    text: `${describeRequest(request, about)} ${describeDecision(answer)}`,
    at: answer.at,
  });
  const isAskedInSlack = request.requestedVia === 'slack';
  if (about.message_id === null && !isAskedInSlack) return;
  const row: MessageRow = {
    kind: 'raise-answer',
    destination: about.message_id === null ? `user:${request.requestedBy}` : null,
    reply_to_message_id: about.message_id,
    text: describeAnswer(request, about, answer),
    once_key: `raise-answer/${request.requestId}`,
  };
  await insertMessages(trx, request, [row], answer.at);
}

/** What the approvers were told says how it ended; who was not told yet need not be. */
async function settleRequest(
  trx: Transaction<DB>,
  { requestId }: RaiseRequest,
  { text, at }: { text: string; at: Date },
): Promise<void> {
  await sql`
    update message set text = ${text}, blocks = ${JSON.stringify(blocksOf(text))}::jsonb,
      state = case when state = 'pending' and attempts = 0 then 'suppressed' else state end,
      revision = revision + case when attempts > 0 then 1 else 0 end,
      next_attempt_at = case when state = 'sent' then ${at.toISOString()}::timestamptz
        when state = 'pending' and attempts = 0 then null else next_attempt_at end,
      edit_error = null
    where kind = 'raise-request' and starts_with(once_key, ${`raise-request/${requestId}/`})
  `.execute(trx);
}

interface About {
  readonly scope_name: string;
  readonly finance_channel: string | null;
  readonly actual: Decimal | null;
  /** The message of its open alert that is told or will be. */
  readonly message_id: string | null;
}

async function readAbout(trx: Transaction<DB>, { envelopeId, scope }: RaiseRequest): Promise<About> {
  const { rows } = await sql<About>`
    select organisation.finance_channel, trim_scale(envelope_state.actual) as actual,
      case ${scope.kind} when 'pod' then coalesce((select name from pod where id = ${scope.id}), ${scope.id})
        when 'portfolio' then 'the portfolio ' || coalesce((select name from portfolio where id = ${scope.id}), ${scope.id})
        when 'organisation' then 'the organisation' else 'what is unattributed' end as scope_name,
      (select message.id from alert join message on message.id = alert.message_id
        where alert.envelope_id = ${envelopeId}::bigint and alert.episode_state = 'open'
          and message.state in ('pending', 'sending', 'unknown', 'sent')
        order by alert.created_at desc, alert.rung::numeric desc limit 1) as message_id
    from organisation
    left join envelope_state on envelope_state.envelope_id = ${envelopeId}::bigint
  `.execute(trx);
  const [row] = rows;
  if (row === undefined) throw new Error('the organisation row is missing');
  return row;
}

function describeRequest(request: RaiseRequest, about: About): string {
  const { presentLimit, limit, currency, until } = request;
  const money = (amount: Decimal) => formatMoney(amount, currency, presentLimit);
  const spent =
    about.actual === null ? '' : ` ${money(about.actual)} are spent (${formatShare(about.actual, presentLimit)}).`;
  return (
    `${escapeForeign(request.requestedBy)} asks to raise the envelope of ${escapeForeign(about.scope_name)} for ${formatPeriod(request.period).name} ` +
    `from ${money(presentLimit)} to ${money(limit)}${until === null ? '' : `, needed until ${formatDay(until)}`}: ` +
    `${sentence(request.reason)}${spent}`
  );
}

function describeCommands({ requestId }: RaiseRequest): string {
  return `Grant or refuse it: outturn envelopes grant ${requestId}, or outturn envelopes refuse ${requestId}.`;
}

function describeDecision({ state, by, at }: { state: 'granted' | 'refused'; by: string; at: Date }): string {
  return `${state === 'granted' ? 'Granted' : 'Refused'} by ${escapeForeign(by)} on ${formatDay(utcDate(at))}.`;
}

function describeAnswer(
  request: RaiseRequest,
  about: About,
  { state, by, reason }: { state: 'granted' | 'refused'; by: string; reason: string | null },
): string {
  const { presentLimit, currency } = request;
  const money = (amount: Decimal) => formatMoney(amount, currency, presentLimit);
  const envelope = `the envelope of ${escapeForeign(about.scope_name)} for ${formatPeriod(request.period).name}`;
  const why = reason === null ? '.' : `: ${sentence(reason)}`;
  return state === 'granted'
    ? `${escapeForeign(by)} granted the raise of ${envelope} to ${money(request.limit)}${why}`
    : `${escapeForeign(by)} refused to raise ${envelope} to ${money(request.limit)}${why} The limit stays ${money(presentLimit)}.`;
}

function sentence(reason: string): string {
  const text = escapeForeign(reason, REASON_LENGTH_MAX);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

function blocksOf(text: string): object[] {
  return [section(text)];
}

interface MessageRow {
  readonly kind: 'raise-request' | 'raise-answer';
  readonly destination: string | null;
  readonly reply_to_message_id: string | null;
  readonly text: string;
  /** How it is decided where there are no buttons; a block of its own, which buttons take the place of. */
  readonly commands?: string;
  readonly once_key: string;
}

async function insertMessages(
  trx: Transaction<DB>,
  { scope }: RaiseRequest,
  rows: readonly MessageRow[],
  at: Date,
): Promise<void> {
  if (rows.length === 0) return;
  const withBlocks = rows.map(({ commands, ...row }) => ({
    ...row,
    id: randomUUID(),
    ...(commands === undefined
      ? { blocks: blocksOf(row.text) }
      : {
          text: `${row.text} ${commands}`,
          blocks: [...blocksOf(row.text), { ...section(commands), block_id: COMMANDS_BLOCK }],
        }),
  }));
  await sql`
    insert into message (id, kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at,
      destination, reply_to_message_id, once_key)
    select id, kind, 'pending', ${scope.kind}, ${scope.id}, id, true, text, blocks, ${at.toISOString()}, ${at.toISOString()},
      destination, reply_to_message_id, once_key
    from jsonb_to_recordset(${JSON.stringify(withBlocks)}::jsonb) as raise (id uuid, kind text, destination text, reply_to_message_id uuid,
      text text, blocks jsonb, once_key text)
    on conflict (once_key) do nothing
  `.execute(trx);
}

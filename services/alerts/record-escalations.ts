/**
 * Tells of what nobody answered, once an episode: owner and finance partner of a limit that was not acknowledged, in the thread of its post;
 * finance of a crossing that waits for its decision.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { joinScopePeople } from '../envelopes/scope-people.ts';
import type { EnvelopeEffect } from '../envelopes/state-machine.ts';
import type { EnvelopeOutcome } from './carry-out-effects.ts';
import { section } from './slack-blocks.ts';
import { escapeForeign } from './slack-text.ts';

type Escalation = Extract<EnvelopeEffect, { kind: 'escalate' | 'escalate-held' }>;

export async function recordEscalations(
  trx: Transaction<DB>,
  outcomes: readonly EnvelopeOutcome[],
  at: Date,
): Promise<void> {
  const escalations = outcomes.flatMap(({ envelopeId, effects }) =>
    effects
      .filter((effect): effect is Escalation => effect.kind === 'escalate' || effect.kind === 'escalate-held')
      .map(({ kind, episode, rung }) => ({ envelope_id: envelopeId, kind, episode, rung })),
  );
  if (escalations.length === 0) return;
  const rows = (await readAbout(trx, escalations, at)).map((about) => {
    const text = about.kind === 'escalate' ? unacknowledged(about) : waiting(about);
    return {
      kind: about.kind === 'escalate' ? 'escalation' : 'held-notice',
      scope_kind: about.scope_kind,
      scope_id: about.scope_id,
      alert_id: about.alert_id,
      text,
      blocks: blocksOf(text),
      reply_to_message_id: about.kind === 'escalate' ? about.message_id : null,
      once_key: `${about.kind}/${about.envelope_id}/${about.episode}`,
    };
  });
  await sql`
    insert into message (kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at,
      reply_to_message_id, once_key)
    select kind, 'pending', scope_kind, scope_id, alert_id, true, text, blocks, ${at.toISOString()}, ${at.toISOString()},
      reply_to_message_id, once_key
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as escalation (kind text, scope_kind text, scope_id text, alert_id uuid,
      text text, blocks jsonb, reply_to_message_id uuid, once_key text)
    on conflict (once_key) do nothing
  `.execute(trx);
}

interface About {
  envelope_id: string;
  kind: Escalation['kind'];
  episode: number;
  scope_kind: string;
  scope_id: string | null;
  alert_id: string;
  message_id: string;
  message_text: string;
  owner: string | null;
  finance_partner: string | null;
}

/**
 * An escalation is about the alert of its rung; where a figure fell back to a rung that was passed over, about the last one that its scope was told of.
 */
async function readAbout(trx: Transaction<DB>, escalations: readonly object[], at: Date): Promise<About[]> {
  const { rows } = await sql<About>`
    select escalation.envelope_id, escalation.kind, escalation.episode, envelope.scope_kind, envelope.scope_id, about.alert_id,
      about.message_id, about.message_text, coalesce(pod_people.owner_email, portfolio_people.owner_email) as owner,
      coalesce(pod_people.finance_partner_email, portfolio_people.finance_partner_email) as finance_partner
    from jsonb_to_recordset(${JSON.stringify(escalations)}::jsonb)
      as escalation (envelope_id bigint, kind text, episode integer, rung text)
    join envelope on envelope.id = escalation.envelope_id
    join lateral (
      select alert.id as alert_id, message.id as message_id, message.text as message_text
      from alert join message on message.id = alert.message_id
      where alert.envelope_id = escalation.envelope_id and (escalation.kind = 'escalate-held') = (message.state = 'held')
        and message.state <> 'suppressed'
      order by (alert.episode = escalation.episode and alert.rung = escalation.rung) desc, alert.created_at desc, alert.rung::numeric desc
      limit 1
    ) as about on true
    ${joinScopePeople({ kind: sql`envelope.scope_kind`, id: sql`envelope.scope_id`, at })}
  `.execute(trx);
  return rows;
}

function unacknowledged({ owner, finance_partner: partner }: About): string {
  const people = [...new Set([owner, partner])]
    .filter((person) => person !== null)
    .map((person) => escapeForeign(person));
  const told = people.length === 0 ? '' : ` ${people.join(' and ')}: please have a look.`;
  return `Nobody has acknowledged this for two business days.${told}`;
}

function waiting({ message_text: text }: About): string {
  return `A crossing over the limit waits for you, because only the rules caused it: ${text} Release it to its channel, or dismiss it: outturn inbox.`;
}

/** What finance was told of a held crossing says how it ended; where it was not told yet it need not be. */
export async function settleHeldNotices(
  trx: Transaction<DB>,
  settled: readonly { envelope_id: string; episode: number; rung: string; is_released: boolean }[],
  at: Date,
): Promise<void> {
  const { rows: notices } = await sql<{ id: string; text: string; is_released: boolean }>`
    select notice.id, crossing.text, settled.is_released
    from jsonb_to_recordset(${JSON.stringify(settled)}::jsonb) as settled (envelope_id bigint, episode integer, rung text, is_released boolean)
    join alert on alert.envelope_id = settled.envelope_id and alert.episode = settled.episode and alert.rung = settled.rung
    join message as crossing on crossing.id = alert.message_id
    join message as notice on notice.kind = 'held-notice' and notice.alert_id = alert.id
  `.execute(trx);
  if (notices.length === 0) return;
  const rows = notices.map(({ id, text: told, is_released: isReleased }) => {
    const text = `${isReleased ? 'Released to its channel' : 'Not told to its channel'}: ${told}`;
    return { id, text, blocks: blocksOf(text) };
  });
  await sql`
    update message set text = settled.text, blocks = settled.blocks, edit_error = null,
      state = case when message.state = 'pending' and attempts = 0 then 'suppressed' else message.state end,
      revision = revision + case when attempts > 0 then 1 else 0 end,
      next_attempt_at = case when message.state = 'sent' then ${at.toISOString()}::timestamptz
        when message.state = 'pending' and attempts = 0 then null else next_attempt_at end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as settled (id uuid, text text, blocks jsonb)
    where message.id = settled.id
  `.execute(trx);
}

function blocksOf(text: string): object[] {
  return [section(text)];
}

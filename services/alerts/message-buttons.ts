/**
 * The buttons under a post, from how it stands at the moment it is sent or rewritten: acknowledge, snooze and ask for a raise while an alert
 * of it is open, grant or refuse while a request waits, release or dismiss while a crossing is held. They are no part of the stored message: an installation without interactivity has
 * none, and a post that is over loses them when it is rewritten.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { formatPeriod } from './format-figures.ts';
import { BUTTON_LENGTH_MAX, cutPlain } from './slack-text.ts';

export const ACKNOWLEDGE = 'outturn_acknowledge';
export const SNOOZE = 'outturn_snooze';
export const REQUEST_RAISE = 'outturn_request_raise';
export const OPEN = 'outturn_open';
export const GRANT_RAISE = 'outturn_grant_raise';
export const REFUSE_RAISE = 'outturn_refuse_raise';
export const RELEASE = 'outturn_release';
export const DISMISS = 'outturn_dismiss';

/** The block of a message that says how to do by hand what its buttons do. */
export const COMMANDS_BLOCK = 'outturn-commands';

export const SNOOZES = [
  { id: '1d', name: '1 day' },
  { id: '3d', name: '3 days' },
  { id: 'week', name: 'Until next week' },
] as const;

/** Envelopes of one message that each get a button of their own. */
const RAISES_MAX = 5;

export interface ButtonFacts {
  readonly messageId: string;
  readonly revision: number;
  /** The open alerts, the shortest period first. */
  readonly alerts: readonly {
    readonly alertId: string;
    readonly envelopeId: string;
    readonly periodId: string;
    readonly isAcknowledged: boolean;
    /** Below its limit, and not snoozed yet. */
    readonly canSnooze: boolean;
  }[];
  /** The raise that the message asks for; null where it asks for none, or it is decided. */
  readonly raiseRequestId: string | null;
  /** The alert that the notice says is held; null where it says none, or finance has decided. */
  readonly heldAlertId: string | null;
}

/** By the id that the message has in its metadata: that of its first alert, or its own. */
export async function readButtonFacts(
  db: Kysely<DB>,
  message: { alertId: string } | { messageId: string },
): Promise<ButtonFacts | null> {
  const { rows } = await sql<FactsRow>`
    select message.id as message_id, message.revision,
      (select raise_request.id from raise_request
        where message.kind = 'raise-request' and raise_request.state = 'pending'
          and raise_request.id::text = split_part(message.once_key, '/', 2)) as raise_request_id,
      (select alert.id from alert join message as held on held.id = alert.message_id
        where message.kind = 'held-notice' and alert.id = message.alert_id and held.state = 'held' and alert.episode_state = 'open'
          and alert.dismissed_at is null) as held_alert_id,
      coalesce((
        select jsonb_agg(jsonb_build_object('alertId', alert.id, 'envelopeId', alert.envelope_id::text, 'periodId', envelope.period_id,
          'isAcknowledged', coalesce(state.acknowledged_rung::numeric >= alert.rung::numeric, false),
          'canSnooze', alert.rung::numeric < 1 and coalesce(state.spoken_rung::numeric < 1, true)
            and not coalesce(state.snoozed_rung::numeric >= alert.rung::numeric, false))
          order by envelope.period_end, envelope.period_start desc, alert.envelope_id)
        from alert join envelope on envelope.id = alert.envelope_id left join envelope_state as state on state.envelope_id = envelope.id
        where alert.message_id = message.id and message.kind = 'crossing' and alert.episode_state = 'open' and alert.dismissed_at is null
      ), '[]') as alerts
    from message
    where message.id = ${
      'messageId' in message
        ? sql`${message.messageId}::uuid`
        : sql`(select alert.message_id from alert where alert.id = ${message.alertId}::uuid)`
    }
  `.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    messageId: row.message_id,
    revision: row.revision,
    alerts: row.alerts,
    raiseRequestId: row.raise_request_id,
    heldAlertId: row.held_alert_id,
  };
}

interface FactsRow {
  message_id: string;
  revision: number;
  alerts: ButtonFacts['alerts'];
  raise_request_id: string | null;
  held_alert_id: string | null;
}

/** One block, or none. */
export function buttonBlocks(facts: ButtonFacts): object[] {
  const elements = [...raiseDecisions(facts), ...heldDecisions(facts), ...alertButtons(facts)];
  if (elements.length === 0) return [];
  // Slack keeps what was chosen in a block of the same name: each revision has another.
  return [{ type: 'actions', block_id: `outturn-${facts.messageId}-${facts.revision}`, elements }];
}

function alertButtons({ alerts }: ButtonFacts): object[] {
  const [first] = alerts;
  if (first === undefined) return [];
  const raises = alerts
    .slice(0, RAISES_MAX)
    .map(({ alertId, periodId }, index) =>
      button(
        index === 0 ? REQUEST_RAISE : `${REQUEST_RAISE}_${index + 1}`,
        alerts.length === 1 ? 'Request a raise' : `Request a raise: ${formatPeriod(periodId).name}`,
        { value: alertId },
      ),
    );
  return [
    ...(alerts.some(({ isAcknowledged }) => !isAcknowledged)
      ? [button(ACKNOWLEDGE, 'Acknowledge', { value: first.alertId, style: 'primary' })]
      : []),
    ...(alerts.every(({ canSnooze }) => canSnooze) ? [snoozeMenu(first.alertId)] : []),
    ...raises,
    button(OPEN, 'Open', { value: first.alertId }),
  ];
}

function raiseDecisions({ raiseRequestId }: ButtonFacts): object[] {
  if (raiseRequestId === null) return [];
  return [
    button(GRANT_RAISE, 'Grant', {
      value: raiseRequestId,
      style: 'primary',
      confirm: {
        title: plain('Grant this raise?'),
        text: plain('The new limit holds at once, and your name stands with it.'),
        confirm: plain('Grant'),
        deny: plain('Not yet'),
      },
    }),
    button(REFUSE_RAISE, 'Refuse', { value: raiseRequestId }),
  ];
}

function heldDecisions({ heldAlertId }: ButtonFacts): object[] {
  if (heldAlertId === null) return [];
  return [
    button(RELEASE, 'Release', { value: heldAlertId, style: 'primary' }),
    button(DISMISS, 'Dismiss', { value: heldAlertId }),
  ];
}

function snoozeMenu(alertId: string): object {
  return {
    type: 'static_select',
    action_id: SNOOZE,
    placeholder: plain('Snooze'),
    options: SNOOZES.map(({ id, name }) => ({ text: plain(name), value: `${alertId}/${id}` })),
  };
}

function button(actionId: string, text: string, more: object): object {
  return { type: 'button', action_id: actionId, text: plain(cutPlain(text, BUTTON_LENGTH_MAX)), ...more };
}

function plain(text: string): object {
  return { type: 'plain_text', text };
}

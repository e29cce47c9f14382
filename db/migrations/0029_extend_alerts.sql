-- Alerts that live on after they were posted: acknowledged, snoozed, held and released, rewritten in place, answered in their thread.

alter table envelope_state
  -- The spoken rung, where its message waits: for finance (rules), or for the end of a snooze.
  add column held_rung text,
  add column held_reason_kind text check (held_reason_kind in ('rules', 'snoozed')),
  add column held_since timestamptz,
  add column held_escalated boolean not null default false,
  -- Since when the scope has been told that its limit is reached.
  add column over_since timestamptz,
  -- Owner and finance partner were told in this episode that nobody acknowledged it.
  add column has_escalated boolean not null default false,
  add column acknowledged_rung text,
  add column acknowledged_by text,
  add column acknowledged_at timestamptz,
  add column snoozed_rung text,
  add column snoozed_by text,
  add column snoozed_until timestamptz;
alter table envelope_state
  add check (num_nulls(held_rung, held_reason_kind, held_since) in (0, 3)),
  add check (num_nulls(acknowledged_rung, acknowledged_by, acknowledged_at) in (0, 3)),
  add check (num_nulls(snoozed_rung, snoozed_by, snoozed_until) in (0, 3));

-- What was held until now waits for finance.
update envelope_state set held_rung = alert.rung, held_reason_kind = 'rules', held_since = alert.created_at
from alert join message on message.id = alert.message_id
where alert.envelope_id = envelope_state.envelope_id and alert.episode = envelope_state.episode
  and alert.rung = envelope_state.spoken_rung and message.state = 'held' and alert.episode_state = 'open';
update envelope_state set over_since = alert.created_at
from alert join message on message.id = alert.message_id
where alert.envelope_id = envelope_state.envelope_id and alert.episode = envelope_state.episode
  and alert.rung = envelope_state.spoken_rung and message.state <> 'held' and alert.episode_state = 'open' and alert.rung::numeric >= 1;

alter table alert
  -- Finance kept it from its scope, or it was overtaken before it was told.
  add column dismissed_at timestamptz;

alter table message drop constraint message_kind_check;
alter table message add constraint message_kind_check
  check (kind in ('crossing', 'delivery-failure', 'escalation', 'held-notice', 'raise-request', 'raise-answer', 'operator-notice'));
alter table message
  -- Where it goes, if not to its scope's channel: a channel, or user:EMAIL for one person.
  add column destination text,
  -- The message whose thread it goes to; it waits until that one stands in its channel.
  add column reply_to_message_id uuid references message (id),
  -- What it should say, and what stands in the channel: a later change of an episode is a revision, never a second message.
  add column revision integer not null default 1 check (revision > 0),
  add column delivered_revision integer not null default 0,
  add column edit_error text,
  -- Makes writing one thing down twice impossible: kind and what it is about.
  add column once_key text unique;
update message set delivered_revision = 1 where state = 'sent';
create index message_revised_idx on message (next_attempt_at) where state = 'sent' and delivered_revision < revision;

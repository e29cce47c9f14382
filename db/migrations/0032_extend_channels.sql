-- Alerts by e-mail, Microsoft Teams and webhooks beside Slack: every column that held a Slack channel holds a destination of any kind.

comment on column pod.slack_channel is 'Where its alerts go: a Slack channel id, mailto:ADDRESS, teams:NAME or webhook:NAME.';
comment on column portfolio.slack_channel is 'Where its alerts go: a Slack channel id, mailto:ADDRESS, teams:NAME or webhook:NAME.';
comment on column message.slack_ts is 'What its channel knows it by: the ts of Slack, the Message-ID of a mail, the webhook-id.';

alter table message drop constraint message_kind_check;
alter table message add constraint message_kind_check
  check (kind in ('crossing', 'delivery-failure', 'escalation', 'held-notice', 'raise-request', 'raise-answer', 'operator-notice', 'ending'));
alter table message
  -- When what it should say last changed; null while it says what it first said.
  add column revised_at timestamptz;

-- Everything that was said about an alert, to be tried again together.
create index message_alert_id_idx on message (alert_id);

-- What is held has the rung that its scope had heard of before it: what falls below the held rung falls back to that one.
alter table envelope_state add column held_told text;
update envelope_state set held_told = (
  select alert.rung from alert join message on message.id = alert.message_id
  where alert.envelope_id = envelope_state.envelope_id and alert.rung::numeric < envelope_state.held_rung::numeric
    and alert.episode_state = 'open' and alert.dismissed_at is null and message.state in ('pending', 'sending', 'unknown', 'failed', 'sent')
  order by alert.rung::numeric desc limit 1)
where held_rung is not null;
alter table envelope_state add check (held_told is null or held_rung is not null);

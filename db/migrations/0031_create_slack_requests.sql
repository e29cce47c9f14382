-- Slack's side of people, and what they asked for there. Slack only says who pressed what: who may do it is decided from the organisation.

-- Which e-mail address a Slack user has, as Slack last said; people are e-mail addresses everywhere else.
create table slack_identity (
  team_id text not null,
  user_id text not null,
  email text not null check (email = lower(email)),
  -- The conversation of the app with this person alone; null until one was needed.
  direct_channel text,
  refreshed_at timestamptz not null,
  primary key (team_id, user_id)
);
create index slack_identity_email_idx on slack_identity (email, refreshed_at);

-- A button, a submitted form, an opened home: written down before Slack is answered, done by a job. Slack may deliver one press
-- several times; the key makes it one.
create table slack_request (
  id bigint generated always as identity primary key,
  team_id text not null,
  user_id text not null,
  action text not null,
  -- Slack's own mark of this one press.
  action_ts text not null,
  -- What is needed to do it and to answer; emptied when it is done, because it may hold an address that Slack gave for the answer.
  payload jsonb not null,
  received_at timestamptz not null,
  attempts integer not null default 0,
  -- Null when it is done: when to try, or until when another process has it.
  next_attempt_at timestamptz,
  done_at timestamptz,
  error text,
  constraint slack_request_key unique (team_id, user_id, action, action_ts),
  check ((done_at is null) = (next_attempt_at is not null))
);
create index slack_request_next_attempt_at_idx on slack_request (next_attempt_at) where done_at is null;
create index slack_request_done_at_idx on slack_request (done_at);

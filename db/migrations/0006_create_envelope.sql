-- Envelopes and what they said: money approved for a scope and a period, its versions, where each stands, the alerts that its
-- crossings made, and the messages that carry them. A message row is the truth about a delivery; queues only remind of it.

-- Pre-approved environments of the catalogue, and the pods activated from them. An activation gives the pod the pattern's envelope.
create table pattern (
  id text primary key,
  name text not null,
  approved_by text[] not null,
  envelope_every text check (envelope_every in ('month', 'quarter', 'year')),
  envelope_limit numeric check (envelope_limit > 0 and envelope_limit < 'Infinity'),
  envelope_currency text check (envelope_currency ~ '^[A-Z]{3}$'),
  removed_at timestamptz,
  check (num_nulls(envelope_every, envelope_limit, envelope_currency) in (0, 3))
);

create table activation (
  pod_id text not null,
  pattern_id text not null references pattern (id),
  activated_on date not null,
  -- granted: in the product; asserted: by the organisation file, which alone can take it back.
  method text not null check (method in ('granted', 'asserted')),
  created_at timestamptz not null,
  -- Envelopes exist up to the period after this date's: from this date on, the next one is due.
  extend_on date,
  removed_at timestamptz,
  primary key (pod_id, pattern_id, activated_on)
);
create index activation_extend_on_idx on activation (extend_on) where removed_at is null;

-- One per scope, period and basis. What can change about it is in its versions.
create table envelope (
  id bigint generated always as identity primary key,
  scope_kind text not null check (scope_kind in ('pod', 'portfolio', 'organisation', 'unattributed')),
  scope_id text,
  period_id text not null,
  period_start date not null,
  period_end date not null,
  -- controlled: direct cost and the shared cost the scope's pods own; loaded: direct cost and their share.
  counts text not null check (counts in ('controlled', 'loaded')),
  created_at timestamptz not null,
  -- Set where the file or an activation took it back; its history stays.
  withdrawn_at timestamptz,
  check ((scope_kind in ('pod', 'portfolio')) = (scope_id is not null)),
  check (period_start < period_end),
  constraint envelope_key unique nulls not distinct (scope_kind, scope_id, period_start, period_end, counts)
);

create table envelope_version (
  envelope_id bigint not null references envelope (id),
  version integer not null check (version > 0),
  envelope_limit numeric not null check (envelope_limit > 0 and envelope_limit < 'Infinity'),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  cost_metric text not null check (cost_metric in ('BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost')),
  -- Decimals as text, ascending, 1 among them.
  rungs text[] not null,
  approved_by text,
  -- The date whose exchange rates this version keeps.
  approved_on date not null,
  approval text,
  -- granted: by an approver in the product; asserted: by the organisation file.
  method text not null check (method in ('granted', 'asserted')),
  origin text not null check (origin in ('explicit', 'pattern')),
  pattern_ids text[] not null default '{}',
  applied_by text not null,
  created_at timestamptz not null,
  primary key (envelope_id, version),
  check (cardinality(rungs) > 0),
  check (1 = any (rungs::numeric[]) and 0 < all (rungs::numeric[]) and 'Infinity' > all (rungs::numeric[])),
  check ((origin = 'pattern') = (cardinality(pattern_ids) > 0))
);

-- One unit of a billing currency in the version's currency, fixed: an exchange rate that moves never alerts a pod.
create table envelope_version_rate (
  envelope_id bigint not null,
  version integer not null,
  from_currency text not null check (from_currency ~ '^[A-Z]{3}$'),
  rate numeric not null check (rate > 0 and rate < 'Infinity'),
  primary key (envelope_id, version, from_currency),
  foreign key (envelope_id, version) references envelope_version (envelope_id, version)
);

-- Where an envelope stands after its last evaluation.
create table envelope_state (
  envelope_id bigint primary key references envelope (id),
  version integer not null,
  episode integer not null default 1 check (episode > 0),
  -- The highest rung that has spoken and was not cleared since, and the data it spoke about.
  spoken_rung text,
  spoken_watermark timestamptz,
  -- The first evaluation below the clear line, its data, and the rung that was still standing then.
  clean_since timestamptz,
  clean_watermark timestamptz,
  clean_floor text,
  closed_at timestamptz,
  -- Null only before the first evaluation that had every rate.
  actual numeric check (actual > '-Infinity' and actual < 'Infinity'),
  -- The rung shown: what was spoken, or what is reached where nothing may be said any more.
  rung text,
  data_as_of timestamptz,
  evaluated_at timestamptz not null,
  -- Why it could not be evaluated, in a sentence; the figures are then those of the last evaluation that could.
  held_reason text
);

-- The outbox. Ids are random: they stand in the metadata of messages in channels that other installations may share.
create table message (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('crossing', 'delivery-failure')),
  state text not null check (state in ('pending', 'sending', 'sent', 'unknown', 'failed', 'held', 'suppressed')),
  -- Whose channel it goes to, looked up when it is sent: a corrected channel takes effect.
  scope_kind text not null check (scope_kind in ('pod', 'portfolio', 'organisation', 'unattributed')),
  scope_id text,
  -- What the message carries in its metadata, to be found again by.
  alert_id uuid not null,
  -- Whether sending twice is better than never (a limit is exceeded) where it cannot be found out.
  is_urgent boolean not null,
  text text not null,
  blocks jsonb not null,
  channel text,
  slack_ts text,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  first_attempt_at timestamptz,
  last_attempt_at timestamptz,
  claimed_until timestamptz,
  error text,
  created_at timestamptz not null,
  sent_at timestamptz,
  -- The message whose failure this one reports to finance.
  about_message_id uuid unique references message (id),
  check ((kind = 'delivery-failure') = (about_message_id is not null)),
  check (state <> 'sent' or (slack_ts is not null and channel is not null)),
  check (state <> 'sending' or (claimed_until is not null and channel is not null))
);
create index message_next_attempt_at_idx on message (next_attempt_at) where state in ('pending', 'sending', 'unknown');
create index message_channel_last_attempt_at_idx on message (channel, last_attempt_at);

-- One crossing. Unique per rung of an episode: this is what makes a second message impossible.
create table alert (
  id uuid primary key default gen_random_uuid(),
  envelope_id bigint not null references envelope (id),
  version integer not null,
  episode integer not null,
  rung text not null,
  reason text not null check (reason in ('spend', 'limit lowered', 'rules', 'past period')),
  episode_state text not null check (episode_state in ('open', 'cleared', 'closed')),
  actual numeric not null check (actual > '-Infinity' and actual < 'Infinity'),
  envelope_limit numeric not null check (envelope_limit > 0 and envelope_limit < 'Infinity'),
  currency text not null,
  data_as_of timestamptz,
  message_id uuid not null references message (id),
  created_at timestamptz not null,
  ended_at timestamptz,
  constraint alert_key unique (envelope_id, episode, rung),
  foreign key (envelope_id, version) references envelope_version (envelope_id, version)
);
create index alert_message_id_idx on alert (message_id);

-- Slow drift, which is never told to a pod: frozen baselines, where each pod stands against its own, and the episodes above the line. And the
-- sources that are late, each episode told to the operators once when it begins and once when it ends.

-- What a pod cost in a median week before (or, of a new pod, from) an approved act. Written once and never moved; under another rulebook the
-- same days are counted again as a row of its own, so that rules make no drift.
create table drift_baseline (
  id bigint generated always as identity primary key,
  pod_id text not null references pod (id),
  act text not null check (act in ('activation', 'envelope', 'accepted')),
  act_on date not null,
  approved_by text,
  counts text not null check (counts in ('controlled', 'loaded')),
  cost_metric text not null check (cost_metric in ('BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  rulebook_id integer not null references rulebook (id),
  -- Half-open; the days that were added up.
  days_from date not null,
  days_until date not null,
  -- A median week of those days: the median of each weekday, added up.
  per_week numeric not null check (per_week > '-Infinity' and per_week < 'Infinity'),
  set_at timestamptz not null,
  check (days_from < days_until),
  constraint drift_baseline_key unique (pod_id, act_on, counts, cost_metric, currency, rulebook_id)
);

-- Rates of the day of the act, kept: an exchange rate that moves makes no drift.
create table drift_rate (
  pod_id text not null references pod (id),
  act_on date not null,
  currency text not null,
  from_currency text not null,
  rate numeric not null check (rate > 0 and rate < 'Infinity'),
  primary key (pod_id, act_on, currency, from_currency)
);

-- A person of finance says that the present cost is what is wanted: an approved act like a raised envelope, without new money.
create table drift_acceptance (
  id bigint generated always as identity primary key,
  pod_id text not null references pod (id),
  accepted_on date not null,
  accepted_by text not null,
  reason text not null,
  created_at timestamptz not null
);
create index drift_acceptance_pod_id_idx on drift_acceptance (pod_id);

-- Where each pod with an approved act stands, as last looked at.
create table drift_standing (
  pod_id text primary key references pod (id),
  act text not null,
  act_on date not null,
  -- Null while it waits, and why: for eight weeks of days, for cost, or for an exchange rate.
  baseline_id bigint references drift_baseline (id),
  waits_for text check (waits_for in ('cost', 'days', 'rate')),
  -- The currencies without a rate; or the day on which the baseline will be there.
  missing_rates text[] not null default '{}',
  ready_on date,
  -- The last complete day, and the median week of the three weeks that end with it.
  through date,
  per_week numeric,
  judged_at timestamptz not null,
  check ((baseline_id is null) = (waits_for is not null) or waits_for = 'rate')
);

create table drift (
  id bigint generated always as identity primary key,
  pod_id text not null references pod (id),
  baseline_id bigint not null references drift_baseline (id),
  -- The first day of the run above the line, and the last complete day when it was found.
  started_on date not null,
  found_on date not null,
  found_at timestamptz not null,
  through date not null,
  per_week numeric not null,
  closed_at timestamptz,
  closed_because text check (closed_because in ('fell', 'approved', 'ended')),
  check ((closed_at is null) = (closed_because is null)),
  check (started_on <= found_on)
);
create unique index drift_open_idx on drift (pod_id) where closed_at is null;

-- The services behind it: the trailing three weeks against the baseline's days, per month.
create table drift_service (
  drift_id bigint not null references drift (id),
  place integer not null,
  service_name text,
  per_month numeric not null,
  primary key (drift_id, place)
);

-- One row per time that a source was late.
create table source_lateness (
  id bigint generated always as identity primary key,
  source_id text not null references source (id),
  late_since timestamptz not null,
  -- How far its data reached then; null where it had delivered nothing.
  usage_until timestamptz,
  back_at timestamptz
);
create unique index source_lateness_open_idx on source_lateness (source_id) where back_at is null;

grant select on drift_baseline, drift_standing, drift, drift_service to outturn_pod;
alter table drift_baseline enable row level security;
create policy pod_reads_its_baselines on drift_baseline for select to outturn_pod using (pod_id = any (readable_pods()));
alter table drift_standing enable row level security;
create policy pod_reads_its_standing on drift_standing for select to outturn_pod using (pod_id = any (readable_pods()));
alter table drift enable row level security;
create policy pod_reads_its_drift on drift for select to outturn_pod using (pod_id = any (readable_pods()));
alter table drift_service enable row level security;
create policy pod_reads_its_services on drift_service for select to outturn_pod
using (exists (select from drift where drift.id = drift_service.drift_id));

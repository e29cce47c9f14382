-- Raises of envelopes, asked for and decided, and what a portfolio's finance partner delegates beforehand.

alter table portfolio
  -- A raise of one of its pods up to this sum, inside the portfolio's headroom, is granted without asking.
  add column delegated_raise_limit numeric check (delegated_raise_limit > 0 and delegated_raise_limit < 'Infinity'),
  add column delegated_raise_currency text check (delegated_raise_currency ~ '^[A-Z]{3}$'),
  add check (num_nulls(delegated_raise_limit, delegated_raise_currency) in (0, 2));

create table raise_request (
  -- Random: it stands in buttons of messages.
  id uuid primary key default gen_random_uuid(),
  envelope_id bigint not null references envelope (id),
  -- The version that stood when it was asked for.
  asked_version integer not null,
  -- The limit asked for, not the difference.
  envelope_limit numeric not null check (envelope_limit > 0 and envelope_limit < 'Infinity'),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- Until when it is needed, as the person who asks says: for whoever decides; the limit does not fall back by itself.
  needed_until date,
  reason text not null,
  requested_by text not null,
  requested_via text not null check (requested_via in ('cli', 'api', 'slack')),
  requested_at timestamptz not null,
  state text not null check (state in ('pending', 'granted', 'refused')),
  -- Granted at once, within what the portfolio delegates: decided_by is then who delegated it.
  is_delegated boolean not null default false,
  decided_by text,
  decided_via text check (decided_via in ('cli', 'api', 'slack')),
  decided_at timestamptz,
  decision_reason text,
  -- The version that has at least the limit asked for.
  granted_version integer,
  foreign key (envelope_id, asked_version) references envelope_version (envelope_id, version),
  foreign key (envelope_id, granted_version) references envelope_version (envelope_id, version),
  check ((state = 'pending') = (decided_by is null) and (state = 'pending') = (decided_at is null)),
  check ((state = 'granted') = (granted_version is not null)),
  check (lower(decided_by) is distinct from lower(requested_by)),
  check (not is_delegated or state = 'granted')
);
-- One decision at a time: who asks again meanwhile is told of the request that waits.
create unique index raise_request_pending_key on raise_request (envelope_id) where state = 'pending';
create index raise_request_envelope_id_idx on raise_request (envelope_id);

grant select on raise_request, activation, pattern to outturn_pod;
alter table raise_request enable row level security;
create policy pod_reads_its_raises on raise_request for select to outturn_pod
using (exists (select from envelope where envelope.id = raise_request.envelope_id));
alter table activation enable row level security;
create policy pod_reads_its_activations on activation for select to outturn_pod using (pod_id = any (readable_pods()));

-- Events of the tools that pods work with: what came in, whose it is, and what nobody could say of. Events are evidence and candidates,
-- never value. Each stays as a normalised row, whatever became of it: figures of delivery are made from these rows.

-- Which pod a repository, project, team, service or source of events belongs to, by the day of the event, as the organisation file says.
create table intake_mapping (
  scope_kind text not null check (scope_kind in ('repository', 'project', 'team', 'service', 'source')),
  -- Folded: tools disagree about case.
  scope_name text not null check (scope_name = lower(scope_name)),
  valid_from date not null,
  valid_until date not null,
  -- Null: nobody's, for the reason given.
  pod_id text references pod (id),
  ignored_reason text,
  primary key (scope_kind, scope_name, valid_from),
  check (valid_from < valid_until),
  check ((pod_id is null) = (ignored_reason is not null))
);

-- Which finished tickets are candidates for outcomes: those with this label or of this type, of everybody where no scope is given.
create table intake_candidate (
  ordinal integer primary key,
  scope_kind text check (scope_kind in ('repository', 'project', 'team')),
  scope_name text check (scope_name = lower(scope_name)),
  label text check (label = lower(label)),
  issue_type text check (issue_type = lower(issue_type)),
  check ((scope_kind is null) = (scope_name is null)),
  check ((label is null) <> (issue_type is null))
);

create table inbound_event (
  id bigint generated always as identity primary key,
  -- github, jira, linear, pagerduty; events, or events/NAME for a sender that signs.
  source text not null,
  delivery_id text not null,
  -- The change that it tells of: two hooks that tell of one change are one event.
  change_key text not null,
  -- Of the body as it came.
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size_bytes integer not null,
  headers jsonb not null,
  -- Forgotten after a while, and not kept at all where it is large.
  body bytea,
  received_at timestamptz not null,
  -- As its source names it: issues.closed, incident.resolved, dev.cdevents.service.deployed.0.2.0
  type text not null,
  kind text not null check (kind in ('ticket', 'deployment', 'run', 'release', 'incident', 'other')),
  object_id text,
  -- A title, for people: foreign text, cut and without control characters.
  subject text not null,
  -- How the object stands by it; null where an event of its type does not say.
  status text check (status in ('open', 'completed', 'not_planned', 'deleted', 'succeeded', 'failed', 'rolled_back')),
  -- By the source's clock.
  occurred_at timestamptz not null,
  -- What a mapping may know it by, the narrowest first: [{"kind": "repository", "name": "acme/shop"}]
  scopes jsonb not null check (jsonb_typeof(scopes) = 'array'),
  -- What is kept of it beside: labels, references with their addresses, and what figures of delivery need.
  attributes jsonb not null check (jsonb_typeof(attributes) = 'object'),
  -- received: not looked at yet. mapped: its pod is known. unmapped: waits for a mapping. outdated: a newer one of its object had come
  -- before it. ignored: nothing that anybody counts. failed: what was to be done could not be.
  state text not null check (state in ('received', 'mapped', 'unmapped', 'outdated', 'ignored', 'failed')),
  reason text,
  pod_id text references pod (id),
  -- What is still to be done because of it: evidence that broke, a candidate.
  act text check (act in ('break', 'candidate')),
  judged_at timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  constraint inbound_event_delivery unique (source, delivery_id),
  constraint inbound_event_change unique (source, change_key),
  check (state <> 'mapped' or pod_id is not null),
  check ((act is null and state <> 'received') = (next_attempt_at is null))
);
create index inbound_event_next_attempt_at_idx on inbound_event (next_attempt_at) where next_attempt_at is not null;
-- How an object stood before, and whether something newer of it came first.
create index inbound_event_object_idx on inbound_event (source, object_id, occurred_at, id);
create index inbound_event_waiting_idx on inbound_event (state, id) where state in ('received', 'unmapped', 'failed');
create index inbound_event_received_at_idx on inbound_event (source, received_at);
create index inbound_event_body_idx on inbound_event (received_at) where body is not null;
-- Which deployment a rollback took back.
create index inbound_event_deployment_idx on inbound_event (source, (attributes ->> 'environment'), occurred_at)
where kind = 'deployment' and status = 'succeeded';

-- Looks at what GitHub could not deliver: it does not try again by itself.
create table intake_sweep (
  source text not null,
  hook text not null,
  -- Null before the first look.
  looked_at timestamptz,
  -- The look before which everything was seen; null before the first that went well.
  seen_through timestamptz,
  deliveries integer not null default 0,
  asked_again integer not null default 0,
  next_at timestamptz not null,
  error text,
  primary key (source, hook)
);

-- Deliveries that failed and have not arrived since. A row goes when its delivery comes.
create table intake_gap (
  source text not null,
  delivery_id text not null,
  hook text not null,
  -- What its sender knows its last attempt by: what is asked for again.
  attempt_id text not null,
  type text not null,
  delivered_at timestamptz not null,
  asked_at timestamptz,
  asked integer not null default 0,
  primary key (source, delivery_id)
);

alter table message drop constraint message_kind_check;
alter table message add constraint message_kind_check
  check (kind in ('crossing', 'delivery-failure', 'escalation', 'held-notice', 'raise-request', 'raise-answer', 'operator-notice', 'ending',
    'evidence-broken'));

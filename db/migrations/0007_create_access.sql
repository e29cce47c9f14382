-- Who may see and do what: API tokens, the answers to repeated POSTs, and row-level security for what holds pods' figures.

create table api_token (
  id text primary key,
  principal text not null,
  role text not null check (role in ('finance', 'cio', 'pod', 'operator', 'reader', 'ingest')),
  pods text[] not null,
  secret_hash text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  check ((role = 'pod') = (cardinality(pods) > 0)),
  check (expires_at > created_at)
);

-- The answer to a POST is kept under its Idempotency-Key, so that a repeated request changes nothing and gets the same answer.
create table idempotent_request (
  principal text not null,
  key text not null,
  request_hash text not null,
  status integer not null,
  body text not null,
  created_at timestamptz not null,
  primary key (principal, key)
);
create index idempotent_request_created_at_idx on idempotent_request (created_at);

-- A role without login: the API switches to it for the length of one transaction when a pod's token reads.
do $$
begin
  if not exists (select from pg_roles where rolname = 'outturn_pod') then
    begin
      create role outturn_pod nologin;
    exception when duplicate_object or unique_violation then
      -- Another database of this server was migrated at the same moment; roles belong to the whole server.
      null;
    end;
  end if;
  execute format('grant outturn_pod to %I', current_user);
end;
$$;

-- The pods of the reading principal; none where nobody set them, so that a mistake shows nothing.
create function readable_pods() returns text[] language sql stable as $$
  select coalesce(array(select jsonb_array_elements_text(nullif(current_setting('outturn.pods', true), '')::jsonb)), '{}')
$$;

-- What every reader needs to understand a figure, and what holds pods' figures.
grant select on organisation, portfolio, pod, source, load, load_file, conversion_rate, pod_cost, rollup_layer,
  rollup_cost, shared_cost, pod_day,
  outcome, outcome_type, outcome_reference, outcome_share, outcome_schedule,
  envelope, envelope_version, envelope_version_rate, envelope_state, alert, message to outturn_pod;

-- The owner of the tables is not bound by these; the pod role is.
alter table pod enable row level security;
create policy pod_reads_itself on pod for select to outturn_pod using (id = any (readable_pods()));

alter table pod_cost enable row level security;
create policy pod_reads_its_cost on pod_cost for select to outturn_pod using (pod_id = any (readable_pods()));

alter table shared_cost enable row level security;
create policy pod_reads_its_share on shared_cost for select to outturn_pod using (pod_id = any (readable_pods()));

alter table pod_day enable row level security;
create policy pod_reads_its_days on pod_day for select to outturn_pod using (pod_id = any (readable_pods()));

alter table outcome_share enable row level security;
create policy pod_reads_its_shares on outcome_share for select to outturn_pod using (pod_id = any (readable_pods()));

alter table outcome enable row level security;
create policy pod_reads_its_outcomes on outcome for select to outturn_pod
using (exists (select from outcome_share where outcome_share.outcome_id = outcome.id));

alter table outcome_schedule enable row level security;
create policy pod_reads_its_schedules on outcome_schedule for select to outturn_pod
using (exists (select from outcome_share where outcome_share.outcome_id = outcome_schedule.outcome_id));

alter table outcome_reference enable row level security;
create policy pod_reads_its_references on outcome_reference for select to outturn_pod
using (exists (select from outcome_share where outcome_share.outcome_id = outcome_reference.outcome_id));

alter table envelope enable row level security;
create policy pod_reads_its_envelopes on envelope for select to outturn_pod
using (scope_kind = 'pod' and scope_id = any (readable_pods()));

alter table envelope_version enable row level security;
create policy pod_reads_its_versions on envelope_version for select to outturn_pod
using (exists (select from envelope where envelope.id = envelope_version.envelope_id));

alter table envelope_state enable row level security;
create policy pod_reads_its_state on envelope_state for select to outturn_pod
using (exists (select from envelope where envelope.id = envelope_state.envelope_id));

alter table alert enable row level security;
create policy pod_reads_its_alerts on alert for select to outturn_pod
using (exists (select from envelope where envelope.id = alert.envelope_id));

alter table envelope_version_rate enable row level security;
create policy pod_reads_its_rates on envelope_version_rate for select to outturn_pod
using (exists (select from envelope where envelope.id = envelope_version_rate.envelope_id));

alter table message enable row level security;
create policy pod_reads_its_messages on message for select to outturn_pod
using (exists (select from alert where alert.message_id = message.id));

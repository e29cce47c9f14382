-- Closed periods. A statement freezes what a fiscal month or quarter came to: a document that never changes by a byte, chained to
-- the one before, and, for months, the rows the reports of closed days are made of from then on.

create table statement (
  id integer generated always as identity primary key,
  kind text not null check (kind in ('month', 'quarter')),
  period_id text not null,
  period_start date not null,
  period_end date not null,
  state text not null check (state in ('prepared', 'approved', 'discarded')),
  -- The statement it takes the place of, and why; both are kept.
  supersedes_id integer references statement (id),
  reissue_reason text,
  -- Why it was closed although a source was missing, late or not final.
  forced_reason text,
  -- The instant whose knowledge it holds, and the counter of figures then.
  known_at timestamptz not null,
  figures_version bigint not null,
  rulebook_id integer not null references rulebook (id),
  currency text not null,
  cost_metric text not null,
  -- The head of its value report, as JSON: what the frozen rows of the report stand under.
  heading text not null,
  -- Canonical JSON, kept as the text that was hashed.
  document text not null,
  document_hash text not null,
  prepared_by text not null,
  prepared_at timestamptz not null,
  approved_by text,
  approved_at timestamptz,
  -- Place in the chain, given at approval: hash = SHA-256 over the hash before, the document's hash and who did what when.
  ordinal integer unique,
  previous_hash text,
  hash text unique,
  check (period_start < period_end),
  check ((supersedes_id is null) = (reissue_reason is null)),
  check ((state = 'approved') = (ordinal is not null)),
  check (num_nulls(approved_by, approved_at, ordinal, previous_hash, hash) in (0, 5)),
  check (approved_by <> prepared_by)
);
create index statement_period_start_idx on statement (period_start, period_end);
-- One draft of a period at a time, one original, and one successor of each statement.
create unique index statement_prepared_idx on statement (period_id) where state = 'prepared';
create unique index statement_original_idx on statement (period_id) where state = 'approved' and supersedes_id is null;
create unique index statement_supersedes_id_idx on statement (supersedes_id) where state = 'approved';

-- What a quarter was put together from.
create table statement_month (
  statement_id integer not null references statement (id),
  month_statement_id integer not null references statement (id),
  primary key (statement_id, month_statement_id)
);

-- The loads whose charges a month is made of. They are kept with their archive for as long as the statement is.
create table statement_load (
  statement_id integer not null references statement (id),
  load_id bigint not null references load (id),
  primary key (statement_id, load_id)
);
create index statement_load_load_id_idx on statement_load (load_id);

-- The rows of its value report, and what a pod was then. pod_id null: the unattributed.
create table statement_pod (
  statement_id integer not null references statement (id),
  pod_id text,
  name text,
  kind text,
  portfolio_id text,
  owner_email text,
  cost_centre text,
  -- The row of the report as JSON; money as decimal text.
  content text not null,
  constraint statement_pod_key unique nulls not distinct (statement_id, pod_id)
);

-- pod_day of the month.
create table statement_pod_day (
  statement_id integer not null references statement (id),
  charge_date date not null,
  pod_id text,
  kind text not null check (kind in ('direct', 'shared', 'owned')),
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  constraint statement_pod_day_key unique nulls not distinct (statement_id, charge_date, pod_id, kind, billing_currency)
);

-- shared_cost of the month.
create table statement_shared_cost (
  statement_id integer not null references statement (id),
  charge_date date not null,
  load_id bigint not null,
  rule_id text not null,
  owner_pod_id text,
  pod_id text,
  provider_name text,
  service_name text,
  charge_category text,
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null
);
create index statement_shared_cost_statement_id_idx on statement_shared_cost (statement_id, charge_date);

-- Recognised value of the month: each outcome by day and receiving pod. pod_id null: its unattributed share. beside: the basis that
-- never enters the return, null for those that do. Outcomes without money stand on the day of their delivery without an amount.
create table statement_value (
  statement_id integer not null references statement (id),
  recognised_on date not null,
  outcome_id bigint not null,
  outcome_version integer not null,
  pod_id text,
  state text not null check (state in ('verified', 'claimed')),
  beside text,
  currency text,
  amount numeric,
  check ((currency is null) = (amount is null)),
  constraint statement_value_key unique nulls not distinct (statement_id, recognised_on, outcome_id, pod_id)
);

-- The conversions its figures were made with.
create table statement_rate (
  statement_id integer not null references statement (id),
  from_currency text not null,
  to_currency text not null,
  on_date date not null,
  rate numeric not null check (rate > 0 and rate < 'Infinity'),
  primary key (statement_id, from_currency, to_currency, on_date)
);

-- Prior-period adjustments that a month booked: what closed months before it came to be known as, less what their statements and
-- earlier adjustments say. By day, so that any currency's rate can be applied. Costs have four amounts, values one.
create table statement_adjustment (
  statement_id integer not null references statement (id),
  -- The statement of the closed month that it corrects.
  adjusted_statement_id integer not null references statement (id),
  adjusted_on date not null,
  pod_id text,
  kind text not null check (kind in ('direct', 'shared', 'value-verified', 'value-claimed')),
  -- Of a value: the outcome, and its basis where that does not enter the return.
  outcome_id bigint,
  beside text,
  currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  amount numeric not null,
  -- The same in the reporting currency of the adjusted statement: rates that moved are in these.
  reported_billed_cost numeric not null,
  reported_effective_cost numeric not null,
  reported_list_cost numeric not null,
  reported_contracted_cost numeric not null,
  reported_amount numeric not null,
  check ((kind in ('direct', 'shared')) = (outcome_id is null))
);
create index statement_adjustment_statement_id_idx on statement_adjustment (statement_id);
create index statement_adjustment_adjusted_on_idx on statement_adjustment (adjusted_on);

-- Why a closed month was adjusted, as JSON: the loads, rulebook, outcomes and rates that are others than when it was closed.
create table statement_adjusted_month (
  statement_id integer not null references statement (id),
  adjusted_statement_id integer not null references statement (id),
  causes text not null,
  primary key (statement_id, adjusted_statement_id)
);

-- The adjustments that no statement has booked yet, as of one value of organisation.figures_version: kept so that a report need not
-- compare every closed month anew. `open_adjustment_version` says as of which; with another one they are worked out again.
create table open_adjustment (like statement_adjustment including defaults including constraints);
alter table open_adjustment drop column statement_id;
create table open_adjustment_version (
  singleton boolean primary key default true check (singleton),
  figures_version bigint not null
);

-- An approved statement and what belongs to it stay as they are.
create function refuse_statement_change() returns trigger language plpgsql as $$
declare
  statement_of integer;
begin
  if tg_table_name = 'statement' then statement_of := old.id;
  else statement_of := old.statement_id;
  end if;
  if exists (select from statement where id = statement_of and state = 'approved') then
    raise exception 'statement % is approved: nothing of it can be changed', statement_of;
  end if;
  if tg_op = 'DELETE' then return old;
  end if;
  return new;
end;
$$;

create trigger statement_is_final before update or delete on statement for each row execute function refuse_statement_change();
create trigger statement_month_is_final before update or delete on statement_month for each row execute function refuse_statement_change();
create trigger statement_load_is_final before update or delete on statement_load for each row execute function refuse_statement_change();
create trigger statement_pod_is_final before update or delete on statement_pod for each row execute function refuse_statement_change();
create trigger statement_pod_day_is_final before update or delete on statement_pod_day for each row execute function refuse_statement_change();
create trigger statement_shared_cost_is_final before update or delete on statement_shared_cost for each row execute function refuse_statement_change();
create trigger statement_value_is_final before update or delete on statement_value for each row execute function refuse_statement_change();
create trigger statement_rate_is_final before update or delete on statement_rate for each row execute function refuse_statement_change();
create trigger statement_adjustment_is_final before update or delete on statement_adjustment for each row execute function refuse_statement_change();
create trigger statement_adjusted_month_is_final before update or delete on statement_adjusted_month for each row execute function refuse_statement_change();

-- A pod reads its own rows of closed periods; documents hold everybody's and stay closed to it. The role comes with 0007.
grant select (id, kind, period_id, period_start, period_end, state, supersedes_id, rulebook_id, currency, cost_metric, heading, known_at,
  approved_at, ordinal) on statement to outturn_pod;
grant select on statement_month, statement_load, statement_pod, statement_pod_day, statement_shared_cost, statement_value,
  statement_rate, statement_adjustment, open_adjustment, open_adjustment_version to outturn_pod;

alter table statement_pod enable row level security;
create policy pod_reads_its_row on statement_pod for select to outturn_pod using (pod_id = any (readable_pods()));

alter table statement_pod_day enable row level security;
create policy pod_reads_its_closed_days on statement_pod_day for select to outturn_pod using (pod_id = any (readable_pods()));

alter table statement_shared_cost enable row level security;
create policy pod_reads_its_closed_share on statement_shared_cost for select to outturn_pod using (pod_id = any (readable_pods()));

alter table statement_value enable row level security;
create policy pod_reads_its_closed_value on statement_value for select to outturn_pod using (pod_id = any (readable_pods()));

alter table statement_adjustment enable row level security;
create policy pod_reads_its_adjustments on statement_adjustment for select to outturn_pod using (pod_id = any (readable_pods()));

alter table open_adjustment enable row level security;
create policy pod_reads_its_open_adjustments on open_adjustment for select to outturn_pod using (pod_id = any (readable_pods()));

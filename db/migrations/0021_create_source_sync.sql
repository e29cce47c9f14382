-- Bills that arrive by themselves: what was fetched from a source, when it was looked at and with what result, and what that cost.

-- Every file of a source that was fetched and read, by the provider's own key: the next run fetches only what is new.
create table source_file (
  source_id text not null references source (id),
  file_key text not null,
  name text not null,
  -- The provider's mark of this content (an ETag, a count of rows); null where only fetching tells.
  version text,
  -- What reading it found out: hash, format, rows, billing periods, its place in the archive.
  inspected jsonb not null,
  fetched_at timestamptz not null,
  primary key (source_id, file_key)
);

-- One look at a source.
create table source_run (
  id bigint generated always as identity primary key,
  source_id text not null references source (id),
  reason text not null check (reason in ('schedule', 'command', 'request')),
  -- The days a backfill asked for; null: what a schedule looks at.
  range_start date,
  range_end date,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- Null while it runs, or where it was killed.
  outcome text check (outcome in ('changed', 'unchanged', 'waiting', 'failed')),
  files_fetched integer not null default 0,
  bytes_fetched bigint not null default 0,
  -- Deliveries that were there but not complete.
  waiting text[] not null default '{}',
  error_code text,
  error_message text,
  check ((outcome is null) = (finished_at is null)),
  check ((outcome = 'failed') = (error_message is not null))
);
create index source_run_source_idx on source_run (source_id, id desc);

-- When the scheduler looks next, and how often it failed since it last went well.
create table source_schedule (
  source_id text primary key references source (id),
  next_run_at timestamptz not null,
  failures integer not null default 0 check (failures >= 0),
  -- Since when the circuit is open: it failed so often that it is tried rarely.
  open_since timestamptz
);

-- Calls that are paid for or counted, by UTC day; written before the call is made.
create table source_spending (
  source_id text not null references source (id),
  on_date date not null,
  requests bigint not null default 0,
  bytes_billed bigint not null default 0,
  -- In US dollars.
  amount numeric not null default 0 check (amount >= 0 and amount < 'Infinity'),
  primary key (source_id, on_date)
);

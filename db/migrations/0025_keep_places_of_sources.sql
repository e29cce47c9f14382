-- What keeps a look at a source right when its settings, the queue or the clock change under it, and what its last look found at fault.

-- Of what place (bucket, prefix, table, folder: all settings but when to look and what it may cost) the file is: a file of the same name
-- in another place is another file. '' is nowhere: what was fetched before is fetched once more.
alter table source_file add column place text not null default '';

-- Null: named by hand. Deliveries of another place have an order of their own, so they come after those of the place before.
alter table load add column place text;

-- The bill format that was delivered: focus, or a provider's own; null: from before it was kept.
alter table load_file add column dialect text;

-- The currency of a file that names none; null where it names its own.
alter table load_file add column assumed_currency text;

-- Lines and columns of a bill that was refused while it was read.
alter table source_run add column faults jsonb not null default '[]';

-- The settings that it was computed from: a source whose settings are others by now is due at once.
alter table source_schedule add column settings jsonb;

-- Looks that somebody asked for and no worker has ended yet: a queue may lose its jobs, these rows stay.
create table source_request (
  job_id text primary key,
  source_id text not null references source (id),
  reason text not null check (reason in ('command', 'request')),
  range_start date,
  range_end date,
  may_drop_accounts boolean not null,
  requested_at timestamptz not null,
  -- After a failure that passes by itself.
  not_before timestamptz not null default '-infinity',
  check ((range_start is null) = (range_end is null))
);
create index source_request_order_idx on source_request (requested_at);

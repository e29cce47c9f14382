-- Usage metrics: how much of something each pod used, by day or calendar month. Splits of method usage take their weights from them.

create table usage_metric (
  id text primary key check (id ~ '^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$'),
  -- One unit per metric, so that its quantities can be compared and added up.
  unit text not null check (unit <> ''),
  created_at timestamptz not null,
  created_by text not null
);

-- What was known of a pod's use when: a changed quantity ends its former row and adds one, so that a report as known at an instant
-- finds the quantity of then. A quantity that was taken back has rows that ended and no current one.
create table usage_quantity (
  -- Rises in the order of recording, which lists page by.
  id bigint generated always as identity,
  metric_id text not null references usage_metric (id),
  pod_id text not null references pod (id),
  -- Charge dates, half-open: one day, or a calendar month.
  valid_from date not null,
  valid_until date not null,
  quantity numeric not null check (quantity >= 0 and quantity < 'Infinity'),
  known_from timestamptz not null,
  known_until timestamptz,
  -- The file it came in, or `api`.
  source_name text not null,
  recorded_by text not null,
  check (valid_until = valid_from + 1 or (extract(day from valid_from) = 1 and valid_until = (valid_from + interval '1 month')::date)),
  check (known_from <= known_until)
);
create unique index usage_quantity_current_idx on usage_quantity (metric_id, valid_from, valid_until, pod_id) where known_until is null;
create index usage_quantity_metric_id_id_idx on usage_quantity (metric_id, id);
create index usage_quantity_metric_id_valid_from_idx on usage_quantity (metric_id, valid_from);

-- A pod reads what it used itself; what others used is theirs.
grant select on usage_metric, usage_quantity to outturn_pod;
alter table usage_quantity enable row level security;
create policy pod_reads_its_quantities on usage_quantity for select to outturn_pod using (pod_id = any (readable_pods()));

-- Bills: loads and their files, the origins charges came from, and the charges. origin, charge and attribution carry the origin
-- id in every key and have no serial, trigger, row-level security or foreign key to other tables, so that they can be distributed.

create table load (
  id bigint generated always as identity primary key,
  source_id text not null references source (id),
  billing_period_start date not null,
  billing_period_end date not null,
  state text not null check (state in ('staging', 'staged', 'published', 'superseded', 'failed')),
  -- SHA-256 over the file hashes of this billing period: the same delivery again has the same digest.
  manifest_digest text not null,
  -- The order of deliveries: the provider's manifest time, for local files the moment of the command.
  delivered_at timestamptz not null,
  -- Whether the operator allowed that accounts of the published load disappear.
  may_drop_accounts boolean not null default false,
  -- Part of the load's job ids: the queue ignores an id it has already finished, so work tried anew needs a new one.
  attempt integer not null default 1,
  row_count bigint,
  charge_count bigint,
  -- The latest ChargePeriodStart of a usage line, and up to when usage is there (the latest ChargePeriodEnd of one).
  data_as_of timestamptz,
  usage_until timestamptz,
  created_at timestamptz not null default now(),
  staged_at timestamptz,
  published_at timestamptz,
  superseded_at timestamptz,
  -- When retention dropped the charges of a superseded load; its totals and rollups stay.
  charges_dropped_at timestamptz,
  failed_at timestamptz,
  failure jsonb,
  check (billing_period_start < billing_period_end)
);

-- At most one load of a source's billing period is current.
create unique index load_current_idx on load (source_id, billing_period_start, billing_period_end) where state = 'published';
create index load_state_idx on load (state, source_id);

create table load_file (
  load_id bigint not null references load (id),
  ordinal integer not null,
  name text not null,
  sha256 text not null,
  format text not null check (format in ('csv', 'csv.gz', 'parquet')),
  focus_version text,
  archive_path text not null,
  -- Lines of this billing period in the file (the archive holds the whole file).
  row_count bigint,
  -- Of the file's usage lines of this billing period: the latest ChargePeriodStart and ChargePeriodEnd.
  data_as_of timestamptz,
  usage_until timestamptz,
  staged_at timestamptz,
  primary key (load_id, ordinal)
);

-- The file's own sums, taken from its raw cells before anything is grouped.
create table load_file_total (
  load_id bigint not null,
  ordinal integer not null,
  billing_currency text not null,
  row_count bigint not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  primary key (load_id, ordinal, billing_currency),
  foreign key (load_id, ordinal) references load_file (load_id, ordinal)
);

-- What arrived, read back from charge after COPY.
create table load_total (
  load_id bigint not null references load (id),
  billing_currency text not null,
  row_count bigint not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  primary key (load_id, billing_currency)
);

-- The (provider, billing account) pairs of a load: a delivery that would lose one is refused.
create table load_account (
  load_id bigint not null references load (id),
  provider_name text not null,
  billing_account_id text not null,
  primary key (load_id, provider_name, billing_account_id)
);

create table rejection (
  load_id bigint not null references load (id),
  ordinal integer not null,
  record bigint,
  line bigint,
  column_name text,
  reason text not null,
  fix text
);
create index rejection_load_id_idx on rejection (load_id);

-- What a charge came from. id = the lower 63 bits of the digest of every attribute that a rule can test.
create table origin (
  id bigint primary key,
  digest uuid not null,
  provider_name text,
  publisher_name text,
  invoice_issuer_name text,
  billing_account_id text,
  sub_account_id text,
  sub_account_name text,
  service_name text,
  service_category text,
  region_id text,
  resource_id text,
  resource_name text,
  resource_type text,
  charge_category text,
  charge_class text,
  commitment_discount_id text,
  commitment_discount_status text,
  -- In the bill's own spelling; and by trimmed, case-folded key with the value of the first non-empty spelling.
  tags jsonb not null,
  folded_tags jsonb not null
);
create index origin_resource_id_idx on origin (resource_id);

-- Tags as rules see them: by trimmed, case-folded key the value of the first (by original key) spelling that has one. The collations
-- are PostgreSQL's own, so that the same tags fold alike on every machine.
create function fold_tags(tags jsonb) returns jsonb language sql immutable parallel safe strict as $$
  select coalesce(jsonb_object_agg(folded.key, folded.value), '{}')
  from (
    select distinct on (1) lower(btrim(tag.key) collate pg_c_utf8) as key, tag.value
    from jsonb_each_text(tags) as tag
    where btrim(tag.value) <> ''
    order by 1, tag.key collate "C"
  ) as folded
$$;

-- Money of one origin on one UTC charge date under one SKU and price category. One partition per load; the grain need not be unique.
create table charge (
  load_id bigint not null,
  origin_id bigint not null,
  charge_date date not null,
  sku_id text,
  pricing_category text,
  invoice_id text,
  billing_currency text not null,
  pricing_currency text,
  consumed_unit text,
  consumed_quantity numeric,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  line_count bigint not null,
  constraint charge_costs_are_finite check (
    billed_cost > '-Infinity' and billed_cost < 'Infinity'
    and effective_cost > '-Infinity' and effective_cost < 'Infinity'
    and list_cost > '-Infinity' and list_cost < 'Infinity'
    and contracted_cost > '-Infinity' and contracted_cost < 'Infinity'
  )
) partition by list (load_id);

-- Makes the table a load's charges are copied into; it becomes a partition of charge when the load is published.
create function create_charge_table(p_load_id bigint) returns void language plpgsql as $$
begin
  execute format(
    'create table if not exists charge_%1$s (like charge including defaults including constraints, constraint charge_%1$s_load_id check (load_id = %1$s))',
    p_load_id);
  execute format('alter table charge_%1$s alter column load_id set default %1$s', p_load_id);
end;
$$;

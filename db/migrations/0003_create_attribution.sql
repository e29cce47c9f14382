-- Which pod an origin's charges belong to, under each rulebook, and the rollups the reports read.

-- What a rulebook is made of once it was prepared: distance 0 is the rulebook itself, then its base (the rulebook that was in force when
-- it was prepared), the base's base and so on. A rulebook with one row stands for itself.
create table rulebook_layer (
  rulebook_id integer not null references rulebook (id),
  distance integer not null check (distance >= 0),
  layer_id integer not null references rulebook (id),
  laid_at timestamptz not null default now(),
  primary key (rulebook_id, distance),
  unique (rulebook_id, layer_id),
  check ((distance = 0) = (layer_id = rulebook_id))
);

-- One row per origin, rulebook and stretch of charge dates in which the same rule wins. No row of kind split names a pod. A rulebook with
-- a base has rows only for the origins that its own rules may have moved, and for those that no layer below has.
create table attribution (
  rulebook_id integer not null,
  origin_id bigint not null,
  valid_from date not null,
  valid_until date not null,
  rule_id text,
  kind text not null check (kind in ('pod', 'split', 'unattributed')),
  pod_id text,
  primary key (rulebook_id, origin_id, valid_from),
  check (valid_from < valid_until),
  check ((kind = 'pod') = (pod_id is not null))
);

-- The rollup of one load under one rulebook: all its cells, or those that differ from the rollup under the rulebook's base.
-- kind to_split: shared cost before it is split over pods.
create table pod_cost (
  cell_id bigint generated always as identity primary key,
  load_id bigint not null,
  rulebook_id integer not null,
  charge_date date not null,
  kind text not null check (kind in ('direct', 'to_split', 'unattributed')),
  pod_id text,
  rule_id text,
  provider_name text,
  service_name text,
  charge_category text,
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  line_count bigint not null,
  -- The rulebooks laid upon this one that have other cells in place of this one, or none; null where there are none such. All else is
  -- written once.
  replaced_in integer[],
  check ((kind = 'direct') = (pod_id is not null))
);
create index pod_cost_load_id_rulebook_id_charge_date_idx on pod_cost (load_id, rulebook_id, charge_date);

-- Which rollups are complete: (load, rulebook) pairs whose pod_cost was written and conserved every metric.
create table load_rollup (
  load_id bigint not null references load (id),
  rulebook_id integer not null references rulebook (id),
  rolled_up_at timestamptz not null default now(),
  primary key (load_id, rulebook_id)
);

-- The rollups a rollup takes its other cells from, all of them, however far below, and for each the layers between, the rollup's own
-- included: a cell that one of these replaced does not count.
create table rollup_layer (
  load_id bigint not null references load (id),
  rulebook_id integer not null,
  layer_id integer not null,
  nearer_ids integer[] not null,
  primary key (load_id, rulebook_id, layer_id)
);

-- What readers read: the attribution of an origin, and the rollup of a load, under any rulebook that was made for them. How they are
-- stored is the writers' business. Of an origin the rows of the nearest layer that has it count.
create view attributed_origin with (security_invoker = true) as
select rulebook_id, origin_id, valid_from, valid_until, rule_id, kind, pod_id from attribution
union all
select layer.rulebook_id, below.origin_id, below.valid_from, below.valid_until, below.rule_id, below.kind, below.pod_id
from rulebook_layer as layer join attribution as below on below.rulebook_id = layer.layer_id
where layer.distance > 0 and not exists (
  select from rulebook_layer as nearer
  join attribution as above on above.rulebook_id = nearer.layer_id and above.origin_id = below.origin_id
  where nearer.rulebook_id = layer.rulebook_id and nearer.distance < layer.distance
);

create view rollup_cost with (security_invoker = true) as
select load_id, rulebook_id, charge_date, kind, pod_id, rule_id, provider_name, service_name, charge_category, billing_currency,
  billed_cost, effective_cost, list_cost, contracted_cost, line_count
from pod_cost
union all
select layer.load_id, layer.rulebook_id, charge_date, kind, pod_id, rule_id, provider_name, service_name, charge_category,
  billing_currency, billed_cost, effective_cost, list_cost, contracted_cost, line_count
from rollup_layer as layer
join pod_cost as below on below.load_id = layer.load_id and below.rulebook_id = layer.layer_id
where below.replaced_in is null or not below.replaced_in && layer.nearer_ids;

-- Which rulebook was in force since when: what a report replayed as known at an instant goes by.
create table rulebook_activation (
  id bigint generated always as identity primary key,
  rulebook_id integer not null references rulebook (id),
  activated_at timestamptz not null,
  activated_by text not null
);
create index rulebook_activation_activated_at_idx on rulebook_activation (activated_at);

-- Shared cost of the current loads under the rulebook in force, split over pods; replaced by charge month.
-- pod_id null: nobody could carry it, it is unattributed. owner_pod_id: the pod that answers for the whole of it.
create table shared_cost (
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
create index shared_cost_charge_date_idx on shared_cost (charge_date);

-- The small projection that the value report and the envelopes read; replaced by charge month.
-- kind direct (pod null: unattributed), shared (its share of split cost), owned (split cost it answers for; counted by no total).
create table pod_day (
  charge_date date not null,
  pod_id text,
  kind text not null check (kind in ('direct', 'shared', 'owned')),
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  constraint pod_day_key unique nulls not distinct (charge_date, pod_id, kind, billing_currency)
);

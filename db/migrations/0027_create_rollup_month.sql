-- Months of the rollups and of split cost, with their rules and loads: what an explanation of whole months reads. A fiftieth of the days' rows.

-- Of each complete rollup, whatever layers it is read through: written with it, once, and never changed.
create table rollup_month (
  load_id bigint not null,
  rulebook_id integer not null,
  charge_month date not null check (extract(day from charge_month) = 1),
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
  line_count bigint not null
);
create index rollup_month_load_id_rulebook_id_idx on rollup_month (load_id, rulebook_id);

insert into rollup_month
select load_id, rulebook_id, date_trunc('month', charge_date::timestamp)::date, kind, pod_id, rule_id, provider_name, service_name,
  charge_category, billing_currency, trim_scale(sum(billed_cost)), trim_scale(sum(effective_cost)), trim_scale(sum(list_cost)),
  trim_scale(sum(contracted_cost)), sum(line_count)
from rollup_cost group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;

-- Of shared_cost: replaced with it, by charge month.
create table shared_month (
  charge_month date not null check (extract(day from charge_month) = 1),
  load_id bigint not null,
  rule_id text not null,
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
create index shared_month_charge_month_idx on shared_month (charge_month);

insert into shared_month
select date_trunc('month', charge_date::timestamp)::date, load_id, rule_id, pod_id, provider_name, service_name, charge_category,
  billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
from shared_cost group by 1, 2, 3, 4, 5, 6, 7, 8;

-- Of statement_shared_cost, whose rows the statement's document vouches for.
create table statement_shared_month (
  statement_id integer not null references statement (id),
  charge_month date not null check (extract(day from charge_month) = 1),
  load_id bigint not null,
  rule_id text not null,
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
create index statement_shared_month_statement_id_idx on statement_shared_month (statement_id);

insert into statement_shared_month
select statement_id, date_trunc('month', charge_date::timestamp)::date, load_id, rule_id, pod_id, provider_name, service_name,
  charge_category, billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
from statement_shared_cost group by 1, 2, 3, 4, 5, 6, 7, 8, 9;

create trigger statement_shared_month_is_final before update or delete on statement_shared_month for each row execute function refuse_statement_change();

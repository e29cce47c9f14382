-- The cells of cost by month: what the cost explorer reads of whole months where nobody asks for days, rules, loads or what only charges
-- have. A thirtieth of the cells and less. Written with pod_month, in the same transaction; kind shared without a pod: nobody could carry it.
create table cost_month (
  charge_month date not null check (extract(day from charge_month) = 1),
  pod_id text,
  kind text not null check (kind in ('direct', 'shared')),
  provider_name text,
  service_name text,
  charge_category text,
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null
);
create index cost_month_charge_month_idx on cost_month (charge_month);

insert into cost_month
select date_trunc('month', charge_date::timestamp)::date, pod_id, kind, provider_name, service_name, charge_category, billing_currency,
  sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
from (
  select charge_date, pod_id, 'direct' as kind, provider_name, service_name, charge_category, billing_currency,
    billed_cost, effective_cost, list_cost, contracted_cost
  from organisation join rollup_cost using (rulebook_id)
  where load_id in (select id from load where state = 'published') and rollup_cost.kind <> 'to_split'
  union all
  select charge_date, pod_id, 'shared', provider_name, service_name, charge_category, billing_currency,
    billed_cost, effective_cost, list_cost, contracted_cost
  from shared_cost
) as cell group by 1, 2, 3, 4, 5, 6, 7;

grant select on cost_month to outturn_pod;
alter table cost_month enable row level security;
create policy pod_reads_its_cost_months on cost_month for select to outturn_pod using (pod_id = any (readable_pods()));

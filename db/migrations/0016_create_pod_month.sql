-- pod_day by month: what reports read of whole months in their own currency, a thirtieth of its rows. Written where pod_day is, in the
-- same transaction; in another currency than the billing one each day has its own rate, so that days are read.
create table pod_month (
  charge_month date not null check (extract(day from charge_month) = 1),
  pod_id text,
  kind text not null check (kind in ('direct', 'shared', 'owned')),
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  constraint pod_month_key unique nulls not distinct (charge_month, pod_id, kind, billing_currency)
);

insert into pod_month
select date_trunc('month', charge_date::timestamp)::date, pod_id, kind, billing_currency,
  sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
from pod_day group by 1, 2, 3, 4;

grant select on pod_month to outturn_pod;
alter table pod_month enable row level security;
create policy pod_reads_its_months on pod_month for select to outturn_pod using (pod_id = any (readable_pods()));

-- Cost of a month before the days at which reports cut it (value_cut), as value_month holds value: what the report of a current period
-- reads of its last month, instead of each of its days. Written where pod_month is, in the same transaction, and when a cut is kept. Rows
-- of a cut that gave way meanwhile may be left: nobody reads them, and the next writer of their month takes them away.
create table pod_cut (
  cut_on date not null check (extract(day from cut_on) > 1),
  pod_id text,
  kind text not null check (kind in ('direct', 'shared')),
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  constraint pod_cut_key unique nulls not distinct (cut_on, pod_id, kind, billing_currency)
);

insert into pod_cut
select cut_on, pod_id, kind, billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
from value_cut join pod_day on charge_date >= date_trunc('month', cut_on::timestamp)::date and charge_date < cut_on
where kind <> 'owned' group by 1, 2, 3, 4;

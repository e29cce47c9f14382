-- Closed months name their pods as their statements froze them: a pod that was renamed, changed its kind or changed hands since would
-- otherwise show so in the views of a month that is closed, and a kind decides about its return. Statement 0 stands for what is known now.
create view reported_pod as
select 0 as statement_id, id, name, kind from pod
union all
select closed.statement_id, pod.id, coalesce(stated.name, pod.name), coalesce(stated.kind, pod.kind)
from closed_month as closed cross join pod
left join statement_pod as stated on stated.statement_id = closed.statement_id and stated.pod_id = pod.id;

create view reported_dated_pod as
select 0 as statement_id, pod_id, valid_from, valid_until, portfolio_id, owner_email, cost_centre from whole_dated_pod
union all
select closed.statement_id, held.pod_id, held.valid_from, held.valid_until, held.portfolio_id, held.owner_email, held.cost_centre
from closed_month as closed join statement_pod_period as held on held.statement_id = closed.statement_id;

create or replace view report.pod_cost_daily as
select day.charge_date, date_trunc('month', day.charge_date::timestamp)::date as charge_month,
  day.pod_id, pod.name as pod_name, pod.kind as pod_kind, dated.portfolio_id, dated.owner_email, dated.cost_centre, day.kind,
  day.billing_currency,
  coalesce(sum(day.billed_cost) filter (where day.is_reported = 1), 0) as billed_cost,
  coalesce(sum(day.effective_cost) filter (where day.is_reported = 1), 0) as effective_cost,
  coalesce(sum(day.list_cost) filter (where day.is_reported = 1), 0) as list_cost,
  coalesce(sum(day.contracted_cost) filter (where day.is_reported = 1), 0) as contracted_cost,
  setting.reporting_currency, setting.cost_metric as reporting_metric,
  case when not bool_or(day.is_reported = 1 and rate.rate is null)
    then coalesce(sum(metric.cost * rate.rate) filter (where day.is_reported = 1), 0) end as reporting_cost,
  case when not bool_or(day.is_now = 1 and rate.rate is null)
    then coalesce(sum(metric.cost * rate.rate) filter (where day.is_now = 1), 0) end as reporting_cost_now,
  bool_or(rate.rate is null) as is_conversion_missing,
  case when day.statement_id is null then 'open' else 'closed' end as state, day.statement_id
from reported_pod_day as day
cross join organisation as setting
left join conversion_rate as conversion on conversion.from_currency = day.billing_currency
  and conversion.to_currency = setting.reporting_currency and conversion.on_date = day.charge_date
cross join lateral (select case when day.billing_currency = setting.reporting_currency then 1
  else coalesce(day.frozen_rate, conversion.rate,
    known_rate(day.billing_currency, setting.reporting_currency, day.charge_date)) end as rate) as rate
cross join lateral (select case setting.cost_metric when 'BilledCost' then day.billed_cost when 'ListCost' then day.list_cost
  when 'ContractedCost' then day.contracted_cost else day.effective_cost end as cost) as metric
left join reported_pod as pod on pod.id = day.pod_id and pod.statement_id = coalesce(day.statement_id, 0)
left join reported_dated_pod as dated on dated.pod_id = day.pod_id and dated.statement_id = coalesce(day.statement_id, 0)
  and day.charge_date >= dated.valid_from and day.charge_date < dated.valid_until
group by day.charge_date, day.pod_id, pod.name, pod.kind, dated.portfolio_id, dated.owner_email, dated.cost_centre, day.kind,
  day.billing_currency, setting.reporting_currency, setting.cost_metric, day.statement_id;

create or replace view report.value_per_pod as
with figure as (
  select charge_month as month, pod_id, kind, state as period_state, reporting_cost, reporting_cost_now, is_conversion_missing,
    null::text as value_state, null::text as beside, null::numeric as amount, null::bigint as outcome_id,
    false as is_reported, false as is_now
  from report.pod_cost_daily
  union all
  select value_month, pod_id, null, null, 0, 0, is_missing, state, beside, amount, outcome_id, is_reported, is_now
  from reported_value_month
  union all
  -- Whoever was corrected has a row in the month that booked it, also without a figure of its own.
  select closed.period_start, adjustment.pod_id, null, 'closed', 0, 0, false, null, null, null, null, false, false
  from closed_month as closed join statement_adjustment as adjustment on adjustment.statement_id = closed.statement_id
), summed as (
  select month, pod_id,
    bool_or(is_conversion_missing) as is_conversion_missing,
    case when not bool_or(reporting_cost is null) then coalesce(sum(reporting_cost) filter (where kind = 'direct'), 0) end as cost_direct,
    case when not bool_or(reporting_cost is null) then coalesce(sum(reporting_cost) filter (where kind = 'shared'), 0) end as cost_shared,
    case when not bool_or(reporting_cost is null) then sum(reporting_cost) end as cost_total,
    case when not bool_or(reporting_cost_now is null) then sum(reporting_cost_now) end as cost_total_now,
    coalesce(sum(amount) filter (where is_reported and value_state = 'verified' and beside is null), 0) as verified,
    coalesce(sum(amount) filter (where is_reported and value_state = 'claimed' and beside is null), 0) as claimed,
    coalesce(sum(amount) filter (where is_reported and value_state = 'verified' and beside is not null), 0) as verified_beside,
    coalesce(sum(amount) filter (where is_reported and value_state = 'claimed' and beside is not null), 0) as claimed_beside,
    coalesce(sum(amount) filter (where is_now and value_state = 'verified' and beside is null), 0) as verified_now,
    coalesce(sum(amount) filter (where is_now and value_state = 'claimed' and beside is null), 0) as claimed_now,
    bool_or(is_conversion_missing and value_state is not null) as is_value_missing,
    (count(distinct outcome_id) filter (where is_reported and value_state = 'verified'))::integer as verified_outcomes,
    (count(distinct outcome_id) filter (where is_reported and value_state = 'claimed'))::integer as claimed_outcomes
  from figure
  -- Value that is scheduled for months to come is not reported yet.
  where month <= (select last_known_day.day from last_known_day)
  group by month, pod_id
)
select summed.month, to_char(summed.month, 'YYYY-MM') as period,
  (summed.month + interval '1 month')::date <= (now() at time zone 'UTC')::date as is_over,
  case when closed.statement_id is null then 'open' else 'closed' end as state, closed.statement_id,
  summed.pod_id, pod.name as pod_name, coalesce(pod.kind, case when summed.pod_id is not null then 'delivery' end) as pod_kind,
  dated.portfolio_id, dated.owner_email, dated.cost_centre,
  setting.reporting_currency as currency, setting.cost_metric, setting.revenue_basis,
  summed.cost_direct, summed.cost_shared, summed.cost_total, summed.cost_total_now,
  case when not summed.is_value_missing then summed.verified end as verified,
  case when not summed.is_value_missing then summed.claimed end as claimed,
  case when not summed.is_value_missing then summed.verified_beside end as verified_beside,
  case when not summed.is_value_missing then summed.claimed_beside end as claimed_beside,
  case when not summed.is_value_missing then summed.verified_now end as verified_now,
  case when not summed.is_value_missing then summed.claimed_now end as claimed_now,
  summed.verified_outcomes, summed.claimed_outcomes,
  -- A missing figure has no return, and neither has what enables others or belongs to nobody.
  case when summed.pod_id is not null and coalesce(pod.kind, 'delivery') <> 'platform' and not summed.is_value_missing
      and summed.cost_total > 0 and summed.verified <> 0
    then divide_half_even(summed.verified, summed.cost_total, 4) end as return,
  case when summed.pod_id is null then null when pod.kind = 'platform' then 'enabling'
    when summed.is_value_missing or summed.cost_total is null then 'exchange rate missing'
    when summed.cost_total <= 0 then 'no cost' when summed.verified = 0 then 'no verified value' end as return_note,
  booked.cost_adjustment, booked.value_adjustment, summed.is_conversion_missing
from summed cross join organisation as setting
left join closed_month as closed on closed.period_start = summed.month
left join reported_pod as pod on pod.id = summed.pod_id and pod.statement_id = coalesce(closed.statement_id, 0)
-- Of attributes that changed within the month: those of its last day.
left join reported_dated_pod as dated on dated.pod_id = summed.pod_id and dated.statement_id = coalesce(closed.statement_id, 0)
  and (summed.month + interval '1 month')::date - 1 >= dated.valid_from
  and (summed.month + interval '1 month')::date - 1 < dated.valid_until
left join lateral (
  select coalesce(sum(case setting.cost_metric when 'BilledCost' then reported_billed_cost when 'ListCost' then reported_list_cost
      when 'ContractedCost' then reported_contracted_cost else reported_effective_cost end), 0) as cost_adjustment,
    coalesce(sum(reported_amount) filter (where adjustment.kind = 'value-verified' and beside is null), 0) as value_adjustment
  from statement_adjustment as adjustment join statement as adjusted on adjusted.id = adjustment.adjusted_statement_id
  where adjustment.statement_id = closed.statement_id and adjustment.pod_id is not distinct from summed.pod_id
    and adjusted.currency = setting.reporting_currency
) as booked on closed.statement_id is not null;

-- What BI tools read: schema report, stable views over the same rows that the reports are made of, and the role outturn_reader, which
-- sees these views and nothing else. The views run with their owner's rights; what they call must not be strict about the caller's.

create schema report;

-- A role without login: grant it to the users of BI tools.
do $$
begin
  if not exists (select from pg_roles where rolname = 'outturn_reader') then
    begin
      create role outturn_reader nologin;
    exception when duplicate_object or unique_violation then
      -- Another database of this server was migrated at the same moment; roles belong to the whole server.
      null;
    end;
  end if;
end;
$$;

-- Nobody looks into the tables by being able to connect: neither names nor functions of ours are open to everybody.
revoke all on schema public from public;
grant usage on schema public to outturn_pod;

-- rollup_cost and dated_pod ask with the rights of whoever asks; below the views of this file they have to ask with the owner's. The
-- same text, so that the two cannot differ.
do $$
begin
  execute 'create view whole_rollup_cost as ' || pg_get_viewdef('rollup_cost'::regclass);
  execute 'create view whole_dated_pod as ' || pg_get_viewdef('dated_pod'::regclass);
end;
$$;

-- The months that are closed, each by the approved statement that no approved one supersedes.
create view closed_month as
select id as statement_id, period_id, period_start, period_end
from statement
where kind = 'month' and state = 'approved'
  and not exists (select from statement as later where later.supersedes_id = statement.id and later.state = 'approved');

-- The last day that is not to come: today, or a later one that bills already charge.
create view last_known_day as
select greatest((now() at time zone 'UTC')::date, (select max(charge_date) from pod_day)) as day;

-- Days of cost, twice: as reported (closed days as their statements froze them) and as now known, each in one of two sets of columns.
create view reported_pod_day as
select day.charge_date, day.pod_id, day.kind, day.billing_currency, closed.statement_id,
  case when closed.statement_id is null then 1 else 0 end as is_reported, 1 as is_now,
  day.billed_cost, day.effective_cost, day.list_cost, day.contracted_cost, null::numeric as frozen_rate
from pod_day as day
left join closed_month as closed on day.charge_date >= closed.period_start and day.charge_date < closed.period_end
where day.kind <> 'owned'
union all
select day.charge_date, day.pod_id, day.kind, day.billing_currency, day.statement_id, 1, 0,
  day.billed_cost, day.effective_cost, day.list_cost, day.contracted_cost, frozen.rate
from closed_month as closed
join statement_pod_day as day on day.statement_id = closed.statement_id
cross join organisation as setting
left join statement_rate as frozen on frozen.statement_id = day.statement_id and frozen.from_currency = day.billing_currency
  and frozen.to_currency = setting.reporting_currency and frozen.on_date = day.charge_date
where day.kind <> 'owned';

create view report.pod_cost_daily as
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
  else coalesce(day.frozen_rate, conversion.rate) end as rate) as rate
cross join lateral (select case setting.cost_metric when 'BilledCost' then day.billed_cost when 'ListCost' then day.list_cost
  when 'ContractedCost' then day.contracted_cost else day.effective_cost end as cost) as metric
left join pod on pod.id = day.pod_id
left join whole_dated_pod as dated on dated.pod_id = day.pod_id and day.charge_date >= dated.valid_from and day.charge_date < dated.valid_until
group by day.charge_date, day.pod_id, pod.name, pod.kind, dated.portfolio_id, dated.owner_email, dated.cost_centre, day.kind,
  day.billing_currency, setting.reporting_currency, setting.cost_metric, day.statement_id;

-- Recognised value by month, outcome and party: current outcomes of every month, and what statements froze of closed ones. Amounts in
-- the reporting currency; null where a rate is missing.
create view reported_value_month as
with setting as (
  select reporting_currency, revenue_basis from organisation
), scheduled as (
  -- In the reporting currency a month is one difference of running amounts; in another each day has its own rate.
  select schedule.outcome_id, month.start as value_month,
    recognised_after(schedule.amount, least(schedule.recognised_until, (month.start + interval '1 month')::date) - schedule.recognised_from,
      schedule.recognised_until - schedule.recognised_from)
    - recognised_after(schedule.amount, greatest(schedule.recognised_from, month.start) - schedule.recognised_from,
      schedule.recognised_until - schedule.recognised_from) as amount,
    false as is_missing
  from outcome cross join setting
  join outcome_schedule as schedule on schedule.outcome_id = outcome.id
  cross join lateral (
    select (date_trunc('month', schedule.recognised_from::timestamp) + step * interval '1 month')::date as start
    from generate_series(0, (extract(year from age(date_trunc('month', (schedule.recognised_until - 1)::timestamp),
      date_trunc('month', schedule.recognised_from::timestamp))) * 12
      + extract(month from age(date_trunc('month', (schedule.recognised_until - 1)::timestamp),
      date_trunc('month', schedule.recognised_from::timestamp))))::integer) as step
  ) as month
  where outcome.currency = setting.reporting_currency
  union all
  select schedule.outcome_id, date_trunc('month', day.on_date::timestamp)::date,
    (recognised_after(schedule.amount, step + 1, schedule.recognised_until - schedule.recognised_from)
      - recognised_after(schedule.amount, step, schedule.recognised_until - schedule.recognised_from)) * conversion.rate,
    conversion.rate is null
  from outcome cross join setting
  join outcome_schedule as schedule on schedule.outcome_id = outcome.id
  cross join lateral generate_series(0, schedule.recognised_until - schedule.recognised_from - 1) as step
  cross join lateral (select schedule.recognised_from + step as on_date) as day
  left join conversion_rate as conversion on conversion.from_currency = outcome.currency
    and conversion.to_currency = setting.reporting_currency and conversion.on_date = day.on_date
  where outcome.currency <> setting.reporting_currency
    -- Rates of days to come do not exist.
    and day.on_date <= (select last_known_day.day from last_known_day)
  union all
  select id, date_trunc('month', delivered_on::timestamp)::date, null, false from outcome where amount is null
), current_value as (
  select scheduled.value_month, scheduled.outcome_id, party.pod_id, outcome.state,
    case when outcome.basis = 'cost_reduction' then null when outcome.basis <> 'revenue' then outcome.basis
      when outcome.gross_or_margin = 'gross' and setting.revenue_basis <> 'gross' then 'revenue_gross' end as beside,
    scheduled.amount * party.basis_points * 0.0001 as amount, scheduled.is_missing
  from scheduled join outcome on outcome.id = scheduled.outcome_id cross join setting
  cross join lateral (
    select pod_id, basis_points from outcome_share where outcome_share.outcome_id = outcome.id
    union all
    select null, outcome.unattributed_basis_points where outcome.unattributed_basis_points > 0
  ) as party
  where outcome.state in ('verified', 'claimed')
)
select value.value_month, value.outcome_id, value.pod_id, value.state, value.beside, value.amount, value.is_missing,
  closed.statement_id is null as is_reported, true as is_now
from current_value as value
left join closed_month as closed on value.value_month >= closed.period_start and value.value_month < closed.period_end
union all
select closed.period_start, value.outcome_id, value.pod_id, value.state, value.beside, value.amount * rate.rate,
  value.amount is not null and rate.rate is null, true, false
from closed_month as closed
join statement_value as value on value.statement_id = closed.statement_id
cross join organisation as setting
left join statement_rate as frozen on frozen.statement_id = value.statement_id and frozen.from_currency = value.currency
  and frozen.to_currency = setting.reporting_currency and frozen.on_date = value.recognised_on
left join conversion_rate as conversion on conversion.from_currency = value.currency
  and conversion.to_currency = setting.reporting_currency and conversion.on_date = value.recognised_on
cross join lateral (select case when value.currency = setting.reporting_currency then 1
  else coalesce(frozen.rate, conversion.rate) end as rate) as rate;

create view report.value_per_pod as
with figure as (
  select charge_month as month, pod_id, kind, state as period_state, reporting_cost, reporting_cost_now, is_conversion_missing,
    null::text as value_state, null::text as beside, null::numeric as amount, null::bigint as outcome_id,
    false as is_reported, false as is_now
  from report.pod_cost_daily
  union all
  select value_month, pod_id, null, null, 0, 0, is_missing, state, beside, amount, outcome_id, is_reported, is_now
  from reported_value_month
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
left join pod on pod.id = summed.pod_id
-- Of attributes that changed within the month: those of its last day.
left join whole_dated_pod as dated on dated.pod_id = summed.pod_id and (summed.month + interval '1 month')::date - 1 >= dated.valid_from
  and (summed.month + interval '1 month')::date - 1 < dated.valid_until
left join lateral (
  select coalesce(sum(case setting.cost_metric when 'BilledCost' then reported_billed_cost when 'ListCost' then reported_list_cost
      when 'ContractedCost' then reported_contracted_cost else reported_effective_cost end), 0) as cost_adjustment,
    coalesce(sum(reported_amount) filter (where adjustment.kind = 'value-verified' and beside is null), 0) as value_adjustment
  from statement_adjustment as adjustment join statement as adjusted on adjusted.id = adjustment.adjusted_statement_id
  where adjustment.statement_id = closed.statement_id and adjustment.pod_id is not distinct from summed.pod_id
    and adjusted.currency = setting.reporting_currency
) as booked on closed.statement_id is not null;

create view report.envelope_status as
select envelope.id as envelope_id, envelope.scope_kind, envelope.scope_id, envelope.period_id as period, envelope.period_start,
  envelope.period_end, envelope.counts, version.version, version.envelope_limit, version.currency, version.cost_metric,
  standing.actual, divide_half_even(standing.actual, version.envelope_limit, 4) as used, standing.rung::numeric as rung,
  case when standing.rung is null then 'ok' when standing.rung::numeric >= 1 then 'over' else 'near' end as state,
  version.method, version.approved_by, version.approved_on, version.approval, standing.data_as_of, standing.evaluated_at,
  standing.held_reason
from envelope
join lateral (select * from envelope_version where envelope_id = envelope.id order by version desc limit 1) as version on true
left join envelope_state as standing on standing.envelope_id = envelope.id
where envelope.withdrawn_at is null;

create view report.outcome as
select outcome.id as outcome_id, outcome.version, outcome.title, outcome.outcome_type, outcome.state, outcome.basis,
  outcome.gross_or_margin, outcome.delivered_on, outcome.quantity, outcome.unit, outcome.amount, outcome.currency,
  schedule.recognised_from, schedule.recognised_until, party.pod_id, pod.name as pod_name, party.basis_points,
  outcome.amount * party.basis_points * 0.0001 as share_amount, outcome.owner_email, outcome.claimed_by, outcome.verified_by,
  outcome.verified_at, outcome.evidence_url
from outcome
cross join lateral (
  select pod_id, basis_points from outcome_share where outcome_share.outcome_id = outcome.id
  union all
  select null, outcome.unattributed_basis_points where outcome.unattributed_basis_points > 0
) as party
left join lateral (
  select min(recognised_from) as recognised_from, max(recognised_until) as recognised_until
  from outcome_schedule where outcome_schedule.outcome_id = outcome.id
) as schedule on true
left join pod on pod.id = party.pod_id;

create view report.unattributed as
select part.charge_date, date_trunc('month', part.charge_date::timestamp)::date as charge_month, load.source_id, part.provider_name,
  part.service_name, part.charge_category, part.rule_id, part.kind, part.billing_currency,
  sum(part.billed_cost) as billed_cost, sum(part.effective_cost) as effective_cost, sum(part.list_cost) as list_cost,
  sum(part.contracted_cost) as contracted_cost, setting.reporting_currency, setting.cost_metric as reporting_metric,
  sum(case setting.cost_metric when 'BilledCost' then part.billed_cost when 'ListCost' then part.list_cost
    when 'ContractedCost' then part.contracted_cost else part.effective_cost end * rate.rate) as reporting_cost,
  rate.rate is null as is_conversion_missing
from organisation as setting
cross join lateral (
  select load_id, charge_date, provider_name, service_name, charge_category, rule_id, 'direct' as kind, billing_currency,
    billed_cost, effective_cost, list_cost, contracted_cost
  from whole_rollup_cost as rollup where rulebook_id = setting.rulebook_id and rollup.kind = 'unattributed'
  union all
  select load_id, charge_date, provider_name, service_name, charge_category, rule_id, 'shared', billing_currency,
    billed_cost, effective_cost, list_cost, contracted_cost
  from shared_cost where pod_id is null
) as part
join load on load.id = part.load_id and load.state = 'published'
left join conversion_rate as conversion on conversion.from_currency = part.billing_currency
  and conversion.to_currency = setting.reporting_currency and conversion.on_date = part.charge_date
cross join lateral (
  select case when part.billing_currency = setting.reporting_currency then 1 else conversion.rate end as rate
) as rate
group by part.charge_date, load.source_id, part.provider_name, part.service_name, part.charge_category, part.rule_id, part.kind,
  part.billing_currency, setting.reporting_currency, setting.cost_metric, rate.rate
-- A rollup may hold rows that cancel out.
having sum(part.billed_cost) <> 0 or sum(part.effective_cost) <> 0 or sum(part.list_cost) <> 0 or sum(part.contracted_cost) <> 0;

create view report.reconciliation as
with carried as (
  select load_id, billing_currency, pod_id is not null as is_attributed, sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost, sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
  from (
    select load_id, billing_currency, pod_id, billed_cost, effective_cost, list_cost, contracted_cost
    from whole_rollup_cost as rollup join organisation on organisation.rulebook_id = rollup.rulebook_id where kind <> 'to_split'
    union all
    select load_id, billing_currency, pod_id, billed_cost, effective_cost, list_cost, contracted_cost from shared_cost
  ) as part group by load_id, billing_currency, is_attributed
), filed as (
  select load_id, billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost, sum(list_cost) as list_cost,
    sum(contracted_cost) as contracted_cost
  from load_file_total group by load_id, billing_currency
), invoiced as (
  select source_id, billing_period_start, billing_period_end, currency, sum(total) as total
  from invoice where state = 'issued' group by source_id, billing_period_start, billing_period_end, currency
)
select load.source_id, load.billing_period_start, load.billing_period_end, load.id as load_id, total.billing_currency,
  metric.name as metric, metric.filed as file, metric.ingested, metric.attributed, metric.unattributed,
  metric.filed - metric.attributed - metric.unattributed as difference, invoiced.total as invoice,
  invoiced.total - metric.filed as invoice_difference, load.data_as_of
from load
join load_total as total on total.load_id = load.id
left join filed using (load_id, billing_currency)
left join carried as given on given.load_id = load.id and given.billing_currency = total.billing_currency and given.is_attributed
left join carried as nobody on nobody.load_id = load.id and nobody.billing_currency = total.billing_currency and not nobody.is_attributed
cross join lateral (values
  ('BilledCost', coalesce(filed.billed_cost, 0), total.billed_cost, coalesce(given.billed_cost, 0), coalesce(nobody.billed_cost, 0)),
  ('EffectiveCost', coalesce(filed.effective_cost, 0), total.effective_cost, coalesce(given.effective_cost, 0), coalesce(nobody.effective_cost, 0)),
  ('ListCost', coalesce(filed.list_cost, 0), total.list_cost, coalesce(given.list_cost, 0), coalesce(nobody.list_cost, 0)),
  ('ContractedCost', coalesce(filed.contracted_cost, 0), total.contracted_cost, coalesce(given.contracted_cost, 0),
    coalesce(nobody.contracted_cost, 0))
) as metric (name, filed, ingested, attributed, unattributed)
left join invoiced on metric.name = 'BilledCost' and invoiced.source_id = load.source_id
  and invoiced.billing_period_start = load.billing_period_start and invoiced.billing_period_end = load.billing_period_end
  and invoiced.currency = total.billing_currency
where load.state = 'published';

revoke all on schema report from public;
grant usage on schema report to outturn_reader;
grant select on all tables in schema report to outturn_reader;

comment on view report.pod_cost_daily is 'Cost by charge date, pod, kind and billing currency. The rows of a day add up to what its bills charged; pod_id null is the unattributed cost.';
comment on column report.pod_cost_daily.charge_date is 'UTC date of ChargePeriodStart.';
comment on column report.pod_cost_daily.charge_month is 'First day of its month.';
comment on column report.pod_cost_daily.pod_id is 'The pod; null: unattributed.';
comment on column report.pod_cost_daily.pod_name is 'Its name.';
comment on column report.pod_cost_daily.pod_kind is 'delivery, platform or central.';
comment on column report.pod_cost_daily.portfolio_id is 'Its portfolio on the charge date.';
comment on column report.pod_cost_daily.owner_email is 'Who answered for it on the charge date.';
comment on column report.pod_cost_daily.cost_centre is 'Its cost centre on the charge date.';
comment on column report.pod_cost_daily.kind is 'direct, or shared: its part of split cost.';
comment on column report.pod_cost_daily.billing_currency is 'The currency of the bill.';
comment on column report.pod_cost_daily.billed_cost is 'BilledCost in billing currency, as reported: a closed day as its statement froze it.';
comment on column report.pod_cost_daily.effective_cost is 'EffectiveCost, likewise.';
comment on column report.pod_cost_daily.list_cost is 'ListCost, likewise.';
comment on column report.pod_cost_daily.contracted_cost is 'ContractedCost, likewise.';
comment on column report.pod_cost_daily.reporting_currency is 'The organisation’s reporting currency.';
comment on column report.pod_cost_daily.reporting_metric is 'The organisation’s cost metric: the one of reporting_cost.';
comment on column report.pod_cost_daily.reporting_cost is 'That metric in reporting currency, as reported; null where a rate is missing.';
comment on column report.pod_cost_daily.reporting_cost_now is 'The same as now known; differs from reporting_cost on closed days that were corrected since.';
comment on column report.pod_cost_daily.is_conversion_missing is 'Whether a rate is missing: the reporting figures are null then, never wrong.';
comment on column report.pod_cost_daily.state is 'open, or closed by a statement.';
comment on column report.pod_cost_daily.statement_id is 'The statement of a closed day.';

comment on view report.value_per_pod is 'Cost, recognised value and return of each pod by whole calendar month, in reporting currency; pod_id null is what belongs to no pod. A month that is not over holds what is known so far.';
comment on column report.value_per_pod.month is 'First day of the month.';
comment on column report.value_per_pod.period is 'Its name, such as 2026-09.';
comment on column report.value_per_pod.is_over is 'Whether the month has ended (UTC). An open month’s return compares unlike days: outturn report value-per-pod cuts both sides at the last complete day.';
comment on column report.value_per_pod.state is 'open, or closed by a statement.';
comment on column report.value_per_pod.statement_id is 'The statement of a closed month.';
comment on column report.value_per_pod.pod_id is 'The pod; null: unattributed cost, and value that is not shared out.';
comment on column report.value_per_pod.pod_name is 'Its name.';
comment on column report.value_per_pod.pod_kind is 'delivery, platform or central.';
comment on column report.value_per_pod.portfolio_id is 'Its portfolio on the month’s last day.';
comment on column report.value_per_pod.owner_email is 'Who answered for it on that day.';
comment on column report.value_per_pod.cost_centre is 'Its cost centre on that day.';
comment on column report.value_per_pod.currency is 'The reporting currency, of every amount here.';
comment on column report.value_per_pod.cost_metric is 'The organisation’s cost metric.';
comment on column report.value_per_pod.revenue_basis is 'Which revenue enters the return: margin or gross.';
comment on column report.value_per_pod.cost_direct is 'Direct cost, as reported.';
comment on column report.value_per_pod.cost_shared is 'Its part of split cost, as reported.';
comment on column report.value_per_pod.cost_total is 'Both.';
comment on column report.value_per_pod.cost_total_now is 'Both as now known.';
comment on column report.value_per_pod.verified is 'Verified recognised value of the bases that enter the return, as reported.';
comment on column report.value_per_pod.claimed is 'Claimed value of these bases.';
comment on column report.value_per_pod.verified_beside is 'Verified value of the bases that never enter the return; report.outcome has each basis.';
comment on column report.value_per_pod.claimed_beside is 'Claimed value of those bases.';
comment on column report.value_per_pod.verified_now is 'verified as now known.';
comment on column report.value_per_pod.claimed_now is 'claimed as now known.';
comment on column report.value_per_pod.verified_outcomes is 'Verified outcomes of any basis recognised in the month.';
comment on column report.value_per_pod.claimed_outcomes is 'Claimed ones.';
comment on column report.value_per_pod.return is 'verified ÷ cost_total, half-even to 4 decimals; null where return_note says why. Never average it: divide sums.';
comment on column report.value_per_pod.return_note is 'enabling, no cost, no verified value, or exchange rate missing.';
comment on column report.value_per_pod.cost_adjustment is 'Prior-period corrections of cost that this closed month booked; in no cost above. Null in an open month.';
comment on column report.value_per_pod.value_adjustment is 'Prior-period corrections of verified value that it booked; in no value above.';
comment on column report.value_per_pod.is_conversion_missing is 'Whether a rate is missing: the figures it touches are null then.';

comment on view report.envelope_status is 'Each envelope in force as its last evaluation found it.';
comment on column report.envelope_status.envelope_id is 'The envelope.';
comment on column report.envelope_status.scope_kind is 'pod, portfolio, organisation or unattributed.';
comment on column report.envelope_status.scope_id is 'The pod or portfolio; null otherwise.';
comment on column report.envelope_status.period is 'The name of its period.';
comment on column report.envelope_status.period_start is 'First day.';
comment on column report.envelope_status.period_end is 'First day after it.';
comment on column report.envelope_status.counts is 'controlled: direct cost and the shared cost it owns; loaded: direct cost and its part.';
comment on column report.envelope_status.version is 'The version that holds.';
comment on column report.envelope_status.envelope_limit is 'The approved limit, in currency.';
comment on column report.envelope_status.currency is 'The currency of limit and actual.';
comment on column report.envelope_status.cost_metric is 'The cost that counts.';
comment on column report.envelope_status.actual is 'Actual cost, at the rates fixed when it was approved; null before the first evaluation that had every rate.';
comment on column report.envelope_status.used is 'actual ÷ envelope_limit, half-even to 4 decimals.';
comment on column report.envelope_status.rung is 'The highest rung that spoke and was not cleared; null below the first.';
comment on column report.envelope_status.state is 'ok, near (a rung below 1 spoke) or over (one at 1 or above).';
comment on column report.envelope_status.method is 'granted in the product, or asserted by the organisation file.';
comment on column report.envelope_status.approved_by is 'Who approved it.';
comment on column report.envelope_status.approved_on is 'The date whose exchange rates it keeps.';
comment on column report.envelope_status.approval is 'The reference of the approval.';
comment on column report.envelope_status.data_as_of is 'How far the data of the evaluation reaches.';
comment on column report.envelope_status.evaluated_at is 'When it was evaluated.';
comment on column report.envelope_status.held_reason is 'Why the figures wait, where a rate is missing.';

comment on view report.outcome is 'Outcomes with their shares: one row per outcome and receiving pod, and one without a pod for what is not shared out; share_amount adds up to amount.';
comment on column report.outcome.outcome_id is 'The outcome.';
comment on column report.outcome.version is 'Its current version.';
comment on column report.outcome.title is 'What was delivered.';
comment on column report.outcome.outcome_type is 'Its type.';
comment on column report.outcome.state is 'candidate, claimed, in_review, verified, partially_verified, review_due, rejected, retracted or superseded.';
comment on column report.outcome.basis is 'What kind of value it is.';
comment on column report.outcome.gross_or_margin is 'Of revenue: which.';
comment on column report.outcome.delivered_on is 'The day it was delivered.';
comment on column report.outcome.quantity is 'How many units; of the whole outcome, so do not add it over rows.';
comment on column report.outcome.unit is 'Of what.';
comment on column report.outcome.amount is 'Its value in currency; of the whole outcome.';
comment on column report.outcome.currency is 'The currency of amount and share_amount.';
comment on column report.outcome.recognised_from is 'First day of recognition.';
comment on column report.outcome.recognised_until is 'First day after it.';
comment on column report.outcome.pod_id is 'The receiving pod; null: not shared out.';
comment on column report.outcome.pod_name is 'Its name.';
comment on column report.outcome.basis_points is 'Its share, of 10000.';
comment on column report.outcome.share_amount is 'Its part of the amount.';
comment on column report.outcome.owner_email is 'Who answers for the benefit.';
comment on column report.outcome.claimed_by is 'Who stated it.';
comment on column report.outcome.verified_by is 'Who verified it.';
comment on column report.outcome.verified_at is 'When it was verified.';
comment on column report.outcome.evidence_url is 'Where the evidence is.';

comment on view report.unattributed is 'Cost that no rule gave to a pod, and split cost that nobody could carry, with where it came from; as now known, under the rulebook in force.';
comment on column report.unattributed.charge_date is 'UTC date of ChargePeriodStart.';
comment on column report.unattributed.charge_month is 'First day of its month.';
comment on column report.unattributed.source_id is 'The source whose bill charged it.';
comment on column report.unattributed.provider_name is 'ProviderName.';
comment on column report.unattributed.service_name is 'ServiceName.';
comment on column report.unattributed.charge_category is 'ChargeCategory.';
comment on column report.unattributed.rule_id is 'The rule that left it to nobody, or whose split nobody could carry; null: no rule matched.';
comment on column report.unattributed.kind is 'direct, or shared: split cost that nobody could carry.';
comment on column report.unattributed.billing_currency is 'The currency of the bill.';
comment on column report.unattributed.billed_cost is 'BilledCost in billing currency.';
comment on column report.unattributed.effective_cost is 'EffectiveCost.';
comment on column report.unattributed.list_cost is 'ListCost.';
comment on column report.unattributed.contracted_cost is 'ContractedCost.';
comment on column report.unattributed.reporting_currency is 'The organisation’s reporting currency.';
comment on column report.unattributed.reporting_metric is 'The organisation’s cost metric: the one of reporting_cost.';
comment on column report.unattributed.reporting_cost is 'That metric in reporting currency; null where a rate is missing.';
comment on column report.unattributed.is_conversion_missing is 'Whether a rate is missing.';

comment on view report.reconciliation is 'Every current bill against its attribution, by source, billing period, billing currency and cost metric, whole billing periods, unconverted; as now known.';
comment on column report.reconciliation.source_id is 'The source.';
comment on column report.reconciliation.billing_period_start is 'First day of the billing period.';
comment on column report.reconciliation.billing_period_end is 'First day after it.';
comment on column report.reconciliation.load_id is 'The load that counts.';
comment on column report.reconciliation.billing_currency is 'The currency of the bill.';
comment on column report.reconciliation.metric is 'BilledCost, EffectiveCost, ListCost or ContractedCost.';
comment on column report.reconciliation.file is 'The sum of the raw cells of the files.';
comment on column report.reconciliation.ingested is 'The sum of the charges as stored.';
comment on column report.reconciliation.attributed is 'What pods carry of it.';
comment on column report.reconciliation.unattributed is 'What nobody carries.';
comment on column report.reconciliation.difference is 'file − attributed − unattributed: 0.';
comment on column report.reconciliation.invoice is 'The total of the invoices stated for it; of BilledCost only, null where none was.';
comment on column report.reconciliation.invoice_difference is 'invoice − file; outturn report invoices says why.';
comment on column report.reconciliation.data_as_of is 'How far its data reaches.';

-- What is closed stays closed: rates of every currency as known at the close, adjustments by billing account, and the views that tools read
-- answer closed months from their statements. Rates that no report has stored yet are worked out where they are read.

create index fx_rate_base_currency_idx on fx_rate (base_currency, rate_date);
create index fx_rate_quote_currency_idx on fx_rate (quote_currency, rate_date);

-- What was published from base to quote for a date, as a fraction: the month's average where the policy says so and there is one, else
-- the latest that is not too old.
create function published_leg(base text, quote text, on_date date)
returns table (dividend numeric, divisor numeric, published_on date) language sql stable as $$
  select leg.dividend, leg.divisor, leg.published_on from (
    (select 1 as place, sum(rate) as dividend, count(*)::numeric as divisor, max(rate_date) as published_on
     from fx_rate cross join organisation
     where fx_policy = 'month-average' and base_currency = base and quote_currency = quote
       and rate_date >= date_trunc('month', on_date)::date
       and rate_date < (date_trunc('month', on_date) + interval '1 month')::date
     having count(*) > 0)
    union all
    (select 2, rate, 1, rate_date from fx_rate cross join organisation
     where base_currency = base and quote_currency = quote and rate_date <= on_date and rate_date >= on_date - fx_carry_days
     order by rate_date desc limit 1)
  ) as leg order by leg.place limit 1
$$;

-- The same from either side.
create function either_leg(one text, other text, on_date date)
returns table (dividend numeric, divisor numeric, published_on date) language sql stable as $$
  select leg.dividend, leg.divisor, leg.published_on from (
    select 1 as place, straight.* from published_leg(one, other, on_date) as straight
    union all
    select 2, turned.divisor, turned.dividend, turned.published_on from published_leg(other, one, on_date) as turned
  ) as leg order by leg.place limit 1
$$;

-- The rate of a date by the organisation's policy: direct, else inverse, else one hop through a currency that both have rates with, at 15
-- decimals; no row where none resolves. Runs with the rights, and over the tables, of whoever asks.
create function resolve_conversion(from_currency text, to_currency text, on_date date)
returns table (rate numeric, published_on date, path text) language sql stable as $$
  select found.rate, found.published_on, found.path from (
    select divide_half_even(candidate.dividend, candidate.divisor, 15) as rate, candidate.published_on, candidate.path
    from (
      select 1 as preference, leg.dividend, leg.divisor, leg.published_on, 'direct' as path
      from published_leg(from_currency, to_currency, on_date) as leg
      union all
      select 2, leg.divisor, leg.dividend, leg.published_on, 'inverse'
      from published_leg(to_currency, from_currency, on_date) as leg
      union all
      select 3, one.dividend * two.dividend, one.divisor * two.divisor, least(one.published_on, two.published_on),
        'through ' || hop.currency
      from (
        select quote_currency as currency from fx_rate cross join organisation
        where base_currency = from_currency and rate_date < (date_trunc('month', on_date) + interval '1 month')::date
          and rate_date >= least(date_trunc('month', on_date)::date, on_date - fx_carry_days)
        union
        select base_currency from fx_rate cross join organisation
        where quote_currency = from_currency and rate_date < (date_trunc('month', on_date) + interval '1 month')::date
          and rate_date >= least(date_trunc('month', on_date)::date, on_date - fx_carry_days)
      ) as hop
      cross join lateral either_leg(from_currency, hop.currency, on_date) as one
      cross join lateral either_leg(hop.currency, to_currency, on_date) as two
    ) as candidate
    order by candidate.preference, candidate.published_on desc, candidate.path limit 1
  ) as found where found.rate > 0
$$;

-- The same for views, with their owner's rights: a reader of views sees no table.
create function known_rate(from_currency text, to_currency text, on_date date)
returns numeric language sql stable security definer set search_path = public, pg_temp as $$
  select found.rate from resolve_conversion(from_currency, to_currency, on_date) as found
$$;

-- The cost of the adjustments that a month booked by billing account, in the cost metric of its statement: what each account's part of a
-- closed month is known as now, less what it was stated as and less what was booked already.
create table statement_adjustment_entity (
  statement_id integer not null references statement (id),
  adjusted_statement_id integer not null references statement (id),
  adjusted_on date not null,
  pod_id text,
  currency text not null,
  -- The billing account; null where the bill names none.
  entity text,
  cost numeric not null check (cost <> 0 and cost > '-Infinity' and cost < 'Infinity'),
  constraint statement_adjustment_entity_key
    unique nulls not distinct (statement_id, adjusted_statement_id, adjusted_on, pod_id, currency, entity)
);
create trigger statement_adjustment_entity_is_final before update or delete on statement_adjustment_entity
for each row execute function refuse_statement_change();

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
left join pod on pod.id = day.pod_id
left join whole_dated_pod as dated on dated.pod_id = day.pod_id and day.charge_date >= dated.valid_from and day.charge_date < dated.valid_until
group by day.charge_date, day.pod_id, pod.name, pod.kind, dated.portfolio_id, dated.owner_email, dated.cost_centre, day.kind,
  day.billing_currency, setting.reporting_currency, setting.cost_metric, day.statement_id;

create or replace view reported_value_month as
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
      - recognised_after(schedule.amount, step, schedule.recognised_until - schedule.recognised_from)) * rate.rate,
    rate.rate is null
  from outcome cross join setting
  join outcome_schedule as schedule on schedule.outcome_id = outcome.id
  cross join lateral generate_series(0, schedule.recognised_until - schedule.recognised_from - 1) as step
  cross join lateral (select schedule.recognised_from + step as on_date) as day
  left join conversion_rate as conversion on conversion.from_currency = outcome.currency
    and conversion.to_currency = setting.reporting_currency and conversion.on_date = day.on_date
  cross join lateral (
    select coalesce(conversion.rate, known_rate(outcome.currency, setting.reporting_currency, day.on_date)) as rate
  ) as rate
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
cross join lateral (
  select case when value.currency = setting.reporting_currency then 1
    else coalesce(frozen.rate, conversion.rate, known_rate(value.currency, setting.reporting_currency, value.recognised_on)) end as rate
) as rate;

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

-- Cost of nobody, twice like reported_pod_day: as reported (closed days as the loads and the rulebook of their statements give them) and
-- as now known.
create view reported_unattributed as
select part.*, closed.statement_id, case when closed.statement_id is null then 1 else 0 end as is_reported, 1 as is_now,
  null::numeric as frozen_rate
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
left join closed_month as closed on part.charge_date >= closed.period_start and part.charge_date < closed.period_end
union all
select part.*, closed.statement_id, 1, 0, frozen.rate
from closed_month as closed
join statement on statement.id = closed.statement_id
cross join organisation as setting
cross join lateral (
  select rollup.load_id, charge_date, provider_name, service_name, charge_category, rule_id, 'direct' as kind, billing_currency,
    billed_cost, effective_cost, list_cost, contracted_cost
  from statement_load join whole_rollup_cost as rollup on rollup.load_id = statement_load.load_id
  where statement_load.statement_id = closed.statement_id and rollup.rulebook_id = statement.rulebook_id and rollup.kind = 'unattributed'
    and rollup.charge_date >= closed.period_start and rollup.charge_date < closed.period_end
  union all
  select load_id, charge_date, provider_name, service_name, charge_category, rule_id, 'shared', billing_currency,
    billed_cost, effective_cost, list_cost, contracted_cost
  from statement_shared_cost as shared where shared.statement_id = closed.statement_id and pod_id is null
) as part
left join statement_rate as frozen on frozen.statement_id = closed.statement_id and frozen.from_currency = part.billing_currency
  and frozen.to_currency = setting.reporting_currency and frozen.on_date = part.charge_date;

create or replace view report.unattributed as
select part.charge_date, date_trunc('month', part.charge_date::timestamp)::date as charge_month, load.source_id, part.provider_name,
  part.service_name, part.charge_category, part.rule_id, part.kind, part.billing_currency,
  coalesce(sum(part.billed_cost) filter (where part.is_reported = 1), 0) as billed_cost,
  coalesce(sum(part.effective_cost) filter (where part.is_reported = 1), 0) as effective_cost,
  coalesce(sum(part.list_cost) filter (where part.is_reported = 1), 0) as list_cost,
  coalesce(sum(part.contracted_cost) filter (where part.is_reported = 1), 0) as contracted_cost,
  setting.reporting_currency, setting.cost_metric as reporting_metric,
  case when not bool_or(part.is_reported = 1 and rate.rate is null)
    then coalesce(sum(metric.cost * rate.rate) filter (where part.is_reported = 1), 0) end as reporting_cost,
  bool_or(rate.rate is null) as is_conversion_missing,
  case when not bool_or(part.is_now = 1 and rate.rate is null)
    then coalesce(sum(metric.cost * rate.rate) filter (where part.is_now = 1), 0) end as reporting_cost_now,
  case when part.statement_id is null then 'open' else 'closed' end as state, part.statement_id
from reported_unattributed as part
cross join organisation as setting
join load on load.id = part.load_id
left join conversion_rate as conversion on conversion.from_currency = part.billing_currency
  and conversion.to_currency = setting.reporting_currency and conversion.on_date = part.charge_date
cross join lateral (
  select case when part.billing_currency = setting.reporting_currency then 1
    else coalesce(part.frozen_rate, conversion.rate,
      known_rate(part.billing_currency, setting.reporting_currency, part.charge_date)) end as rate
) as rate
cross join lateral (select case setting.cost_metric when 'BilledCost' then part.billed_cost when 'ListCost' then part.list_cost
  when 'ContractedCost' then part.contracted_cost else part.effective_cost end as cost) as metric
group by part.charge_date, load.source_id, part.provider_name, part.service_name, part.charge_category, part.rule_id, part.kind,
  part.billing_currency, setting.reporting_currency, setting.cost_metric, part.statement_id
-- A rollup may hold rows that cancel out.
having sum(part.billed_cost) filter (where part.is_reported = 1) <> 0 or sum(part.effective_cost) filter (where part.is_reported = 1) <> 0
  or sum(part.list_cost) filter (where part.is_reported = 1) <> 0 or sum(part.contracted_cost) filter (where part.is_reported = 1) <> 0
  or sum(metric.cost) filter (where part.is_now = 1) <> 0;

create view report.reconciliation_now as
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

-- The rows of the bills that touch closed months, as the documents of their statements hold them. A bill of several months counts as closed
-- once all of them are, and then as the last one's statement has it.
create view closed_reconciliation as
select distinct on (load.source_id, load.billing_period_start, load.billing_period_end, row.content ->> 'billingCurrency', row.content ->> 'metric')
  load.source_id, load.billing_period_start, load.billing_period_end, load.id as load_id, load.data_as_of, closed.statement_id, row.content
from closed_month as closed
join statement on statement.id = closed.statement_id
cross join lateral jsonb_array_elements(statement.document::jsonb -> 'reconciliation' -> 'rows') as row (content)
join load on load.id = (row.content ->> 'loadId')::bigint
where not exists (
  select from generate_series(date_trunc('month', load.billing_period_start::timestamp), load.billing_period_end - 1, interval '1 month') as month (start)
  where not exists (select from closed_month as other where other.period_start = month.start::date))
order by load.source_id, load.billing_period_start, load.billing_period_end, row.content ->> 'billingCurrency', row.content ->> 'metric',
  closed.period_start desc;

create or replace view report.reconciliation as
select now.*, 'open' as state, null::integer as statement_id
from report.reconciliation_now as now
where exists (
  select from generate_series(date_trunc('month', now.billing_period_start::timestamp), now.billing_period_end - 1, interval '1 month') as month (start)
  where not exists (select from closed_month where closed_month.period_start = month.start::date))
union all
select source_id, billing_period_start, billing_period_end, load_id, content ->> 'billingCurrency', content ->> 'metric',
  (content ->> 'file')::numeric, (content ->> 'ingested')::numeric, (content ->> 'attributed')::numeric,
  (content ->> 'unattributed')::numeric, (content ->> 'difference')::numeric, (content ->> 'invoice')::numeric,
  (content ->> 'invoiceDifference')::numeric, data_as_of, 'closed', statement_id
from closed_reconciliation;

grant select on all tables in schema report to outturn_reader;

comment on view report.envelope_status is 'Each envelope in force as its last evaluation found it: as now known, also of periods that are closed.';
comment on view report.outcome is 'Outcomes with their shares as now known: one row per outcome and receiving pod, and one without a pod for what is not shared out; share_amount adds up to amount.';
comment on view report.unattributed is 'Cost that no rule gave to a pod, and split cost that nobody could carry, with where it came from; closed days as their statements have it.';
comment on column report.unattributed.billed_cost is 'BilledCost in billing currency, as reported: a closed day as its statement has it.';
comment on column report.unattributed.effective_cost is 'EffectiveCost, likewise.';
comment on column report.unattributed.list_cost is 'ListCost, likewise.';
comment on column report.unattributed.contracted_cost is 'ContractedCost, likewise.';
comment on column report.unattributed.reporting_cost is 'That metric in reporting currency, as reported; null where a rate is missing.';
comment on column report.unattributed.reporting_cost_now is 'The same as now known, under the rulebook in force.';
comment on column report.unattributed.state is 'open, or closed by a statement.';
comment on column report.unattributed.statement_id is 'The statement of a closed day.';
comment on view report.reconciliation is 'Every bill against its attribution, by source, billing period, billing currency and cost metric, whole billing periods, unconverted; bills of closed months as their statements have them.';
comment on column report.reconciliation.invoice is 'The total of the invoices stated for it, of a closed bill those stated by then; of BilledCost only, null where none was.';
comment on column report.reconciliation.state is 'open, or closed: all months that the bill touches are.';
comment on column report.reconciliation.statement_id is 'The statement of a closed bill: of the last month it touches.';
comment on view report.reconciliation_now is 'Every current bill against its attribution as now known, also of closed months; columns as in report.reconciliation.';
comment on column report.reconciliation_now.source_id is 'The source.';
comment on column report.reconciliation_now.billing_period_start is 'First day of the billing period.';
comment on column report.reconciliation_now.billing_period_end is 'First day after it.';
comment on column report.reconciliation_now.load_id is 'The load that counts.';
comment on column report.reconciliation_now.billing_currency is 'The currency of the bill.';
comment on column report.reconciliation_now.metric is 'BilledCost, EffectiveCost, ListCost or ContractedCost.';
comment on column report.reconciliation_now.file is 'The sum of the raw cells of the files.';
comment on column report.reconciliation_now.ingested is 'The sum of the charges as stored.';
comment on column report.reconciliation_now.attributed is 'What pods carry of it.';
comment on column report.reconciliation_now.unattributed is 'What nobody carries.';
comment on column report.reconciliation_now.difference is 'file − attributed − unattributed: 0.';
comment on column report.reconciliation_now.invoice is 'The total of the invoices stated for it; of BilledCost only, null where none was.';
comment on column report.reconciliation_now.invoice_difference is 'invoice − file; outturn report invoices says why.';
comment on column report.reconciliation_now.data_as_of is 'How far its data reaches.';

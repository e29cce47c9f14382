-- Sums of value follow counted_schedule: rows of a schedule by their verdicts, reviews that are due, dis-benefits below zero. Besides whole
-- months they hold the month that reports cut, up to the day at which they cut it.

-- The days at which reports cut their last month: sums of that month before them are kept too.
create table value_cut (
  cut_on date primary key check (extract(day from cut_on) > 1),
  kept_at timestamptz not null
);
-- Days alone, of nobody's: every report is framed by them.
grant select on value_cut to outturn_pod;

delete from value_month;
delete from outcome_month;
drop function outcome_months_of(bigint[]);

alter table outcome_month add column recognised_until date not null;
alter table value_month drop constraint value_month_key;
alter table value_month
  -- First day after what is summed up: of the next month, or a cut in this one.
  add column recognised_until date not null,
  add check (recognised_until > recognition_month and recognised_until <= recognition_month + interval '1 month'),
  add constraint value_month_key unique nulls not distinct
    (recognised_until, earlier_month, party, pod_id, state, basis, gross_or_margin, currency);

-- What some outcomes bring in each calendar month, and in each month up to a cut, split: a row for the whole (`total`), for each pod and for
-- what no pod has. `earlier_month`: the latest month before in which the outcome is recognised too, in the same state. Amounts are exact
-- differences of recognised_after, so that all months together are the amount. `only_until`: the months, or cuts, that end then only.
create function outcome_months_of(outcome_ids bigint[], only_until date default null)
returns table (
  outcome_id bigint, recognition_month date, earlier_month date, party text, pod_id text, state text, basis text, gross_or_margin text,
  currency text, amount numeric, recognised_until date
)
language sql stable as $$
  with counted as materialized (
    select * from counted_schedule where counted_schedule.outcome_id = any (outcome_ids)
  ), followed as (
    select *, lag(month) over (partition by outcome_id, state order by month) as earlier_month
    from (
      select distinct outcome_id, state, month::date as month
      from counted cross join generate_series(date_trunc('month', counted_from::timestamp), (counted_until - 1)::timestamp, interval '1 month') as month
    ) as touched
  ), ended as (
    select followed.*, span.until from followed
    cross join lateral (
      select (month + interval '1 month')::date as until
      union all select cut_on from value_cut where cut_on > month and cut_on < month + interval '1 month'
    ) as span
    where only_until is null or span.until = only_until
  ), recognised as (
    select ended.outcome_id, ended.state, ended.month, ended.earlier_month, ended.until, outcome.basis, outcome.gross_or_margin,
      outcome.currency, outcome.unattributed_basis_points,
      sum(recognised_after(counted.amount, least(ended.until, counted.counted_until) - counted.recognised_from,
          counted.recognised_until - counted.recognised_from)
        - recognised_after(counted.amount, greatest(ended.month, counted.counted_from) - counted.recognised_from,
          counted.recognised_until - counted.recognised_from)) as amount
    from ended
    join counted on counted.outcome_id = ended.outcome_id and counted.state = ended.state and counted.counted_from < ended.until
      and counted.counted_until > ended.month
    join outcome on outcome.id = ended.outcome_id
    group by ended.outcome_id, ended.state, ended.month, ended.earlier_month, ended.until, outcome.id
  )
  select outcome_id, month, earlier_month, 'total', null, state, basis, gross_or_margin, currency, amount, until from recognised
  union all
  select recognised.outcome_id, month, earlier_month, 'pod', share.pod_id, state, basis, gross_or_margin, currency,
    amount * share.basis_points * 0.0001, until
  from recognised join outcome_share as share on share.outcome_id = recognised.outcome_id
  union all
  select outcome_id, month, earlier_month, 'unattributed', null, state, basis, gross_or_margin, currency,
    amount * unattributed_basis_points * 0.0001, until
  from recognised where unattributed_basis_points > 0
$$;

insert into outcome_month (outcome_id, recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency, amount,
  recognised_until)
select * from outcome_months_of(array(select id from outcome));
insert into value_month (recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency, recognised_until, amount,
  outcomes)
select recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency, recognised_until, sum(amount), count(*)
from outcome_month group by 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- counted_schedule asks with the rights of whoever asks; below the views for BI tools it has to ask with the owner's.
do $$
begin
  execute 'create view whole_counted_schedule as ' || pg_get_viewdef('counted_schedule'::regclass);
end;
$$;

create or replace view reported_value_month as
with setting as (
  select reporting_currency, revenue_basis from organisation
), scheduled as (
  -- In the reporting currency a month is one difference of running amounts; in another each day has its own rate.
  select counted.outcome_id, counted.state, month.start as value_month,
    recognised_after(counted.amount, least(counted.counted_until, (month.start + interval '1 month')::date) - counted.recognised_from,
      counted.recognised_until - counted.recognised_from)
    - recognised_after(counted.amount, greatest(counted.counted_from, month.start) - counted.recognised_from,
      counted.recognised_until - counted.recognised_from) as amount,
    false as is_missing
  from whole_counted_schedule as counted join outcome on outcome.id = counted.outcome_id cross join setting
  cross join lateral (
    select start::date as start
    from generate_series(date_trunc('month', counted.counted_from::timestamp), (counted.counted_until - 1)::timestamp, interval '1 month') as start
  ) as month
  where outcome.currency = setting.reporting_currency
  union all
  select counted.outcome_id, counted.state, date_trunc('month', day.on_date::timestamp)::date,
    (recognised_after(counted.amount, day.on_date + 1 - counted.recognised_from, counted.recognised_until - counted.recognised_from)
      - recognised_after(counted.amount, day.on_date - counted.recognised_from, counted.recognised_until - counted.recognised_from))
      * rate.rate,
    rate.rate is null
  from whole_counted_schedule as counted join outcome on outcome.id = counted.outcome_id cross join setting
  cross join lateral generate_series(0, counted.counted_until - counted.counted_from - 1) as step
  cross join lateral (select counted.counted_from + step as on_date) as day
  left join conversion_rate as conversion on conversion.from_currency = outcome.currency
    and conversion.to_currency = setting.reporting_currency and conversion.on_date = day.on_date
  cross join lateral (
    select coalesce(conversion.rate, known_rate(outcome.currency, setting.reporting_currency, day.on_date)) as rate
  ) as rate
  where outcome.currency <> setting.reporting_currency
    -- Rates of days to come do not exist.
    and day.on_date <= (select last_known_day.day from last_known_day)
  union all
  select counted.outcome_id, counted.state, date_trunc('month', counted.counted_from::timestamp)::date, null, false
  from whole_counted_schedule as counted where counted.amount is null
), current_value as (
  select scheduled.value_month, scheduled.outcome_id, party.pod_id, scheduled.state,
    case when outcome.basis = 'cost_reduction' then null when outcome.basis <> 'revenue' then outcome.basis
      when outcome.gross_or_margin = 'gross' and setting.revenue_basis <> 'gross' then 'revenue_gross' end as beside,
    scheduled.amount * party.basis_points * 0.0001 as amount, scheduled.is_missing
  from scheduled join outcome on outcome.id = scheduled.outcome_id cross join setting
  cross join lateral (
    select pod_id, basis_points from outcome_share where outcome_share.outcome_id = outcome.id
    union all
    select null, outcome.unattributed_basis_points where outcome.unattributed_basis_points > 0
  ) as party
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

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

-- What standing statements of months say, by month: a report of a period with closed months reads these sums in place of frozen days.
-- Written when a month is approved, in that transaction.
create table standing_month (
  charge_month date primary key check (extract(day from charge_month) = 1),
  statement_id integer not null references statement (id),
  -- By which its values stand beside the return.
  revenue_basis text not null,
  -- Of its costs and values. Where there is another than the report's, each day has its own rate and days are read.
  currencies text[] not null
);
-- Settings alone, of nobody's: every report is framed by them.
grant select on standing_month to outturn_pod;

create table standing_cost (
  charge_month date not null,
  pod_id text,
  kind text not null check (kind in ('direct', 'shared')),
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  constraint standing_cost_key unique nulls not distinct (charge_month, pod_id, kind, billing_currency)
);

-- Each outcome of them once for the whole, for each pod and for what no pod has. `earlier_month`: the latest closed month before that says
-- the same of it (party, pod, state, beside).
create table standing_outcome (
  charge_month date not null,
  earlier_month date,
  outcome_id bigint not null,
  party text not null check (party in ('total', 'pod', 'unattributed')),
  pod_id text,
  state text not null,
  beside text,
  revenue_basis text not null,
  currency text,
  amount numeric
);
create index standing_outcome_outcome_id_idx on standing_outcome (outcome_id);
create index standing_outcome_charge_month_idx on standing_outcome (charge_month);

create table standing_value (
  charge_month date not null,
  earlier_month date,
  party text not null,
  pod_id text,
  state text not null,
  beside text,
  currency text,
  amount numeric,
  outcomes integer not null,
  constraint standing_value_key unique nulls not distinct (charge_month, earlier_month, party, pod_id, state, beside, currency)
);

-- Replaces the sums of these months' statements, and of later ones which of their outcomes are new in them; gives the outcomes whose
-- value_month may count otherwise now.
create function keep_standing_months(months date[]) returns setof bigint language plpgsql as $$
declare
  touched bigint[];
begin
  select coalesce(array_agg(outcome_id), '{}') into touched from (
    select outcome_id from standing_outcome where charge_month = any (months)
    union
    select value.outcome_id from closed_month join statement_value as value using (statement_id) where period_start = any (months)
  ) as either;

  delete from standing_cost where charge_month = any (months);
  insert into standing_cost
  select period_start, pod_id, kind, billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
  from closed_month join statement_pod_day using (statement_id)
  where period_start = any (months) and kind <> 'owned' group by 1, 2, 3, 4;

  with gone as (
    delete from standing_outcome where outcome_id = any (touched) returning *
  ), stated as (
    select closed.period_start as charge_month, outcome_id, case when pod_id is null then 'unattributed' else 'pod' end as party, pod_id,
      value.state, beside, coalesce(heading::json ->> 'revenueBasis', '') as revenue_basis, value.currency, value.amount
    from closed_month as closed join statement on statement.id = closed.statement_id
    join statement_value as value on value.statement_id = statement.id
    where closed.period_start = any (months)
  ), current as (
    select charge_month, outcome_id, party, pod_id, state, beside, revenue_basis, currency, amount
    from gone where not charge_month = any (months)
    union all
    select charge_month, outcome_id, party, pod_id, state, beside, revenue_basis, currency, sum(amount) from stated group by 1, 2, 3, 4, 5, 6, 7, 8
    union all
    select charge_month, outcome_id, 'total', null, state, beside, revenue_basis, currency, sum(amount) from stated group by 1, 2, 5, 6, 7, 8
  )
  insert into standing_outcome (charge_month, earlier_month, outcome_id, party, pod_id, state, beside, revenue_basis, currency, amount)
  select charge_month, lag(charge_month) over (partition by outcome_id, party, pod_id, state, beside order by charge_month),
    outcome_id, party, pod_id, state, beside, revenue_basis, currency, amount
  from current;

  delete from standing_value where charge_month >= (select min(month) from unnest(months) as month);
  insert into standing_value
  select charge_month, earlier_month, party, pod_id, state, beside, currency, sum(amount), count(*)
  from standing_outcome where charge_month >= (select min(month) from unnest(months) as month) group by 1, 2, 3, 4, 5, 6, 7;

  delete from standing_month where charge_month = any (months);
  insert into standing_month
  select closed.period_start, closed.statement_id, coalesce(heading::json ->> 'revenueBasis', ''), array(
    select cost.billing_currency from standing_cost as cost where cost.charge_month = closed.period_start
    union select value.currency from standing_value as value where value.charge_month = closed.period_start and value.currency is not null)
  from (select statement_id, period_start from closed_month where period_start = any (months)) as closed
  join statement on statement.id = closed.statement_id;

  return query select unnest(touched);
end;
$$;

select keep_standing_months(array(select period_start from closed_month));

-- Which closed month already has the outcome goes into the keys of value_month, so that a report with closed months counts it once.
delete from value_month;
delete from outcome_month;
drop function outcome_months_of(bigint[], date);
alter table outcome_month add column stated_month date;
alter table value_month drop constraint value_month_key;
alter table value_month
  -- The latest closed month whose statement has these outcomes too, under the same party, pod, state and place beside the return.
  add column stated_month date,
  add constraint value_month_key unique nulls not distinct
    (recognised_until, earlier_month, stated_month, party, pod_id, state, basis, gross_or_margin, currency);

-- What some outcomes bring in each calendar month, and in each month up to a cut, split: a row for the whole (`total`), for each pod and for
-- what no pod has. `earlier_month`: the latest month before in which the outcome is recognised too, in the same state. `stated_month`: as in
-- value_month. Amounts are exact differences of recognised_after, so that all months together are the amount. `only_until`: the months, or
-- cuts, that end then only.
create function outcome_months_of(outcome_ids bigint[], only_until date default null)
returns table (
  outcome_id bigint, recognition_month date, earlier_month date, party text, pod_id text, state text, basis text, gross_or_margin text,
  currency text, amount numeric, recognised_until date, stated_month date
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
  ), split as (
    select outcome_id, month, earlier_month, 'total' as party, null as pod_id, state, basis, gross_or_margin, currency, amount, until
    from recognised
    union all
    select recognised.outcome_id, month, earlier_month, 'pod', share.pod_id, state, basis, gross_or_margin, currency,
      amount * share.basis_points * 0.0001, until
    from recognised join outcome_share as share on share.outcome_id = recognised.outcome_id
    union all
    select outcome_id, month, earlier_month, 'unattributed', null, state, basis, gross_or_margin, currency,
      amount * unattributed_basis_points * 0.0001, until
    from recognised where unattributed_basis_points > 0
  ), stated as (
    select standing.outcome_id, standing.party, coalesce(standing.pod_id, '') as pod_id, standing.state, max(charge_month) as stated_month
    from standing_outcome as standing join outcome on outcome.id = standing.outcome_id
    where standing.outcome_id = any (outcome_ids) and standing.beside is not distinct from case
      when outcome.basis = 'cost_reduction' then null
      when outcome.basis <> 'revenue' then outcome.basis
      when outcome.gross_or_margin = 'gross' and standing.revenue_basis <> 'gross' then 'revenue_gross' end
    group by 1, 2, 3, 4
  )
  select split.outcome_id, month, earlier_month, split.party, split.pod_id, split.state, basis, gross_or_margin, currency, amount, until,
    stated.stated_month
  from split left join stated on stated.outcome_id = split.outcome_id and stated.party = split.party
    and stated.pod_id = coalesce(split.pod_id, '') and stated.state = split.state
$$;

insert into outcome_month (outcome_id, recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency, amount,
  recognised_until, stated_month)
select * from outcome_months_of(array(select id from outcome));
insert into value_month (recognition_month, earlier_month, stated_month, party, pod_id, state, basis, gross_or_margin, currency,
  recognised_until, amount, outcomes)
select recognition_month, earlier_month, stated_month, party, pod_id, state, basis, gross_or_margin, currency, recognised_until, sum(amount),
  count(*)
from outcome_month group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;

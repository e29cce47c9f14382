-- Recognised value by calendar month: what reports read of whole months in their own currency, some rows a pod however many outcomes there
-- are. Kept in the transaction that changes an outcome, by the difference it makes. In another currency than the outcome's each day has
-- its own rate, so that days are read.

-- What some outcomes bring in each calendar month, split: a row for the whole (`total`), for each pod and for what no pod has.
-- `earlier_month`: the latest month before in which the outcome is recognised too. Months are exact differences of recognised_after, so
-- that all of them together are the amount.
create function outcome_months_of(outcome_ids bigint[])
returns table (
  outcome_id bigint, recognition_month date, earlier_month date, party text, pod_id text, state text, basis text, gross_or_margin text,
  currency text, amount numeric
)
language sql stable as $$
  with recognised as (
    select scheduled.outcome_id, month::date as recognition_month, outcome.state, outcome.basis, outcome.gross_or_margin, outcome.currency,
      outcome.unattributed_basis_points,
      sum(recognised_after(scheduled.amount, (month + interval '1 month')::date - recognised_from, recognised_until - recognised_from)
        - recognised_after(scheduled.amount, month::date - recognised_from, recognised_until - recognised_from)) as amount
    from outcome join outcome_schedule as scheduled on scheduled.outcome_id = outcome.id
    cross join generate_series(date_trunc('month', recognised_from::timestamp), (recognised_until - 1)::timestamp, interval '1 month') as month
    where outcome.id = any (outcome_ids) and outcome.state in ('verified', 'claimed')
    group by scheduled.outcome_id, outcome.id, month
    union all
    select id, date_trunc('month', delivered_on::timestamp)::date, state, basis, gross_or_margin, null, unattributed_basis_points, null
    from outcome where id = any (outcome_ids) and state in ('verified', 'claimed') and amount is null
  ), followed as (
    select *, lag(recognition_month) over (partition by outcome_id, state order by recognition_month) as earlier_month from recognised
  )
  select outcome_id, recognition_month, earlier_month, 'total', null, state, basis, gross_or_margin, currency, amount from followed
  union all
  select outcome_id, recognition_month, earlier_month, 'pod', share.pod_id, state, basis, gross_or_margin, currency,
    amount * share.basis_points * 0.0001
  from followed join outcome_share as share using (outcome_id)
  union all
  select outcome_id, recognition_month, earlier_month, 'unattributed', null, state, basis, gross_or_margin, currency,
    amount * unattributed_basis_points * 0.0001
  from followed where unattributed_basis_points > 0
$$;

-- What each outcome brought to value_month, so that a change takes exactly that away again.
create table outcome_month (
  outcome_id bigint not null references outcome (id),
  recognition_month date not null,
  earlier_month date,
  party text not null check (party in ('total', 'pod', 'unattributed')),
  pod_id text,
  state text not null,
  basis text not null,
  gross_or_margin text,
  -- Null, as the amount is, where an outcome has no money.
  currency text,
  amount numeric
);
create index outcome_month_outcome_id_idx on outcome_month (outcome_id, recognition_month);

create table value_month (
  recognition_month date not null check (extract(day from recognition_month) = 1),
  -- Of these outcomes. So many distinct ones are recognised in a range of months: those whose earlier month is null or before the range.
  earlier_month date,
  party text not null check (party in ('total', 'pod', 'unattributed')),
  pod_id text check ((party = 'pod') = (pod_id is not null)),
  state text not null,
  basis text not null,
  gross_or_margin text,
  currency text check ((currency is null) = (amount is null)),
  amount numeric,
  outcomes integer not null,
  constraint value_month_key unique nulls not distinct
    (recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency)
);
create index value_month_gone_idx on value_month (outcomes) where outcomes = 0;

insert into outcome_month select * from outcome_months_of(array(select id from outcome));
insert into value_month
select recognition_month, earlier_month, party, pod_id, state, basis, gross_or_margin, currency, sum(amount), count(*)
from outcome_month group by 1, 2, 3, 4, 5, 6, 7, 8;

-- A pod's token sees its own rows, as of every figure; its reports read outcomes one by one.
grant select on value_month to outturn_pod;
alter table value_month enable row level security;
create policy pod_reads_its_value_months on value_month for select to outturn_pod using (pod_id = any (readable_pods()));

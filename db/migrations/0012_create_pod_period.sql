-- What of a pod changes over time: its portfolio, owner and cost centre by charge date, and the pods that succeed it. `pod` keeps
-- today's values; reports over a window of days read these. A pod that leaves the file keeps its rows.

create table pod_period (
  pod_id text not null references pod (id),
  -- Half-open; -infinity and infinity where unbounded. The rows of a pod cover all dates without a gap.
  valid_from date not null,
  valid_until date not null,
  portfolio_id text references portfolio (id),
  owner_email text,
  cost_centre text,
  primary key (pod_id, valid_from),
  check (valid_from < valid_until)
);

-- A pod's successors take all of it between them; no chain of successions comes back to a pod.
create table pod_successor (
  pod_id text not null references pod (id),
  successor_pod_id text not null references pod (id),
  basis_points integer not null check (basis_points between 1 and 10000),
  primary key (pod_id, successor_pod_id),
  check (pod_id <> successor_pod_id)
);

-- The rows of pod_period that an organisation (the content of applied_file) says. A dated value holds until the next one starts;
-- before the first one there is none.
create function pod_periods_of(content jsonb)
returns table (pod_id text, valid_from date, valid_until date, portfolio_id text, owner_email text, cost_centre text)
language sql stable as $$
  with pod as (
    select entry ->> 'id' as pod_id, entry from jsonb_array_elements(content -> 'pods') as entry
  ), dated as (
    select pod.pod_id, attribute.name, value.entry ->> 'value' as value, coalesce((value.entry ->> 'from')::date, '-infinity') as valid_from
    from pod cross join (values ('portfolio'), ('owner'), ('costCentre')) as attribute (name)
    cross join jsonb_array_elements(pod.entry -> attribute.name) as value (entry)
  ), bound as (
    select pod_id, date '-infinity' as valid_from from pod union select dated.pod_id, dated.valid_from from dated
  ), held as (
    select bound.pod_id, bound.valid_from, attribute.name, (
      select dated.value from dated
      where dated.pod_id = bound.pod_id and dated.name = attribute.name and dated.valid_from <= bound.valid_from
      order by dated.valid_from desc limit 1) as value
    from bound cross join (values ('portfolio'), ('owner'), ('costCentre')) as attribute (name)
  )
  select held.pod_id, held.valid_from,
    lead(held.valid_from, 1, date 'infinity') over (partition by held.pod_id order by held.valid_from),
    max(held.value) filter (where held.name = 'portfolio'),
    max(held.value) filter (where held.name = 'owner'),
    max(held.value) filter (where held.name = 'costCentre')
  from held group by held.pod_id, held.valid_from
$$;

-- The rows of pod_successor that an organisation says.
create function pod_successors_of(content jsonb)
returns table (pod_id text, successor_pod_id text, basis_points integer) language sql stable as $$
  select pod ->> 'id', successor ->> 'pod', (successor ->> 'basisPoints')::integer
  from jsonb_array_elements(content -> 'pods') as pod, jsonb_array_elements(pod -> 'succeededBy') as successor
$$;

insert into pod_period
select period.* from (select content from applied_file order by id desc limit 1) as applied, pod_periods_of(applied.content) as period;

insert into pod_successor
select successor.* from (select content from applied_file order by id desc limit 1) as applied, pod_successors_of(applied.content) as successor;

-- Every pod on every date. A pod that no file has dated holds what its row says.
create view dated_pod with (security_invoker = true) as
select pod_id, valid_from, valid_until, portfolio_id, owner_email, cost_centre from pod_period
union all
select id, '-infinity', 'infinity', portfolio_id, owner_email, cost_centre from pod
where not exists (select from pod_period where pod_period.pod_id = pod.id);

-- The same as a closed month found it: later changes of the file move nothing in a closed period.
create table statement_pod_period (
  statement_id integer not null references statement (id),
  pod_id text not null,
  valid_from date not null,
  valid_until date not null,
  portfolio_id text,
  owner_email text,
  cost_centre text,
  primary key (statement_id, pod_id, valid_from)
);

-- Kept whoever prepares the statement.
create function keep_statement_pods() returns trigger language plpgsql as $$
begin
  insert into statement_pod_period
  select new.id, pod_id, valid_from, valid_until, portfolio_id, owner_email, cost_centre from dated_pod;
  return null;
end;
$$;
create trigger statement_keeps_pods after insert on statement
for each row when (new.kind = 'month') execute function keep_statement_pods();
create trigger statement_pod_period_is_final before update or delete on statement_pod_period
for each row execute function refuse_statement_change();

-- Every pod on every date as now known (statement_id null) and as each closed month knew it.
create view held_pod with (security_invoker = true) as
select null::integer as statement_id, pod_id, valid_from, valid_until, portfolio_id, owner_email, cost_centre from dated_pod
union all
select statement_id, pod_id, valid_from, valid_until, portfolio_id, owner_email, cost_centre from statement_pod_period;

grant select on pod_period, dated_pod, statement_pod_period, held_pod to outturn_pod;
alter table pod_period enable row level security;
create policy pod_reads_its_periods on pod_period for select to outturn_pod using (pod_id = any (readable_pods()));
alter table statement_pod_period enable row level security;
create policy pod_reads_its_closed_periods on statement_pod_period for select to outturn_pod using (pod_id = any (readable_pods()));

-- What was taken back, as it stood then: the version that a retraction wrote has the shares, the schedule and the verdicts of before it, and keeps
-- them when the outcome is claimed anew. A row per party that had a share, pod_id null for nobody, with what had counted and how much of that as
-- verified, over the whole schedule and below zero for a dis-benefit; both null without money. From the day its review was due, what was verified
-- counted as claimed. Whoever may not read what was stated sees its own pods.
create view retracted_part with (security_barrier = true) as
select act.outcome_id, act.version, act.at, act.reason, act.content ->> 'title' as title, party.pod_id, act.content ->> 'currency' as currency,
  trim_scale(counted.amount * party.basis_points * 0.0001) as amount, trim_scale(counted.verified * party.basis_points * 0.0001) as verified
from outcome_version as act
cross join lateral (
  select factor * sum(case scheduled.verdict when 'open' then scheduled.amount else coalesce(verified_amount, 0) end) as amount,
    factor * sum(coalesce(recognised_after(verified_amount,
      least(recognised_until, coalesce((act.content ->> 'reviewDueOn')::date, 'infinity')) - recognised_from,
      recognised_until - recognised_from), 0)) as verified
  from (select case act.content ->> 'effect' when 'dis_benefit' then -1 else 1 end as factor) as effect
  cross join lateral jsonb_array_elements(act.content -> 'schedule') as entry
  cross join lateral (
    select (entry ->> 'from')::date as recognised_from, (entry ->> 'until')::date as recognised_until, (entry ->> 'amount')::numeric as amount,
      entry ->> 'verdict' as verdict, (entry ->> 'verifiedAmount')::numeric as verified_amount) as scheduled
  group by factor
  union all
  select null, null where act.content ->> 'amount' is null
) as counted
cross join lateral (
  select share ->> 'podId' as pod_id, (share ->> 'basisPoints')::integer as basis_points
  from jsonb_array_elements(act.content -> 'shares') as share
  union all
  select null, 10000 - coalesce(sum((share ->> 'basisPoints')::integer), 0)::integer
  from jsonb_array_elements(act.content -> 'shares') as share having coalesce(sum((share ->> 'basisPoints')::integer), 0) < 10000
) as party
where act.act = 'retracted'
  and (has_column_privilege('outcome_version'::regclass, 'content', 'select') or party.pod_id = any (readable_pods()));

grant select on retracted_part to outturn_pod;

create index outcome_version_retracted_idx on outcome_version (at) where act = 'retracted';

/**
 * Who answers for a scope on a day, as SQL: a pod's portfolio and owner are those of that day, whatever the file was applied when. Finance partners have no
 * dates; a portfolio's is that of the portfolio of the day.
 */
import { type RawBuilder, sql } from 'kysely';
import { type IsoDate, utcDate } from '../kernel/period.ts';

/**
 * Joins `pod_people` (portfolio_id, owner_email, finance_partner_email) and `portfolio_people` (id and the same) to rows with a scope. Without a day they
 * are those of the last applied file.
 */
export function joinScopePeople(scope: {
  readonly kind: RawBuilder<unknown>;
  readonly id: RawBuilder<unknown>;
  readonly at: Date | null;
}): RawBuilder<unknown> {
  const on: IsoDate | null = scope.at === null ? null : utcDate(scope.at);
  return sql`
    left join lateral (
      select coalesce(dated.portfolio_id, pod.portfolio_id) as portfolio_id, coalesce(dated.owner_email, pod.owner_email) as owner_email,
        pod.finance_partner_email
      from pod left join dated_pod as dated on dated.pod_id = pod.id and dated.valid_from <= ${on}::date and dated.valid_until > ${on}::date
      where ${scope.kind} = 'pod' and pod.id = ${scope.id}
    ) as pod_people on true
    left join portfolio as portfolio_people
      on portfolio_people.id = case ${scope.kind} when 'pod' then pod_people.portfolio_id when 'portfolio' then ${scope.id} end`;
}

/** What gates the verification of stored outcomes, as it stands in the tables. A pod reads what it may see. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import type { GatedOutcome } from './verification-gates.ts';

/** By id; ids that name nothing are left out. */
export async function readGates(
  db: Kysely<DB>,
  outcomeIds: readonly string[],
): Promise<ReadonlyMap<string, GatedOutcome>> {
  const { rows } = await sql<{ id: string; gated: GatedOutcome }>`
    select outcome.id::text as id, jsonb_build_object(
      'basis', basis, 'reviewDueOn', review_due_on, 'hasAmount', amount is not null, 'hasRange', amount_low is not null and amount_high is not null,
      'hasBaseline', baseline is not null or baseline_value is not null, 'isOwnBillBaseline', is_own_bill_baseline,
      'evidence', (
        select coalesce(jsonb_agg(jsonb_build_object('uri', uri, 'isBroken', broken_at is not null and mended_at is null) order by id), '[]')
        from outcome_evidence where outcome_id = outcome.id),
      'shares', (
        select coalesce(jsonb_agg(jsonb_build_object('podId', pod_id, 'isAgreed', agreed_by is not null) order by pod_id), '[]')
        from outcome_share where outcome_id = outcome.id),
      'duplicates', (
        select coalesce(jsonb_agg(jsonb_build_object('outcomeId', other.id::text, 'answer', answer) order by other.id), '[]')
        from outcome_duplicate as pair left join outcome as other on other.id = pair.outcome_id + pair.other_id - outcome.id
        where outcome.id in (pair.outcome_id, pair.other_id) and is_counted_outcome(pair.outcome_id + pair.other_id - outcome.id)),
      'dayWithoutCeiling', (
        select min(day)::date from outcome_schedule as scheduled
        cross join generate_series(recognised_from, recognised_until - 1, interval '1 day') as day
        where scheduled.outcome_id = outcome.id and outcome.pool_id is not null and not exists (
          select from outcome_pool_ceiling as ceiling where ceiling.pool_id = outcome.pool_id and day >= valid_from and day < valid_until))
    ) as gated
    from outcome where id = any (${[...outcomeIds]}::bigint[])`.execute(db);
  return new Map(rows.map(({ id, gated }) => [id, gated]));
}

/** What checking a statement needs to know from the database: pods with their owners and people, units of types, currencies of pools. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../kernel/ports.ts';
import type { OutcomeContext } from './checked-outcome.ts';

/** Reads it afresh: `typeUnits` collects what the statements checked with it add. */
export async function readOutcomeContext(
  db: Kysely<DB>,
  options: { principal: Principal; isSheet: boolean; at: Date },
): Promise<OutcomeContext> {
  const pods = await db.selectFrom('pod').select(['id', 'owner_email']).execute();
  const types = await sql<{ id: string; unit: string }>`select id, unit from outcome_type`.execute(db);
  const pools = await db.selectFrom('outcome_pool').select(['id', 'currency']).execute();
  return {
    principal: options.principal,
    isSheet: options.isSheet,
    pods: new Map(pods.map((pod) => [pod.id, { ownerEmail: pod.owner_email }])),
    typeUnits: new Map(types.rows.map((type) => [type.id, type.unit])),
    podsOf: await readPodsOf(db, options.at),
    poolCurrencies: new Map(pools.map((pool) => [pool.id, pool.currency])),
  };
}

/** The pods of each person: those they own, and those a token of theirs is bound to. */
export async function readPodsOf(db: Kysely<DB>, at: Date): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql<{ person: string; pods: string[] }>`
    select lower(trim(person)) as person, array_agg(distinct pod_id) as pods from (
      select owner_email as person, id as pod_id from pod where owner_email is not null
      union all
      select principal, unnest(pods) from api_token
      where role = 'pod' and revoked_at is null and expires_at > ${at.toISOString()}::timestamptz
    ) as member group by 1`.execute(db);
  return new Map(rows.map(({ person, pods }) => [person, pods]));
}

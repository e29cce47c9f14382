/** What checking a statement needs to know from the database: pods with their owners and people, units of types, currencies of pools. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../kernel/ports.ts';
import type { OutcomeContext } from './statement/checked-outcome.ts';
import { mailboxOf } from './outcome.ts';

/** Of a row of `outcome`: it was not taken back, so that its type counts in its unit. */
export const STANDS = sql`outcome.state not in ('rejected', 'retracted', 'superseded')`;

/** Reads it afresh: `typeUnits` collects what the statements checked with it add. */
export async function readOutcomeContext(
  db: Kysely<DB>,
  options: { principal: Principal; at: Date },
): Promise<OutcomeContext> {
  const pods = await db.selectFrom('pod').select(['id', 'owner_email']).execute();
  const types = await sql<{ id: string; unit: string }>`
    select id, unit from outcome_type where exists (select from outcome where outcome.outcome_type = outcome_type.id and ${STANDS})`.execute(
    db,
  );
  const pools = await db.selectFrom('outcome_pool').select(['id', 'currency']).execute();
  return {
    principal: options.principal,
    pods: new Map(pods.map((pod) => [pod.id, { ownerEmail: pod.owner_email }])),
    typeUnits: new Map(types.rows.map((type) => [type.id, type.unit])),
    podsOf: await readPodsOf(db, options.at),
    poolCurrencies: new Map(pools.map((pool) => [pool.id, pool.currency])),
  };
}

/** The pods of each person, by mailbox: those they own, and those a token of theirs is bound to. */
export async function readPodsOf(db: Kysely<DB>, at: Date): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql<{ person: string; pod: string }>`
    select owner_email as person, id as pod from pod where owner_email is not null
    union
    select principal, unnest(pods) from api_token
    where role = 'pod' and revoked_at is null and expires_at > ${at.toISOString()}::timestamptz`.execute(db);
  const podsOf = new Map<string, string[]>();
  for (const { person, pod } of rows) {
    const mailbox = mailboxOf(person);
    podsOf.set(mailbox, [...(podsOf.get(mailbox) ?? []), pod]);
  }
  return podsOf;
}

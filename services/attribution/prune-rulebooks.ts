/**
 * Takes away what was made for rulebooks that nobody can ask for any more: their attribution and rollups. The rulebooks themselves stay,
 * and one that comes back is made anew. Kept are the rulebook in force, those that were in force in the last 90 days (a report as known
 * then reads them), those of statements, those prepared in the last day, and every layer one of these is laid upon.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { lockRulebookInForce } from './locks.ts';

const RETENTION_DAYS = 90;
/** A preparation may take hours, and an apply follows it at once. */
const PREPARED_HOURS = 24;
/** Pruned in one run at the most; the job comes back. */
const RULEBOOKS_PER_RUN_MAX = 50;

/** Numbers of the rulebooks whose attribution and rollups may go; one that others are laid upon comes after these. */
export async function listUnneededRulebooks(db: Kysely<DB>, now: Date): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    with in_force as (
      select rulebook_id, lead(activated_at) over (order by activated_at, id) as replaced_at from rulebook_activation
    ), needed as (
      select rulebook_id from organisation
      union select rulebook_id from in_force where replaced_at is null
        or replaced_at > ${now.toISOString()}::timestamptz - make_interval(days => ${RETENTION_DAYS})
      union select 0 where not exists (select from rulebook_activation
        where activated_at <= ${now.toISOString()}::timestamptz - make_interval(days => ${RETENTION_DAYS}))
      union select rulebook_id from statement where state <> 'discarded'
      union select rulebook_id from rulebook_layer where distance = 0
        and laid_at > ${now.toISOString()}::timestamptz - make_interval(hours => ${PREPARED_HOURS})
    )
    select layer_id as id from rulebook_layer
    where distance = 0 and layer_id not in (
      select rulebook_id from needed union select layer_id from rulebook_layer join needed using (rulebook_id))
    order by (select count(*) from rulebook_layer as above where above.layer_id = rulebook_layer.layer_id), id
    limit ${RULEBOOKS_PER_RUN_MAX}
  `.execute(db);
  return rows.map((row) => row.id);
}

/**
 * Takes away what was made for one of them, unless it is needed again by now. While it works no rulebook comes into force and no load is
 * published, so that neither finds half of it.
 */
export async function pruneRulebook(trx: Transaction<DB>, rulebookId: number, now: Date): Promise<boolean> {
  await lockRulebookInForce(trx, 'exclusive');
  if (!(await listUnneededRulebooks(trx, now)).includes(rulebookId)) return false;
  await sql`
    update pod_cost set replaced_in = nullif(array_remove(replaced_in, ${rulebookId}), '{}')
    from rollup_layer as layer
    where layer.rulebook_id = ${rulebookId} and pod_cost.load_id = layer.load_id and pod_cost.rulebook_id = layer.layer_id
      and ${rulebookId} = any (replaced_in)
  `.execute(trx);
  for (const table of ['pod_cost', 'rollup_month', 'rollup_layer', 'load_rollup', 'attribution', 'rulebook_layer']) {
    await sql`delete from ${sql.table(table)} where rulebook_id = ${rulebookId}`.execute(trx);
  }
  return true;
}

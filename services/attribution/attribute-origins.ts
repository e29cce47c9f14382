/**
 * Gives origins their attribution under a rulebook, set-based. Rows are insert-only and the same whoever writes them, so any
 * number of processes may attribute overlapping origins at once, and a killed one leaves nothing to repair. A rulebook that is laid upon
 * another one gets rows only for the origins that the layers below do not answer for.
 */
import { CompiledQuery, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from './bulk-plans.ts';
import { chargeTableOf } from './charge-table.ts';
import { compileMovedOrigins } from './compile-moved.ts';
import { type Bind, compileAttribution } from './compile-rules.ts';
import { ensureLayers } from './rulebook-layers.ts';
import { type NumberedRulebook, readRulebook } from './store-rulebook.ts';

/** Attributes the load's origins that have no attribution under the rulebook yet; gives the rows written. */
export async function attributeLoadOrigins(trx: Transaction<DB>, rulebookId: number, loadId: string): Promise<number> {
  const table = await chargeTableOf(trx, loadId);
  return attribute(
    trx,
    rulebookId,
    (bind) => `origin.id in (select origin_id from ${table} where load_id = ${bind(loadId, 'bigint')})`,
  );
}

/** Attributes every origin that has no attribution under the rulebook yet. */
export async function attributeAllOrigins(trx: Transaction<DB>, rulebookId: number): Promise<number> {
  return attribute(trx, rulebookId, () => 'true');
}

/**
 * Attributes at most `originsMax` origins with an id above `afterId`; gives the last id, or null where none was left. Preparing
 * a rulebook walks all origins this way, a transaction each, so that a killed preparation keeps what it had.
 */
export async function attributeNextOrigins(
  trx: Transaction<DB>,
  rulebookId: number,
  afterId: string,
  originsMax: number,
): Promise<string | null> {
  const { rows } = await sql<{ last_id: string | null }>`
    select max(id)::text as last_id from (
      select id from origin where id > ${afterId}::bigint order by id limit ${originsMax}
    ) as page
  `.execute(trx);
  const lastId = rows[0]?.last_id ?? null;
  if (lastId === null) return null;
  await attribute(
    trx,
    rulebookId,
    (bind) => `origin.id > ${bind(afterId, 'bigint')} and origin.id <= ${bind(lastId, 'bigint')}`,
  );
  return lastId;
}

async function attribute(
  trx: Transaction<DB>,
  rulebookId: number,
  originFilter: (bind: Bind) => string,
): Promise<number> {
  const layers: NumberedRulebook[] = [];
  for (const layerId of await ensureLayers(trx, rulebookId)) layers.push(await readRulebook(trx, layerId));
  const [rulebook] = layers;
  if (rulebook === undefined) throw new Error(`rulebook ${rulebookId} has no layer, not even itself`);
  const { text, parameters } = compileAttribution(rulebookId, rulebook.content, (bind) =>
    layers.length === 1
      ? `${originFilter(bind)} and ${isUnattributed(rulebookId, bind)}`
      : `origin.id in (${compileMovedOrigins(layers, originFilter, bind)})`,
  );
  const result = await withBulkPlans(trx, () => trx.executeQuery(CompiledQuery.raw(text, [...parameters])));
  return Number(result.numAffectedRows ?? 0n);
}

function isUnattributed(rulebookId: number, bind: Bind): string {
  return `not exists (select from attribution
    where attribution.rulebook_id = ${bind(rulebookId, 'integer')} and attribution.origin_id = origin.id)`;
}

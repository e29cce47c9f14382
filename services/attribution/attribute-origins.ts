/**
 * Gives origins their attribution under a rulebook, set-based. Rows are insert-only and the same whoever writes them, so any
 * number of processes may attribute overlapping origins at once, and a killed one leaves nothing to repair. A rulebook that is laid upon
 * another one gets rows only for the origins that the layers below do not answer for.
 */
import { CompiledQuery, type Kysely, sql, type Transaction } from 'kysely';
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

/** Origins that follow each other by id: those above the part before, up to the last id. */
export interface OriginPart {
  readonly lastId: string;
  readonly originCount: number;
}

/**
 * Cuts the origins that are there into parts of at most `originsMax`, in the order of their ids. Preparing a rulebook attributes them part
 * by part, a transaction each, so that a killed preparation keeps what it had. One walk tells both the parts and how many there are.
 */
export async function listOriginParts(db: Kysely<DB>, originsMax: number): Promise<OriginPart[]> {
  const { rows } = await sql<OriginPart>`
    select max(id)::text as "lastId", count(*)::integer as "originCount"
    from (select id, (row_number() over (order by id) - 1) / ${originsMax}::integer as part from origin) as numbered
    group by part order by part
  `.execute(db);
  return rows;
}

/** Attributes the origins with an id above `afterId` (null: from the first one) and up to `lastId` that have no attribution yet. */
export async function attributeOriginsBetween(
  trx: Transaction<DB>,
  rulebookId: number,
  afterId: string | null,
  lastId: string,
): Promise<number> {
  // Origin ids are digests cut to 63 bits, so every id is above this.
  return attribute(
    trx,
    rulebookId,
    (bind) => `origin.id > ${bind(afterId ?? '-1', 'bigint')} and origin.id <= ${bind(lastId, 'bigint')}`,
  );
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

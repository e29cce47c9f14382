/**
 * Gives origins their attribution under a rulebook, set-based. Rows are insert-only and the same whoever writes them, so any
 * number of processes may attribute overlapping origins at once, and a killed one leaves nothing to repair. A rulebook that is laid upon
 * another one gets rows only for the origins that the layers below do not answer for.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from './bulk-plans.ts';
import { chargeTableOf } from './charge-table.ts';
import { compileMovedOrigins } from './compile-moved.ts';
import { type Bind, compileAttribution } from './compile-rules.ts';
import { insertAttribution } from './insert-attribution.ts';
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

/** Origins with an id above `afterId` and up to `lastId`. */
export interface OriginPart {
  readonly afterId: string;
  readonly lastId: string;
}

/** Ids are digests cut to this many bits, spread evenly. */
const ID_BITS = 63n;

/** Cuts all ids that origins can have into equal parts, so many that each holds about `originsMax` of the origins there are. */
export async function listOriginParts(db: Kysely<DB>, originsMax: number): Promise<OriginPart[]> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from origin`.execute(db);
  const parts = BigInt(Math.ceil(Math.max(rows[0]?.count ?? 0, 1) / originsMax));
  const boundOf = (part: bigint) => String((part << ID_BITS) / parts - 1n);
  return Array.from({ length: Number(parts) }, (_part, index) => ({
    afterId: boundOf(BigInt(index)),
    lastId: boundOf(BigInt(index) + 1n),
  }));
}

/** Attributes the origins of a part that have no attribution yet. */
export async function attributeOriginsBetween(
  trx: Transaction<DB>,
  rulebookId: number,
  { afterId, lastId }: OriginPart,
): Promise<number> {
  return attribute(
    trx,
    rulebookId,
    (bind) => `origin.id > ${bind(afterId, 'bigint')} and origin.id <= ${bind(lastId, 'bigint')}`,
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
  const statement = compileAttribution(rulebookId, rulebook.content, (bind) =>
    layers.length === 1
      ? `${originFilter(bind)} and ${isUnattributed(rulebookId, bind)}`
      : `origin.id in (${compileMovedOrigins(layers, originFilter, bind)})`,
  );
  return withBulkPlans(trx, () => insertAttribution(trx, statement));
}

function isUnattributed(rulebookId: number, bind: Bind): string {
  return `not exists (select from attribution
    where attribution.rulebook_id = ${bind(rulebookId, 'integer')} and attribution.origin_id = origin.id)`;
}

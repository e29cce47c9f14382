/**
 * What a rulebook is laid upon: its base is the rulebook that was in force when it was prepared first. Only the origins that their
 * difference may have moved are attributed anew, so the change of one rule costs by that rule's origins. Once laid, a rulebook keeps its
 * layers: attribution and rollups under it are read through them.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { movedRules } from './moved-rules.ts';
import { currentRulebook, readRulebook } from './store-rulebook.ts';

/** Every layer is one more lookup per origin; after so many a rulebook stands for itself again. */
const LAYERS_MAX = 8;
/** Where more of the rules than this moved, asking each origin about them costs what attributing it does. */
export const MOVED_SHARE_MAX = 0.5;
/** Where more of the rules than this give to somebody else, nearly nothing would be left to the rulebook below. */
const GIVEN_SHARE_MAX = 0.5;

/** The rulebook and those below it, nearest first; empty where it was never laid. */
export async function readLayers(db: Kysely<DB>, rulebookId: number): Promise<number[]> {
  const { rows } = await sql<{ layer_id: number }>`
    select layer_id from rulebook_layer where rulebook_id = ${rulebookId} order by distance
  `.execute(db);
  return rows.map((row) => row.layer_id);
}

/**
 * Lays a stored rulebook where that was not done yet; gives its layers as `readLayers` does.
 * @throws AppError not_found.
 */
export async function ensureLayers(trx: Transaction<DB>, rulebookId: number): Promise<number[]> {
  const known = await readLayers(trx, rulebookId);
  if (known.length > 0) return known;
  // A second process that lays the same rulebook waits here and then finds it laid.
  await sql`select from rulebook where id = ${rulebookId} for no key update`.execute(trx);
  const laid = await readLayers(trx, rulebookId);
  if (laid.length > 0) return laid;
  const layers = [rulebookId, ...(await chooseBase(trx, rulebookId))];
  await sql`
    insert into rulebook_layer (rulebook_id, distance, layer_id)
    select ${rulebookId}, place - 1, layer_id from unnest(${layers}::integer[]) with ordinality as layer (layer_id, place)
  `.execute(trx);
  return layers;
}

/** The layers of the rulebook in force where it serves as a base; none where this one stands for itself. */
async function chooseBase(trx: Transaction<DB>, rulebookId: number): Promise<number[]> {
  const { content } = await readRulebook(trx, rulebookId);
  const former = await currentRulebook(trx);
  const below = former.id === rulebookId ? [] : await readLayers(trx, former.id);
  if (below.length === 0 || below.length >= LAYERS_MAX || below.includes(rulebookId)) return [];
  const moved = movedRules(former.content, content);
  const isMostlyMoved =
    moved.asked.length + moved.gone.length > MOVED_SHARE_MAX * (content.rules.length + former.content.rules.length);
  return isMostlyMoved || moved.given.length > GIVEN_SHARE_MAX * content.rules.length ? [] : below;
}

/**
 * The attribution of all origins under a rulebook, layer by layer. It has the rows of `attributed_origin`, which looks up the nearer
 * layers origin by origin: that suits a few origins, while here each layer's origins are hashed once.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { readLayers } from './rulebook-layers.ts';

/** A query of rows (origin_id, valid_from, valid_until, rule_id, kind, pod_id), in parentheses. */
export async function laidAttribution(db: Kysely<DB>, rulebookId: number): Promise<RawBuilder<unknown>> {
  const laid = await readLayers(db, rulebookId);
  const layers = laid.length === 0 ? [rulebookId] : laid;
  const parts = layers.map((layer, index) => {
    const rows = sql`select origin_id, valid_from, valid_until, rule_id, kind, pod_id from attribution as below where rulebook_id = ${layer}`;
    const nearer = layers.slice(0, index);
    return nearer.length === 0
      ? rows
      : sql`${rows} and not exists (
          select from attribution as above where above.origin_id = below.origin_id and above.rulebook_id = any(${nearer}::integer[]))`;
  });
  return sql`(${sql.join(parts, sql` union all `)})`;
}

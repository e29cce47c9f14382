/** Which loads there are, newest first, page by page; describe-load.ts says what is in each. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

export const LOAD_STATES = ['staging', 'staged', 'published', 'superseded', 'failed'] as const;
export type LoadState = (typeof LOAD_STATES)[number];

export interface LoadFilter {
  readonly sourceId?: string;
  readonly state?: LoadState;
}

/** The ids of at most `limit` loads before the load `before`, by the primary key. */
export async function listLoadIds(
  db: Kysely<DB>,
  options: LoadFilter & { before: string | null; limit: number },
): Promise<string[]> {
  const { sourceId, state, before } = options;
  const rows = await db
    .selectFrom('load')
    .select('id')
    .$if(before !== null, (query) => query.where('id', '<', before ?? ''))
    .$if(sourceId !== undefined, (query) => query.where('source_id', '=', sourceId ?? ''))
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? ''))
    .orderBy('id', 'desc')
    .limit(options.limit)
    .execute();
  return rows.map((row) => row.id);
}

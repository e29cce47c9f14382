/**
 * A source that a command names with its files exists from then on, so that bills of several payers can be kept apart before any
 * organisation file is written. A source of the file keeps its settings; one that left the file comes back without them: nobody asked
 * to have its provider looked at again.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';

const SOURCE_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** @throws AppError invalid_input where there is no such source and the name could not stand in an organisation file. */
export async function ensureSource(db: Kysely<DB>, sourceId: string): Promise<void> {
  const there = await db.selectFrom('source').select('removed_at').where('id', '=', sourceId).executeTakeFirst();
  if (there !== undefined && there.removed_at === null) return;
  if (there === undefined && !SOURCE_ID.test(sourceId)) {
    throw new AppError(
      'invalid_input',
      `"${sourceId}" cannot name a source. Use lower-case letters, digits, ".", "_" and "-", such as aws-payer-2.`,
    );
  }
  await sql`
    insert into source (id, kind, settings) values (${sourceId}, 'focus-files', '{}')
    on conflict (id) do update set kind = excluded.kind, settings = excluded.settings, removed_at = null
      where source.removed_at is not null`.execute(db);
}

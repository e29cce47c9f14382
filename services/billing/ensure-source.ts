/**
 * A source that a command names with its files exists from then on, so that bills of several payers can be kept apart before any
 * organisation file is written. A source of the file keeps its settings.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';

const SOURCE_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** @throws AppError invalid_input where the name could not stand in an organisation file. */
export async function ensureSource(db: Kysely<DB>, sourceId: string): Promise<void> {
  if (!SOURCE_ID.test(sourceId)) {
    throw new AppError(
      'invalid_input',
      `"${sourceId}" cannot name a source. Use lower-case letters, digits, ".", "_" and "-", such as aws-payer-2.`,
    );
  }
  await db
    .insertInto('source')
    .values({ id: sourceId, kind: 'focus-files', settings: '{}' })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ removed_at: null }))
    .execute();
}

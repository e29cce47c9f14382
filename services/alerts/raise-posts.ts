/** Has what asks for a decision rewritten once it is taken: the buttons of the other approvers go. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

export async function refreshRaisePosts(db: Kysely<DB>, requestId: string, at: Date): Promise<void> {
  await sql`
    update message set revision = revision + 1, next_attempt_at = ${at.toISOString()}, edit_error = null
    where kind = 'raise-request' and split_part(once_key, '/', 2) = ${requestId} and state = 'sent'
  `.execute(db);
}

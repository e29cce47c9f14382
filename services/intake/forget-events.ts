/** Forgets bodies that nobody will look into any more, and what came in and was nothing that anybody counts. What was read of the rest stays. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

const KEPT_DAYS = 30;

export async function forgetEvents(db: Kysely<DB>, at: Date): Promise<void> {
  const before = new Date(at.getTime() - KEPT_DAYS * 86_400_000).toISOString();
  await sql`update inbound_event set body = null where body is not null and received_at < ${before}`.execute(db);
  for (const source of ['github', 'jira', 'linear', 'pagerduty']) {
    await sql`
      delete from inbound_event where source = ${source} and received_at < ${before} and state = 'ignored' and scopes = '[]'
    `.execute(db);
  }
}

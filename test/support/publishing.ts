/** Publishes a load or puts a rulebook in force as the product does: in a test, or in a process that a test kills. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { AT } from './billed-charges.ts';

export async function publish(db: Kysely<DB>, loadId: string): Promise<void> {
  await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
}

export async function activate(db: Kysely<DB>, rulebookId: number): Promise<void> {
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
}

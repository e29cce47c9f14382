/** A process of its own that puts a rulebook in force or publishes a load, for tests that kill it: URL, what, id. */
import { openDatabase } from '../../db/database.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { AT } from './billed-charges.ts';

const [url = '', what = '', id = ''] = process.argv.slice(2);
const { db, close } = openDatabase(url);
if (what === 'publish') {
  await publishLoad(db, id, { at: AT, principal: systemPrincipal });
} else {
  await prepareRulebook(db, Number(id), silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, Number(id), { at: AT, principal: systemPrincipal }));
}
await close();

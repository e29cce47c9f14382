/** A process of its own that puts a rulebook in force or publishes a load, for tests that kill it: URL, what, id. */
import { openDatabase } from '../../db/database.ts';
import { publish, activate } from './publishing.ts';

const [url = '', what = '', id = ''] = process.argv.slice(2);
const { db, close } = openDatabase(url);
if (what === 'publish') await publish(db, id);
else await activate(db, Number(id));
await close();

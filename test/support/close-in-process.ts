/** A process of its own that prepares or approves a statement, for tests that kill it: URL, what, period or statement. */
import { openDatabase } from '../../db/database.ts';
import { approve, prepare } from './closing.ts';

const [url = '', what = '', subject = ''] = process.argv.slice(2);
const { db, close } = openDatabase(url);
if (what === 'prepare') await prepare(db, subject);
else await approve(db, subject);
await close();

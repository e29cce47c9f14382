/** What is looked for whenever figures may have moved, after a publication and every hour: sources that went late or came back, and slow drift. */
import { notifyOperators } from '../services/alerts/notify-operators.ts';
import { judgeDrift } from '../services/drift/judge-drift.ts';
import type { JobContext } from './job-context.ts';

/** Each in a transaction of its own, so that no publication waits for them. */
export async function watchFigures({ db, clock, logger }: JobContext, isAfterLoad: boolean): Promise<void> {
  await db.transaction().execute((trx) => notifyOperators(trx, { at: clock.now(), isAfterLoad }));
  const look = await db.transaction().execute((trx) => judgeDrift(trx, clock.now()));
  if (look.found > 0 || look.closed > 0) logger.info(look, 'drift looked for');
}

/**
 * A worker as a process of its own, for tests that kill it: the product's worker on the database and queue of the environment, with a
 * short lock, so that the work of a killed one is given back within seconds.
 */
import { openDatabase } from '../../db/database.ts';
import { openQueue } from '../../jobs/queue.ts';
import { startWorker } from '../../jobs/worker.ts';
import { silentProgress, systemClock, systemPrincipal } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';

const LOCK_MS = 1_500;

const log = (fields: object, message: string): void =>
  void process.stderr.write(`${JSON.stringify({ message, ...fields })}\n`);
const logger = { debug: () => {}, info: log, warn: log, error: log };
const settings = readSettings(process.env, process.cwd());
const databaseUrl = settings.databaseUrl ?? '';
const database = openDatabase(databaseUrl, { applicationName: 'outturn test worker' });
const queue = await openQueue({
  databaseUrl,
  ...(settings.redisUrl === undefined ? {} : { redisUrl: settings.redisUrl }),
  logger,
  lockMs: LOCK_MS,
});
const worker = await startWorker(
  {
    db: database.db,
    databaseUrl,
    settings,
    clock: systemClock,
    logger,
    progress: silentProgress,
    principal: systemPrincipal,
  },
  queue,
);
process.stdout.write('working\n');
process.on('SIGTERM', () => {
  void worker
    .close(5_000)
    .then(() => queue.close())
    .then(() => database.close())
    .then(() => process.exit(0));
});

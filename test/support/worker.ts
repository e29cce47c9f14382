/** The product's worker with a short lock, so that the work of a killed one is given back within seconds. */
import { openDatabase } from '../../db/database.ts';
import { openQueue } from '../../jobs/queue.ts';
import { startWorker } from '../../jobs/worker.ts';
import { type Logger, silentProgress, systemClock, systemPrincipal } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';

const LOCK_MS = 1_500;
const GRACE_MS = 5_000;

export interface TestWorker {
  /** Stops gently and gives back its connections. */
  end(): Promise<void>;
}

/** Starts a worker in this process on the database (DATABASE_URL) and queue (REDIS_URL, else the database) of the environment. */
export async function startTestWorker(
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Promise<TestWorker> {
  const settings = readSettings(environment, process.cwd());
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
  return {
    end: async () => {
      await worker.close(GRACE_MS);
      await queue.close();
      await database.close();
    },
  };
}

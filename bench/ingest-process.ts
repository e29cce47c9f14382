/**
 * A worker in a process of its own, as in production, so that its memory is its own and nobody else's: opens the database, says it is
 * ready, ingests one bill the way every command and worker does, and gives the time that took.
 */
import { openDatabase } from '../db/database.ts';
import { runIngest } from '../jobs/run-ingest.ts';
import { localOperator, silentLogger, silentProgress, systemClock } from '../services/kernel/ports.ts';
import { readSettings } from '../services/kernel/settings.ts';

export interface IngestRequest {
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly path: string;
}

export type IngestAnswer = { readonly elapsedMs: number; readonly loadId: string } | { readonly failure: string };

process.on('disconnect', () => process.exit(1));
process.once('message', (request: IngestRequest) => {
  ingest(request).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});

async function ingest({ databaseUrl, dataDir, path }: IngestRequest): Promise<IngestAnswer> {
  const { db, close } = openDatabase(databaseUrl, { applicationName: 'outturn bench' });
  const settings = readSettings({ DATABASE_URL: databaseUrl, OUTTURN_DATA: dataDir }, process.cwd());
  try {
    await db.selectFrom('organisation').select('rulebook_id').execute();
    const startedAt = performance.now();
    const [load] = await runIngest(
      {
        db,
        databaseUrl,
        settings,
        clock: systemClock,
        logger: silentLogger,
        progress: silentProgress,
        principal: localOperator,
        signal: new AbortController().signal,
      },
      { sourceId: 'files', paths: [path], mayDropAccounts: false },
    );
    const elapsedMs = performance.now() - startedAt;
    return load === undefined ? { failure: `${path} made no load` } : { elapsedMs, loadId: load.loadId };
  } finally {
    await close();
  }
}

/**
 * A source on a database of its own, looked at by the product itself as a worker would: list, fetch, inspect, register, and each load taken
 * to its publication. Connector tests bring the settings of their provider's double.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { JobContext } from '../../jobs/job-context.ts';
import { runSync } from '../../jobs/run-ingest.ts';
import type { SyncRequest, SyncResult } from '../../jobs/sync.ts';
import { type Logger, silentLogger, silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import { listSources, type SourceStatus } from '../../services/sources/list-sources.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

export interface SyncedSource {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly context: JobContext;
  /** Stands still until a test moves it. */
  now: Date;
  sync(request?: Partial<Pick<SyncRequest, 'range' | 'reason' | 'mayDropAccounts' | 'onlyIfDue'>>): Promise<SyncResult>;
  status(): Promise<SourceStatus>;
  /** What is published: by billing period, lines and exact cost. */
  published(): Promise<{ period: string; lines: string; billed: string; effective: string }[]>;
  drop(): Promise<void>;
}

/** The caller drops it. */
export async function createSyncedSource(
  source: { id: string; kind: string; settings: (folder: string) => object },
  options: { logger?: Logger } = {},
): Promise<SyncedSource> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'outturn-source-'));
  const settings = readSettings(
    { DATABASE_URL: database.url, OUTTURN_DATA: join(folder, 'data'), OUTTURN_CONFIG: join(folder, 'outturn.yaml') },
    folder,
  );
  await sql`insert into source (id, kind, settings) values (${source.id}, ${source.kind}, ${JSON.stringify(source.settings(folder))}::jsonb)`.execute(
    database.db,
  );
  const scene: SyncedSource = {
    database,
    folder,
    now: new Date('2026-10-06T08:00:00Z'),
    context: {
      db: database.db,
      databaseUrl: database.url,
      settings,
      clock: { now: () => scene.now },
      logger: options.logger ?? silentLogger,
      progress: silentProgress,
      principal: systemPrincipal,
      signal: new AbortController().signal,
    },
    sync: (request = {}) =>
      runSync(scene.context, { sourceId: source.id, reason: 'schedule', mayDropAccounts: false, ...request }),
    status: async () => {
      const [status] = await listSources(database.db, scene.now, source.id);
      if (status === undefined) throw new Error(`there is no source ${source.id}`);
      return status;
    },
    published: () => readPublished(database.db),
    drop: async () => {
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return scene;
}

async function readPublished(db: Kysely<DB>) {
  const { rows } = await sql<{ period: string; lines: string; billed: string; effective: string }>`
    select to_char(billing_period_start, 'YYYY-MM') as period, sum(load_total.row_count)::text as lines,
      trim_scale(sum(billed_cost))::text as billed, trim_scale(sum(effective_cost))::text as effective
    from load join load_total on load_total.load_id = load.id where state = 'published' group by 1 order by 1`.execute(
    db,
  );
  return rows;
}

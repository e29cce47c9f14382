/**
 * A command that looks at a source is killed with SIGKILL at every point of fetching, reading and recording a file, and run again: what is
 * published equals an undisturbed run's, and no file is fetched twice once it was recorded. Between the two commands each file that had
 * arrived whole is read from disk, and the provider is not asked for it either.
 */
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, test } from 'vitest';
import { runSync } from '../../jobs/run-ingest.ts';
import { FAULT_POINTS } from '../../services/kernel/fault-point.ts';
import { localOperator, silentLogger, silentProgress, systemClock } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import { BUCKET, deliverDataExport, useAwsKeysOf } from '../support/aws-exports.ts';
import { billLine, csvOf } from '../support/billing.ts';
import { makeWorkplace, type Workplace } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type S3Double, startS3Double } from '../support/s3-server/s3-server.ts';

const POINTS = FAULT_POINTS.filter((point) => /^(fetch|sync|inspect|register)-/.test(point));
const MONTHS = ['2026-08', '2026-09'];
const PUBLISHED = [
  { period: '2026-08', lines: '1', billed: '1.5000000000001' },
  { period: '2026-09', lines: '1', billed: '1.5000000000001' },
];

interface Scene {
  readonly double: S3Double;
  readonly database: TestDatabase & { drop(): Promise<void> };
  readonly workplace: Workplace;
}

async function setScene(): Promise<Scene> {
  const double = await startS3Double({ accessKeyId: 'AKIASHARED', secretAccessKey: 'of all doubles' });
  useAwsKeysOf(double); // Of this process, in which the tests run side by side.
  double.createBucket(BUCKET);
  for (const month of MONTHS) {
    const end = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1)).toISOString();
    const line = billLine({
      BillingPeriodStart: `${month}-01T00:00:00Z`,
      BillingPeriodEnd: end,
      ChargePeriodStart: `${month}-05T00:00:00Z`,
      ChargePeriodEnd: `${month}-06T00:00:00Z`,
      BilledCost: '1.5000000000001',
    });
    const files = { 'focus-00001.csv': csvOf([line]) };
    deliverDataExport(double, { root: 'p/focus', month, files, at: '2026-10-01T00:00:00Z' });
  }
  const database = await createTestDatabase();
  const workplace = await makeWorkplace({
    DATABASE_URL: database.url,
    AWS_ACCESS_KEY_ID: double.accessKeyId,
    AWS_SECRET_ACCESS_KEY: double.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
  const settings = { bucket: BUCKET, prefix: 'p', region: 'us-east-1', endpoint: double.url, forcePathStyle: true };
  await sql`insert into source (id, kind, settings) values ('aws', 'aws-data-export', ${JSON.stringify(settings)}::jsonb)`.execute(
    database.db,
  );
  return { double, database, workplace };
}

async function clear({ double, database, workplace }: Scene): Promise<void> {
  await workplace.remove();
  await database.drop();
  await double.stop();
}

/** What the command does that is run again, which nobody kills: in the test's own process, for starting one takes longer than its work. */
async function lookAgain({ database, workplace }: Scene): Promise<void> {
  const settings = readSettings(
    { DATABASE_URL: database.url, OUTTURN_DATA: join(workplace.folder, 'data') },
    workplace.folder,
  );
  await runSync(
    {
      db: database.db,
      databaseUrl: database.url,
      settings,
      clock: systemClock,
      logger: silentLogger,
      progress: silentProgress,
      principal: localOperator,
      signal: new AbortController().signal,
    },
    { sourceId: 'aws', reason: 'command', mayDropAccounts: false },
  );
}

async function readPublished({ db }: TestDatabase): Promise<object[]> {
  const { rows } = await sql<object>`
    select to_char(billing_period_start, 'YYYY-MM') as period, sum(load_total.row_count)::text as lines,
      trim_scale(sum(billed_cost))::text as billed
    from load join load_total on load_total.load_id = load.id where state = 'published' group by 1 order by 1`.execute(
    db,
  );
  return rows;
}

describe('a command killed while it looks at a source and run again publishes each month once', () => {
  test.concurrent.for(POINTS)('at %s', { timeout: 240_000 }, async (point, { expect }) => {
    const scene = await setScene();
    const { double, database, workplace } = scene;
    try {
      const killed = await workplace.runWith({ OUTTURN_FAULT: point }, 'ingest', '--source', 'aws');
      expect(killed.exitCode).toBeNull();
      await lookAgain(scene);
      expect(await readPublished(database)).toEqual(PUBLISHED);
      const fetched = double.calls.flatMap(({ operation, key }) =>
        operation === 'GetObject' && key.includes('/data/') ? [key] : [],
      );
      expect(fetched.toSorted()).toEqual([...new Set(fetched)].toSorted());
      expect(fetched).toHaveLength(MONTHS.length);
      const loads = await database.db.selectFrom('load').select('state').execute();
      expect(loads.map(({ state }) => state)).toEqual(['published', 'published']);
    } finally {
      await clear(scene);
    }
  });
});

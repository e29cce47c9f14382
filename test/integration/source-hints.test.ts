/** What a file does not say and its source does: the currency of a pay-as-you-go export of Azure, named by hand with its source. */
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runIngest } from '../../jobs/run-ingest.ts';
import { describeLoads } from '../../services/billing/describe-load.ts';
import { billLine, csvOf, writeBill } from '../support/billing.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const PAY_AS_YOU_GO = [
  'subscriptionId,usageDateTime,meterCategory,meterId,preTaxCost,usageQuantity',
  '11111111-2222-3333-4444-555555555555,2026-09-05,Storage,m-1,3.25,1',
].join('\n');

let scene: SyncedSource;
beforeEach(async () => {
  scene = await createSyncedSource({
    id: 'azure',
    kind: 'azure-cost-export',
    settings: () => ({ account: 'a', container: 'c', currency: 'SEK' }),
  });
});
afterEach(() => scene.drop());

async function ingest(name: string, content: string): Promise<unknown> {
  const path = await writeBill(scene.folder, name, content);
  const [load] = await runIngest(scene.context, { sourceId: 'azure', paths: [path], mayDropAccounts: false });
  const { loads } = await describeLoads(scene.database.db, [load?.loadId ?? '']);
  return loads[0];
}

test('is the currency of a file that names none, first of the source, then of the organisation; the load says which', async () => {
  const sek = { totals: [{ billingCurrency: 'SEK', billedCost: '3.25' }] };
  expect(await ingest('usage.csv', PAY_AS_YOU_GO)).toMatchObject({
    ...sek,
    files: [{ dialect: 'azure-cost', assumedCurrency: 'SEK' }],
  });
  await sql`update source set settings = settings - 'currency' where id = 'azure'`.execute(scene.database.db);
  await sql`update organisation set reporting_currency = 'EUR'`.execute(scene.database.db);
  scene.now = new Date(scene.now.getTime() + 1000);
  // The very same file, read in another way, is another bill; the former one stays as it was read.
  expect(await ingest('usage.csv', PAY_AS_YOU_GO)).toMatchObject({
    state: 'published',
    totals: [{ billingCurrency: 'EUR', billedCost: '3.25' }],
    files: [{ assumedCurrency: 'EUR' }],
  });
  const { rows } = await sql<{ archive_path: string }>`select archive_path from load_file order by load_id`.execute(
    scene.database.db,
  );
  expect(new Set(rows.map(({ archive_path: path }) => path)).size).toBe(2);
});

test('is nothing to a file that names its own, and to FOCUS', async () => {
  const load = await ingest('focus.csv', csvOf([billLine({})]));
  expect(load).toMatchObject({ files: [{ name: 'focus.csv', dialect: 'focus' }] });
  expect(JSON.stringify(load)).not.toContain('assumedCurrency');
});

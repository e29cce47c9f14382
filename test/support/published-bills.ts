/**
 * A small company as it stands after ingestion: two published bills of two sources under one rulebook, with direct, split and
 * unattributed cost, tags, two currencies, and charges that are billed in another month. Everything goes the product's own way from
 * staged loads on.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { AT, insertOrigin, insertStagedLoad, pod, rulebook, store } from './billed-charges.ts';

const RULEBOOK = rulebook(
  [
    {
      id: 'network',
      when: { serviceName: 'Network' },
      split: { method: 'even', among: ['checkout', 'search'], owner: 'search' },
    },
    { id: 'tag', when: { tag: { team: { exists: true } } }, podFromTag: 'team' },
  ],
  [
    pod('checkout', { portfolios: [{ value: 'commerce' }, { value: 'growth', from: '2026-09-15' }] }),
    pod('search', { portfolios: [{ value: 'commerce' }] }),
  ],
  { tags: { fold: true, keys: { environment: ['env'] } } },
);

const RATES = 'date,base,quote,rate\n2026-09-01,EUR,USD,1.1\n2026-09-10,EUR,USD,1.2\n2026-09-29,EUR,USD,1.3\n';

/** Publishes the bills; gives their loads. The figures are in the tests that read them. */
export async function publishBills(db: Kysely<DB>): Promise<{ aws: string; azure: string }> {
  const rulebookId = await db.transaction().execute(async (trx) => {
    await importFxFiles(trx, [{ name: 'ecb.csv', text: RATES }]);
    return store(trx, RULEBOOK);
  });
  await insertPodHistory(db);
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
  const shop = await insertOrigin(db, {
    provider_name: 'AWS',
    service_name: 'Compute',
    charge_category: 'Usage',
    resource_id: 'vm-1',
    tags: { team: 'checkout', env: ' Prod ' },
  });
  const finder = await insertOrigin(db, {
    provider_name: 'AWS',
    service_name: 'Storage',
    charge_category: 'Usage',
    resource_id: 'bucket-1',
    tags: { Team: 'Search', Environment: 'prod', '=cmd': '=1+1' },
  });
  const network = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Network', resource_id: 'gw-1' });
  const stray = await insertOrigin(db, { provider_name: 'Microsoft', service_name: 'Storage', resource_id: 'blob-1' });
  const aws = await insertStagedLoad(db, {
    sourceId: 'aws',
    charges: [
      { originId: shop, date: '2026-09-01', billed: '100.5', effective: '90.25' },
      { originId: shop, date: '2026-09-20', billed: '10' },
      { originId: finder, date: '2026-09-02', billed: '40' },
      { originId: network, date: '2026-09-02', billed: '0.000000000001' },
      { originId: network, date: '2026-09-03', billed: '7' },
      { originId: shop, date: '2026-08-31', billed: '-3' },
    ],
  });
  const azure = await insertStagedLoad(db, {
    sourceId: 'azure',
    start: '2026-09-15',
    end: '2026-10-15',
    charges: [
      { originId: stray, date: '2026-09-10', billed: '20', currency: 'EUR' },
      { originId: stray, date: '2026-10-01', billed: '5', currency: 'EUR' },
    ],
  });
  for (const loadId of [aws, azure]) {
    await sql`
      insert into load_file (load_id, ordinal, name, sha256, format, archive_path) values (${loadId}, 1, 'bill.csv', 'x', 'csv', 'x')
    `.execute(db);
    await sql`
      insert into load_file_total (load_id, ordinal, billing_currency, row_count, billed_cost, effective_cost, list_cost, contracted_cost)
      select load_id, 1, billing_currency, row_count, billed_cost, effective_cost, list_cost, contracted_cost
      from load_total where load_id = ${loadId}
    `.execute(db);
    await attachLoad(db, loadId);
    await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
  }
  return { aws, azure };
}

/** The pods of the rulebook with what they hold when, as applying a file would leave them. Pods that are there already stay. */
async function insertPodHistory(db: Kysely<DB>): Promise<void> {
  const content = {
    pods: RULEBOOK.pods.map((one) => ({
      id: one.id,
      portfolio: one.portfolios,
      owner: [{ value: 'ada@example.com' }],
      costCentre: one.id === 'search' ? [{ value: '4711' }, { value: '4712', from: '2026-09-03' }] : [],
    })),
  };
  const portfolios = [...RULEBOOK.portfolios];
  await sql`insert into portfolio (id, name) select id, id from unnest(${portfolios}::text[]) as id on conflict do nothing`.execute(
    db,
  );
  await sql`
    insert into pod (id, name, kind) select pod ->> 'id', pod ->> 'id', 'delivery'
    from jsonb_array_elements(${JSON.stringify(content.pods)}::jsonb) as pod on conflict do nothing
  `.execute(db);
  await sql`insert into pod_period select * from pod_periods_of(${JSON.stringify(content)}::jsonb)`.execute(db);
}

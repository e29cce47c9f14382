/**
 * Two ways in which Azure bills usage twice or elsewhere: a billing account and a subscription of it as two sources, and cost allocation
 * rules that move cost between subscriptions. The first is warned of with the money; the second changes no account's total.
 */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runIngest } from '../../jobs/run-ingest.ts';
import { describeLoads, type LoadView } from '../../services/billing/describe-load.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { type BillLine, billLine, csvOf, writeBill } from '../support/billing.ts';
import { createSyncedSource, type SyncedSource } from '../support/synced-source.ts';

const SHARED = 'aaaaaaaa-0000-4000-8000-000000000001';
const TEAM = 'bbbbbbbb-0000-4000-8000-000000000002';
const OCTOBER = {
  BillingPeriodStart: '2026-10-01T00:00:00Z',
  BillingPeriodEnd: '2026-11-01T00:00:00Z',
  ChargePeriodStart: '2026-10-02T00:00:00Z',
  ChargePeriodEnd: '2026-10-03T00:00:00Z',
};

let scene: SyncedSource;
beforeAll(async () => {
  const settings = () => ({ account: 'a', container: 'c' });
  scene = await createSyncedSource({ id: 'account', kind: 'azure-cost-export', settings });
  await sql`insert into source (id, kind, settings) values ('team', 'azure-cost-export', '{"account":"a","container":"t"}')`.execute(
    scene.database.db,
  );
});
afterAll(() => scene.drop());

async function ingest(sourceId: string, lines: readonly BillLine[]): Promise<LoadView> {
  const path = await writeBill(scene.folder, `${sourceId}.csv`, csvOf(lines));
  const [load] = await runIngest(scene.context, { sourceId, paths: [path], mayDropAccounts: false });
  const { loads } = await describeLoads(scene.database.db, [load?.loadId ?? '']);
  return loads[0] as LoadView;
}

/** A line of a Customer Agreement's export; the portal and the API spell its header in two ways. */
function costLine(SubscriptionId: string, CostInBillingCurrency: string): BillLine {
  return {
    BillingAccountId: 'acct:1_2019-05-31',
    BillingProfileId: 'PROF-1',
    SubscriptionId,
    Date: '09/14/2026',
    MeterCategory: 'Storage',
    MeterId: 'm-1',
    CostInBillingCurrency,
    BillingCurrency: 'EUR',
    ChargeType: 'Usage',
  };
}

const camelCase = (line: BillLine): BillLine =>
  Object.fromEntries(Object.entries(line).map(([name, cell]) => [name.charAt(0).toLowerCase() + name.slice(1), cell]));

test('a billing account and a subscription of it as two sources are warned of with the usage that both bill', async () => {
  await ingest('account', [costLine(SHARED, '10'), costLine(TEAM, '2.5')]);
  const { warnings } = await ingest('team', [camelCase(costLine(TEAM.toUpperCase(), '2.5'))]);
  expect(warnings).toMatchObject([
    {
      code: 'overlapping_scope',
      otherSourceId: 'account',
      scopes: [{ providerName: 'Microsoft', subAccountId: TEAM }],
      scopeCount: 1,
      sameCharges: '1',
      atStake: [{ billingCurrency: 'EUR', billedCost: '2.5', effectiveCost: '2.5' }],
    },
  ]);
});

test('cost that an allocation rule moves, without a ContractedCost, leaves the account’s bill as it was', async () => {
  const line = (SubAccountId: string, cost: string, cells: BillLine = {}): BillLine =>
    billLine({
      ProviderName: 'Microsoft',
      SubAccountId,
      BilledCost: cost,
      EffectiveCost: cost,
      ListCost: cost,
      ContractedCost: cost,
      ...OCTOBER,
      x_CostAllocationRuleName: '',
      ...cells,
    });
  const moved = { ContractedCost: '0', x_CostAllocationRuleName: 'hub' };
  const load = await ingest('account', [line(SHARED, '100'), line(SHARED, '-40.5', moved), line(TEAM, '40.5', moved)]);
  expect(load).toMatchObject({ state: 'published', warnings: [] });
  const { rows } = await reconciliation(scene.database.db, { period: '2026-10', at: scene.now });
  expect(rows.map(({ metric, file, difference }) => [metric, file, difference])).toEqual([
    ['BilledCost', '100', '0'],
    ['EffectiveCost', '100', '0'],
    ['ListCost', '100', '0'],
    ['ContractedCost', '100', '0'],
  ]);
});

/**
 * The reports of a small company, whole: the JSON other people's scripts read, the CSV and the tables of the terminal. A change shows as
 * a difference of the files in test/golden; `vitest run -u` writes them anew, to be read before they are committed.
 */
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { renderCosts } from '../../cli/render/costs.ts';
import { renderReconciliation } from '../../cli/render/reconciliation.ts';
import { renderValuePerPod } from '../../cli/render/value-per-pod.ts';
import { costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { valuePerPodTable } from '../../services/reports/report-tables.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { test as base } from '../support/database.ts';
import { importVerified, insertPods, outcomeRow, outcomeSheet, VERIFIED } from '../support/outcome-sheets.ts';
import { publishBills } from '../support/published-bills.ts';

const REQUEST = { period: '2026-Q3', at: new Date('2026-10-04T08:00:00Z') };
const WIDTH_MAX = 120;

const test = base.extend('db', { scope: 'file' }, async ({ database: { db } }) => {
  await insertPods(db, { id: 'checkout', portfolio: 'commerce' }, { id: 'search', portfolio: 'commerce' });
  await publishBills(db);
  const sheet = outcomeSheet(
    outcomeRow({
      ...VERIFIED,
      source_row_id: 'conversion',
      amount: '920.37',
      share_bp: '7000',
      recognise_until: '2026-10-10',
    }),
    { source_row_id: 'conversion', pod: 'search', share_bp: '2000' },
    outcomeRow({
      source_row_id: 'rent',
      basis: 'cost_reduction',
      gross_or_margin: '',
      amount: '50',
      currency: 'EUR',
      delivered_on: '2026-09-12',
    }),
    outcomeRow({
      ...VERIFIED,
      source_row_id: 'risk',
      pod: 'search',
      basis: 'risk_reduced',
      gross_or_margin: '',
      amount: '400',
    }),
  );
  await importVerified(db, { sheet, workbook: 'benefits', at: REQUEST.at });
  await prepareConversions(db, REQUEST);
  return db;
});

async function expectGolden(name: string, text: string): Promise<void> {
  await expect(text).toMatchFileSnapshot(join(import.meta.dirname, '..', 'golden', 'reports', name));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function expectFits(table: string): void {
  const wide = table.split('\n').filter((line) => /\d {2,}\d/.test(line) && line.length > WIDTH_MAX);
  expect(wide).toEqual([]);
}

describe('the reports of a quarter', () => {
  test('value per pod as JSON, CSV and table', async ({ db }) => {
    const report = await valuePerPod(db, REQUEST);
    await expectGolden('value-per-pod.json', json(report));
    await expectGolden('value-per-pod.csv', csvOf(valuePerPodTable(report)));
    const table = renderValuePerPod(report);
    expectFits(table);
    expect(table).toContain('Cloud cost only; people and licences excluded.');
    await expectGolden('value-per-pod.txt', `${table}\n`);
  });

  test('costs by pod and service as JSON and table', async ({ db }) => {
    const report = await costs(db, { ...REQUEST, by: ['pod', 'serviceName'] });
    await expectGolden('costs.json', json(report));
    const table = renderCosts(report);
    expectFits(table);
    await expectGolden('costs.txt', `${table}\n`);
  });

  test('the reconciliation as table', async ({ db }) => {
    const table = renderReconciliation(await reconciliation(db, REQUEST));
    expectFits(table);
    await expectGolden('reconciliation.txt', `${table}\n`);
  });
});

describe('a table', () => {
  test('of long names and large figures still fits the terminal', async ({ db }) => {
    const report = await valuePerPod(db, REQUEST);
    const [pod] = report.pods;
    if (pod === undefined) throw new Error('the report has a pod');
    const large = '-123456789.125' as typeof pod.cost.total;
    const wide = {
      ...pod,
      podId: 'a-pod-with-a-name-that-is-far-too-long-for-a-table',
      cost: { ...pod.cost, total: large },
    };
    expectFits(renderValuePerPod({ ...report, pods: [wide, ...report.pods] }));
    const explored = await costs(db, { ...REQUEST, by: ['resourceId', 'serviceName', 'day', 'rule', 'source'] });
    const name =
      '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/group/providers/Microsoft.Compute/vm';
    const rows = explored.rows.map((row) => ({ ...row, resourceId: name, billedCost: large }));
    const table = renderCosts({ ...explored, rows });
    expectFits(table);
    expect(table).toContain('…');
  });
});

/** Value per pod over a real PostgreSQL: the cut at the last complete day, recognition, shares, currencies, returns and coverage. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { NO_ADJUSTMENTS } from '../../services/reports/compose-value.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import type { ReportRequest } from '../../services/reports/report-frame.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { insertLoad, insertPodDays } from '../support/cost-fixtures.ts';
import { test } from '../support/database.ts';
import {
  FINANCE,
  forgetRates,
  importVerified,
  insertPods,
  outcomeRow,
  outcomeSheet,
  type SheetCells,
  VERIFIED,
} from '../support/outcome-sheets.ts';

const AFTER = new Date('2026-11-20T00:00:00Z');
const QUARTER = '2026-07-01..2026-10-01';

async function importSheet(trx: Transaction<DB>, ...rows: readonly SheetCells[]) {
  await importVerified(trx, { sheet: outcomeSheet(...rows), workbook: 'w', at: AFTER });
}

async function report(db: Kysely<DB>, request: Partial<ReportRequest> & { portfolio?: string } = {}) {
  const asked = { period: '2026-Q3', at: AFTER, ...request };
  await prepareConversions(db, asked);
  return valuePerPod(db, asked);
}

describe('before anything exists', () => {
  test('the report is empty and says what it can', async ({ trx }) => {
    expect(await report(trx)).toEqual({
      period: { id: '2026-Q3', start: '2026-07-01', end: '2026-10-01', through: '2026-09-30' },
      currency: 'USD',
      costMetric: 'EffectiveCost',
      revenueBasis: 'margin',
      state: 'open',
      statementId: null,
      dataAsOf: null,
      rulebook: 0,
      portfolio: null,
      pods: [],
      unattributed: { cost: '0', verified: '0', claimed: '0', adjustments: NO_ADJUSTMENTS },
      total: { cost: '0', verified: '0', claimed: '0', adjustments: NO_ADJUSTMENTS, return: null, returnOnTotal: null },
      coverage: { cost: null, joined: null },
      method: 'cloud cost only; people and licences excluded',
    });
  });

  test('a bill without an organisation is all unattributed', async ({ trx }) => {
    await insertLoad(trx, { billingPeriod: QUARTER, dataAsOf: '2026-09-30T23:00:00Z' });
    await insertPodDays(trx, { date: '2026-07-01', pod: null, cost: '12.3400' });
    expect(await report(trx)).toMatchObject({
      dataAsOf: '2026-09-30T23:00:00.000Z',
      pods: [],
      unattributed: { cost: '12.34' },
      total: { cost: '12.34', return: null },
      coverage: { cost: '0.0000', joined: '0.0000' },
    });
  });
});

describe('cost', () => {
  test('is direct plus its share of split cost, never what a pod only answers for', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout', portfolio: 'commerce' }, { id: 'network', kind: 'platform' });
    await insertPodDays(
      trx,
      { date: '2026-07-01', pod: 'checkout', cost: '100.000000000001' },
      { date: '2026-09-30', pod: 'checkout', cost: '-0.000000000001', currency: 'USD' },
      { date: '2026-07-01', pod: 'checkout', cost: '7', kind: 'shared' },
      { date: '2026-07-01', pod: 'network', cost: '500', kind: 'owned' },
      { date: '2026-07-01', pod: 'network', cost: '3', kind: 'shared' },
      { date: '2026-06-30', pod: 'checkout', cost: '999' },
      { date: '2026-10-01', pod: 'checkout', cost: '999' },
      { date: '2026-07-01', pod: null, cost: '10' },
    );
    const result = await report(trx);
    expect(result.pods).toMatchObject([
      {
        podId: 'checkout',
        name: 'Checkout',
        portfolio: 'commerce',
        cost: { direct: '100', shared: '7', total: '107' },
      },
      { podId: 'network', kind: 'platform', cost: { total: '3' }, return: null, returnNote: 'enabling' },
    ]);
    expect(result.total.cost).toBe('120');
    expect(result.coverage.cost).toBe('0.9167');
  });

  test('is given in the metric asked for', async ({ trx }) => {
    await insertPodDays(trx, { date: '2026-07-01', pod: null, cost: '1', billedCost: '2' });
    expect((await report(trx)).total.cost).toBe('1');
    expect((await report(trx, { costMetric: 'BilledCost' })).total.cost).toBe('2');
    await expect(report(trx, { costMetric: 'billedcost' })).rejects.toThrow(
      '"billedcost" is not a cost metric. Did you mean "BilledCost"?',
    );
  });

  test('is converted at each day’s rate, and a missing rate is named with its date and pair', async ({ trx }) => {
    const text = 'date,base,quote,rate\n2026-07-01,EUR,USD,1.1\n2026-07-02,EUR,USD,1.2\n';
    await importFxFiles(trx, [{ name: 'ecb.csv', text }]);
    await insertPodDays(
      trx,
      { date: '2026-07-01', pod: null, cost: '10', currency: 'EUR' },
      { date: '2026-07-02', pod: null, cost: '10', currency: 'EUR' },
      { date: '2026-07-02', pod: null, cost: '5' },
    );
    expect((await report(trx)).total.cost).toBe('28');
    expect((await report(trx, { currency: 'EUR' })).total.cost).toBe('24.166666666666665');
    await insertPodDays(trx, { date: '2026-07-20', pod: null, cost: '1', currency: 'EUR' });
    await expect(report(trx)).rejects.toMatchObject({
      code: 'missing_exchange_rate',
      details: { date: '2026-07-20', from: 'EUR', to: 'USD', missing: 1 },
    });
  });

  test('of months that a source has not settled is estimated', async ({ trx }) => {
    await insertLoad(trx, { billingPeriod: '2026-07-01..2026-08-01' });
    await insertLoad(trx, { billingPeriod: '2026-08-01..2026-09-01' });
    await sql`update source set settle_after = 'P10D'`.execute(trx);
    await insertPodDays(
      trx,
      { date: '2026-07-31', pod: 'checkout', cost: '1' },
      { date: '2026-08-01', pod: 'checkout', cost: '2', kind: 'shared' },
    );
    const estimatedAt = async (at: string) =>
      (await report(trx, { period: '2026-07-01..2026-09-01', at: new Date(at) })).pods[0]?.cost.estimated;
    expect(await estimatedAt('2026-09-10T23:59:00Z')).toBe('2');
    expect(await estimatedAt('2026-09-11T00:00:00Z')).toBe('0');
    expect(await estimatedAt('2026-08-05T00:00:00Z')).toBe('3');
  });
});

describe('an open period', () => {
  test('is cut where the slowest source ends, cost and value alike', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await insertLoad(trx, {
      billingPeriod: '2026-07-01..2026-08-01',
      usageUntil: '2026-07-20T00:00:00Z',
      dataAsOf: '2026-07-19T23:00:00Z',
    });
    await insertLoad(trx, {
      sourceId: 'azure',
      billingPeriod: '2026-07-01..2026-08-01',
      usageUntil: '2026-07-11T23:59:59Z',
      dataAsOf: '2026-07-11T20:00:00Z',
    });
    await insertPodDays(
      trx,
      { date: '2026-07-10', pod: 'checkout', cost: '10' },
      { date: '2026-07-11', pod: 'checkout', cost: '1000' },
    );
    await importSheet(
      trx,
      outcomeRow({ ...VERIFIED, amount: '920', delivered_on: '2026-07-01', recognise_until: '2026-10-01' }),
      outcomeRow({ ...VERIFIED, source_row_id: 'late', delivered_on: '2026-07-11', amount: '5000' }),
    );
    const result = await report(trx, { at: new Date('2026-07-21T09:00:00Z') });
    expect(result).toMatchObject({
      period: { id: '2026-Q3', through: '2026-07-10' },
      dataAsOf: '2026-07-11T20:00:00.000Z',
      pods: [
        { cost: { total: '10', estimated: '10' }, value: { verified: '100', verifiedOutcomes: 1 }, return: '10.0000' },
      ],
    });
  });

  test('in which not one day is complete counts nothing', async ({ trx }) => {
    await insertLoad(trx, { billingPeriod: '2026-07-01..2026-08-01', usageUntil: '2026-07-01T12:00:00Z' });
    await insertPodDays(trx, { date: '2026-07-01', pod: null, cost: '10' });
    const result = await report(trx, { at: new Date('2026-07-02T09:00:00Z') });
    expect(result).toMatchObject({ period: { through: null }, total: { cost: '0' } });
  });

  test('never counts a day before it has ended, whatever a bill holds', async ({ trx }) => {
    await insertLoad(trx, { billingPeriod: '2026-07-01..2026-08-01' });
    expect((await report(trx, { at: new Date('2026-07-15T23:00:00Z') })).period.through).toBe('2026-07-14');
  });
});

describe('value', () => {
  test('enters the return by its basis; other bases stand beside', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await insertPodDays(trx, { date: '2026-07-01', pod: 'checkout', cost: '100' });
    const row = (id: string, cells: SheetCells) =>
      outcomeRow({ ...VERIFIED, source_row_id: id, gross_or_margin: '', ...cells });
    const count = { amount: '', currency: '', outcome_type: 'orders', unit: 'order', quantity: '12' };
    await importSheet(
      trx,
      row('margin', { gross_or_margin: 'margin', amount: '200' }),
      row('gross', { gross_or_margin: 'gross', amount: '1000' }),
      row('reduction', { basis: 'cost_reduction', amount: '31' }),
      row('avoided', { basis: 'cost_avoided', amount: '40' }),
      row('avoided-claim', { basis: 'cost_avoided', amount: '2', state: 'claimed' }),
      row('risk', { basis: 'risk_reduced', amount: '50' }),
      row('count', { basis: 'unit_outcome', ...count }),
      row('claim', { basis: 'cost_reduction', amount: '9', state: 'claimed' }),
    );
    expect((await report(trx)).pods).toMatchObject([
      {
        value: {
          verified: '231',
          claimed: '9',
          verifiedOutcomes: 6,
          claimedOutcomes: 2,
          beside: { revenue_gross: '1000', cost_avoided: '42', risk_reduced: '50' },
          besideVerified: { revenue_gross: '1000', cost_avoided: '40', risk_reduced: '50' },
        },
        return: '2.3100',
        returnNote: null,
      },
    ]);
    await sql`update organisation set revenue_basis = 'gross'`.execute(trx);
    const gross = await report(trx);
    expect(gross).toMatchObject({ revenueBasis: 'gross', pods: [{ value: { verified: '1231' } }] });
    expect(gross.pods[0]?.value.beside).not.toHaveProperty('revenue_gross');
  });

  test('is split by basis points; totals count the outcome once and the rest is unattributed', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    await insertPodDays(
      trx,
      { date: '2026-07-01', pod: 'checkout', cost: '10' },
      { date: '2026-07-01', pod: 'search', cost: '30' },
      { date: '2026-07-01', pod: null, cost: '10' },
    );
    await importSheet(trx, outcomeRow({ ...VERIFIED, amount: '100.01', share_bp: '3333' }), {
      source_row_id: 'r1',
      pod: 'search',
      share_bp: '3333',
    });
    const result = await report(trx);
    expect(result.pods.map((pod) => [pod.value.verified, pod.return])).toEqual([
      ['33.333333', '3.3333'],
      ['33.333333', '1.1111'],
    ]);
    expect(result.unattributed).toEqual({
      cost: '10',
      verified: '33.343334',
      claimed: '0',
      adjustments: NO_ADJUSTMENTS,
    });
    expect(result.total).toEqual({
      cost: '50',
      verified: '100.01',
      claimed: '0',
      adjustments: NO_ADJUSTMENTS,
      return: '1.6667',
      returnOnTotal: '2.0002',
    });
    expect(result.coverage).toEqual({ cost: '0.8000', joined: '0.8000' });
  });

  test('in another currency is converted day by day at the rate of each recognition day', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const text = 'date,base,quote,rate\n2026-07-01,EUR,USD,1\n2026-07-02,EUR,USD,2\n2026-07-03,EUR,USD,4\n';
    await importFxFiles(trx, [{ name: 'ecb.csv', text }]);
    await importSheet(
      trx,
      outcomeRow({
        ...VERIFIED,
        amount: '10',
        currency: 'EUR',
        delivered_on: '2026-07-01',
        recognise_until: '2026-07-04',
      }),
    );
    // Thirds at 12 decimals: 3.333333333333, then up to 6.666666666667, then up to 10.
    expect((await report(trx)).total.verified).toBe('23.333333333333');
    expect((await report(trx, { currency: 'EUR' })).total.verified).toBe('10');
    const british = outcomeRow({ source_row_id: 'r2', amount: '1', currency: 'GBP', delivered_on: '2026-08-01' });
    await importFxFiles(trx, [{ name: 'ecb.csv', text: 'date,base,quote,rate\n2026-08-01,GBP,USD,1.3\n' }]);
    await importSheet(trx, british);
    await forgetRates(trx, 'GBP');
    await expect(report(trx)).rejects.toMatchObject({ details: { date: '2026-08-01', from: 'GBP', to: 'USD' } });
  });

  test('of neighbouring windows adds up to the whole amount to its last decimal', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await createOutcome(trx, {
      input: {
        title: 'A third',
        deliveredOn: '2026-07-01',
        basis: 'cost_reduction',
        ownerEmail: 'a@b.io',
        shares: [{ pod: 'checkout', basisPoints: 10_000 }],
        amount: '100.00000000000000000000000007',
        currency: 'USD',
        recogniseUntil: '2026-08-07',
      },
      principal: FINANCE,
      at: AFTER,
    });
    const parts: string[] = [];
    for (const period of ['2026-07-01..2026-07-02', '2026-07-02..2026-08-01', '2026-08']) {
      parts.push((await report(trx, { period })).total.claimed);
    }
    expect(parts).toEqual(
      ['2.70270270270270270270270270', '81.08108108108108108108108114', '16.21621621621621621621621623'].map((part) =>
        part.replace(/0+$/, ''),
      ),
    );
  });
});

describe('a return', () => {
  test('needs cost and verified value, and says which is missing', async ({ trx }) => {
    await insertPods(trx, { id: 'costless' }, { id: 'refunded' }, { id: 'valueless' });
    await insertPodDays(
      trx,
      { date: '2026-07-01', pod: 'refunded', cost: '-5' },
      { date: '2026-07-01', pod: 'valueless', cost: '5' },
    );
    await importSheet(
      trx,
      outcomeRow({ ...VERIFIED, pod: 'costless' }),
      outcomeRow({ source_row_id: 'c', pod: 'valueless' }),
    );
    const { pods } = await report(trx);
    expect(pods.map((pod) => [pod.podId, pod.return, pod.returnNote])).toEqual([
      ['costless', null, 'no cost'],
      ['refunded', null, 'no cost'],
      ['valueless', null, 'no verified value'],
    ]);
  });
});

describe('a portfolio', () => {
  test('counts its own pods only', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout', portfolio: 'commerce' }, { id: 'search', portfolio: 'discovery' });
    await insertPodDays(
      trx,
      { date: '2026-07-01', pod: 'checkout', cost: '10' },
      { date: '2026-07-01', pod: 'search', cost: '30' },
      { date: '2026-07-01', pod: null, cost: '10' },
    );
    await importSheet(trx, outcomeRow({ ...VERIFIED, amount: '100', share_bp: '5000' }), {
      source_row_id: 'r1',
      pod: 'search',
      share_bp: '5000',
    });
    expect(await report(trx, { portfolio: 'commerce' })).toMatchObject({
      portfolio: 'commerce',
      pods: [{ podId: 'checkout' }],
      unattributed: { cost: '0', verified: '0' },
      total: { cost: '10', verified: '50', return: '5.0000' },
    });
    await expect(report(trx, { portfolio: 'comerce' })).rejects.toThrow(
      'There is no portfolio "comerce". Did you mean "commerce"?',
    );
  });
});

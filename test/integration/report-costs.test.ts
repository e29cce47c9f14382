/** The cost explorer and the reconciliation over bills published the product's own way. */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { add, decimal, sum } from '../../services/kernel/decimal.ts';
import { type Costs, costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { costsTable, reconciliationTable } from '../../services/reports/report-tables.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { test as base } from '../support/database.ts';
import { publishBills } from '../support/published-bills.ts';

const AT = new Date('2026-11-20T00:00:00Z');

const test = base.extend('bills', { scope: 'file' }, async ({ database }) => ({
  db: database.db,
  ...(await publishBills(database.db)),
}));

async function explore(
  db: Kysely<DB>,
  options: { by?: string[]; where?: string[]; currency?: string; period?: string } = {},
) {
  const request = { period: '2026-09', at: AT, ...options };
  await prepareConversions(db, request);
  return costs(db, request);
}

/** `dim|dim billedCost` per row; null as `-`. */
function figures(report: Costs): string[] {
  return report.rows.map((row) => `${report.by.map((key) => row[key] ?? '-').join('|')} ${row.billedCost}`);
}

describe('costs', () => {
  test('of whole months are the same from their own sums as from the cells of their days', async ({ bills }) => {
    const anyDay = ['day!=1999-01-01'];
    for (const currency of ['USD', 'billing']) {
      for (const by of [
        ['pod', 'serviceName'],
        ['kind', 'month', 'provider'],
        ['chargeCategory', 'pod'],
      ]) {
        for (const where of [[], ['serviceName~*o*'], ['pod=', 'kind=direct']]) {
          const asked = { by, currency, period: '2026-Q3' };
          const { rows, total } = await explore(bills.db, { ...asked, where });
          const byDays = await explore(bills.db, { ...asked, where: [...where, ...anyDay] });
          expect({ rows, total }).toEqual({ rows: byDays.rows, total: byDays.total });
        }
      }
    }
  });

  test('by pod hold direct cost and shares, the unattributed last, all four metrics', async ({ bills }) => {
    const report = await explore(bills.db);
    expect(report.rows).toEqual([
      {
        pod: 'checkout',
        billedCost: '114.000000000001',
        effectiveCost: '103.750000000001',
        listCost: '114.000000000001',
        contractedCost: '114.000000000001',
      },
      {
        pod: 'search',
        billedCost: '43.5',
        effectiveCost: '43.5',
        listCost: '43.5',
        contractedCost: '43.5',
      },
      { pod: null, billedCost: '24', effectiveCost: '24', listCost: '24', contractedCost: '24' },
    ]);
    expect(report.total).toMatchObject({ billedCost: '181.500000000001', effectiveCost: '171.250000000001' });
    expect(report).toMatchObject({
      currency: 'USD',
      by: ['pod'],
      period: { id: '2026-09', through: '2026-09-30' },
      state: 'open',
    });
  });

  test.for([
    [['kind'], ['direct 174.5', 'shared 7.000000000001']],
    [['rule'], ['network 7.000000000001', 'tag 150.5', '- 24']],
    [
      ['source', 'billingPeriod'],
      ['aws|2026-09 157.500000000001', 'azure|2026-09-15..2026-10-15 24'],
    ],
    [['portfolio'], ['commerce 147.500000000001', 'growth 10', '- 24']],
    [['owner'], ['ada@example.com 157.500000000001', '- 24']],
    [
      ['costCentre', 'pod'],
      ['4711|search 40', '4712|search 3.5', '-|checkout 114.000000000001', '-|- 24'],
    ],
    [['month'], ['2026-09 181.500000000001']],
    [
      ['provider', 'serviceName'],
      ['AWS|Compute 110.5', 'AWS|Network 7.000000000001', 'AWS|Storage 40', 'Microsoft|Storage 24'],
    ],
    [['resourceId'], ['blob-1 24', 'bucket-1 40', 'vm-1 110.5', '- 7.000000000001']],
    [['tag.environment'], ['prod 150.5', '- 31.000000000001']],
    [
      ['tag.team', 'pod'],
      ['checkout|checkout 110.5', 'search|search 40', '-|checkout 3.500000000001', '-|search 3.5', '-|- 24'],
    ],
    [['billingCurrency'], ['EUR 24', 'USD 157.500000000001']],
  ] as const)('by %s', async ([by, rows], { bills }) => {
    const report = await explore(bills.db, { by: [...by] });
    expect(figures(report)).toEqual(rows);
    expect(sum(report.rows.map((row) => row.billedCost))).toBe('181.500000000001');
    expect(report.total).toMatchObject({ billedCost: '181.500000000001' });
  });

  test('by day go by charge date, whatever bill they are in', async ({ bills }) => {
    const august = await explore(bills.db, { by: ['day', 'billingPeriod'], period: '2026-08' });
    expect(figures(august)).toEqual(['2026-08-31|2026-09 -3']);
  });

  test.for([
    [['pod=checkout'], '114.000000000001'],
    [['pod=checkout', 'pod=search'], '157.500000000001'],
    [['pod!=checkout'], '67.5'],
    [['pod='], '24'],
    [['pod!='], '157.500000000001'],
    [['provider=aws', 'serviceName~*o*', 'kind!=shared'], '150.5'],
    [['tag.env=PROD'], '110.5'],
    [['tag.environment~pr?d'], '150.5'],
    [['resourceId!=vm-1'], '71.000000000001'],
    [['portfolio=growth'], '10'],
    [['costCentre=4712'], '3.5'],
    [['owner='], '24'],
    [['serviceName=Net%'], '0'],
    [['day=2026-09-20'], '10'],
  ] as const)('where %s', async ([where, total], { bills }) => {
    const report = await explore(bills.db, { where: [...where] });
    expect(report.total).toMatchObject({ billedCost: total });
  });

  test('in the billing currencies convert nothing and have a total per currency', async ({ bills }) => {
    const report = await explore(bills.db, { by: ['pod'], currency: 'billing' });
    expect(report.rows.map((row) => [row['pod'], row['billingCurrency'], row.billedCost])).toEqual([
      ['checkout', 'USD', '114.000000000001'],
      ['search', 'USD', '43.5'],
      [null, 'EUR', '20'],
    ]);
    expect(report.total).toMatchObject([
      { billingCurrency: 'EUR', billedCost: '20' },
      { billingCurrency: 'USD', billedCost: '157.500000000001' },
    ]);
    const alone = await explore(bills.db, { by: ['billingCurrency'], currency: 'billing' });
    expect(alone.rows).toEqual(alone.total);
  });

  test('name a missing rate, and a dimension, filter or currency that does not exist', async ({ bills }) => {
    await expect(explore(bills.db, { currency: 'JPY' })).rejects.toMatchObject({
      code: 'missing_exchange_rate',
      details: { date: '2026-09-01', from: 'USD', to: 'JPY' },
    });
    await expect(explore(bills.db, { by: ['serviceNam'] })).rejects.toThrow('Did you mean "serviceName"?');
    await expect(explore(bills.db, { where: ['pod'] })).rejects.toThrow('"pod" is not a filter');
    await expect(explore(bills.db, { currency: 'US' })).rejects.toThrow('not a known currency');
  });

  test('as CSV are one table of exact figures in which no cell is a formula', async ({ bills }) => {
    const report = await explore(bills.db, { by: ['tag.=cmd', 'kind'] });
    expect(csvOf(costsTable(report)).split('\r\n').slice(0, 4)).toEqual([
      'tag.=cmd,kind,billedCost,effectiveCost,listCost,contractedCost,currency,period,state,statement',
      "'=1+1,direct,40,40,40,40,USD,2026-09,open,",
      ',direct,134.5,124.25,134.5,134.5,USD,2026-09,open,',
      ',shared,7.000000000001,7.000000000001,7.000000000001,7.000000000001,USD,2026-09,open,',
    ]);
  });
});

describe('reconciliation', () => {
  test('holds each bill against its attribution, whole billing periods, to the last decimal', async ({ bills }) => {
    const report = await reconciliation(bills.db, { period: '2026-09', at: AT });
    expect(report.rows.map((row) => [row.sourceId, row.billingPeriod, row.billingCurrency, row.metric])).toEqual([
      ['aws', '2026-09', 'USD', 'BilledCost'],
      ['aws', '2026-09', 'USD', 'EffectiveCost'],
      ['aws', '2026-09', 'USD', 'ListCost'],
      ['aws', '2026-09', 'USD', 'ContractedCost'],
      ['azure', '2026-09-15..2026-10-15', 'EUR', 'BilledCost'],
      ['azure', '2026-09-15..2026-10-15', 'EUR', 'EffectiveCost'],
      ['azure', '2026-09-15..2026-10-15', 'EUR', 'ListCost'],
      ['azure', '2026-09-15..2026-10-15', 'EUR', 'ContractedCost'],
    ]);
    expect(report.rows[0]).toEqual({
      sourceId: 'aws',
      billingPeriod: '2026-09',
      loadId: bills.aws,
      billingCurrency: 'USD',
      metric: 'BilledCost',
      file: '154.500000000001',
      ingested: '154.500000000001',
      attributed: '154.500000000001',
      unattributed: '0',
      difference: '0',
      invoice: null,
      invoiceDifference: null,
      statementId: null,
    });
    expect(report.rows[4]).toMatchObject({ file: '25', attributed: '0', unattributed: '25', difference: '0' });
    expect(report.rows.every((row) => row.difference === '0')).toBe(true);
    expect(csvOf(reconciliationTable(report)).split('\r\n')[1]).toBe(
      `aws,2026-09,${bills.aws},USD,BilledCost,154.500000000001,154.500000000001,154.500000000001,0,0,,,open,,2026-09`,
    );
  });

  test('adds what is billed here and charged elsewhere, and the reverse', async ({ bills }) => {
    const september = await reconciliation(bills.db, { period: '2026-09', at: AT });
    const billed = september.billedHereChargedElsewhere.filter((row) => row.metric === 'BilledCost');
    expect(billed.map((row) => [row.sourceId, row.chargeMonth, row.ingested])).toEqual([
      ['aws', '2026-08', '-3'],
      ['azure', '2026-10', '5'],
    ]);
    expect(september.chargedHereBilledElsewhere).toEqual([]);
    const august = await reconciliation(bills.db, { period: '2026-08', at: AT });
    expect(august.rows).toEqual([]);
    expect(august.chargedHereBilledElsewhere).toMatchObject([
      { sourceId: 'aws', billingPeriod: '2026-09', chargeMonth: '2026-08', metric: 'BilledCost', ingested: '-3' },
      { metric: 'EffectiveCost' },
      { metric: 'ListCost' },
      { metric: 'ContractedCost' },
    ]);
    // The two reports meet: what September's bills hold, less what they charge elsewhere, is what was charged in September.
    const charged = await explore(bills.db, { where: ['source=aws'], currency: 'billing' });
    expect(charged.total).toMatchObject([{ billedCost: add(decimal('154.500000000001'), decimal('3')) }]);
  });

  test('shows a difference where a figure is not what the bill says', async ({ trx, bills }) => {
    await sql`update load_file_total set billed_cost = billed_cost + 0.01 where load_id = ${bills.aws}`.execute(trx);
    const report = await reconciliation(trx, { period: '2026-09', at: AT });
    expect(report.rows[0]).toMatchObject({ metric: 'BilledCost', difference: '0.01' });
  });
});

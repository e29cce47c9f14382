/** What moved after a month was closed shows as adjustments of the open month, and the statement with its adjustments is always what is known. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { listStatements } from '../../services/periods/list-statements.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { rulebook } from '../support/billed-charges.ts';
import { adjusted, importSheet, report, RULES, test } from '../support/closable-company.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { VERIFIED } from '../support/outcome-sheets.ts';

describe('what moves after closing', () => {
  test('is an adjustment of the open month, with its causes, and is booked when that closes', async ({
    db,
    company,
  }) => {
    const id = await close(db, '2026-08');
    const restated = await publishBill(db, {
      start: '2026-08-01',
      end: '2026-09-01',
      deliveredAt: '2026-11-01T00:00:00Z',
      charges: company
        .month('08')
        .map((charge) => (charge.originId === company.origins.search ? { ...charge, billed: '50' } : charge)),
    });
    await importSheet(db, {
      ...VERIFIED,
      amount: '1012',
      delivered_on: '2026-08-01',
      recognise_from: '2026-08-01',
      recognise_until: '2026-11-01',
    });
    const lines = ['2026-08 checkout value-verified USD 0 31 0 31', '2026-08 search direct EUR 10 0 11 0'];
    expect(await adjusted(db, '2026-09')).toEqual(lines);
    expect(await adjusted(db, '2026-08')).toEqual([]);
    const { months } = await adjustments(db, { period: '2026-Q3', at: AFTERWARDS });
    expect(months).toEqual([
      {
        bookedIn: '2026-09',
        adjusts: '2026-08',
        adjustedStatementId: id,
        causes: {
          loads: [{ sourceId: 'files', billingPeriod: '2026-08', was: company.august, now: restated }],
          rulebook: null,
          outcomes: [{ outcomeId: '1', was: 2, now: 4 }],
          rates: [],
        },
      },
    ]);
    const open = await report(db, '2026-09');
    expect(open.pods.map((row) => row.adjustments)).toEqual([
      { cost: '0', value: '31' },
      { cost: '11', value: '0' },
    ]);
    expect(open.pods[1]?.cost.total).toBe('52');
    const september = await close(db, '2026-09');
    expect((await report(db, '2026-09')).pods.map((row) => row.adjustments)).toEqual(
      open.pods.map((row) => row.adjustments),
    );
    expect(await adjusted(db, '2026-09')).toEqual(lines);
    expect(await adjusted(db, '2026-10')).toEqual([]);
    expect((await adjustments(db, { period: '2026-09', at: AFTERWARDS })).lines[0]).toMatchObject({
      statementId: september,
      adjustedStatementId: id,
    });
    expect((await adjustments(db, { period: '2026-09', at: AFTERWARDS })).months).toEqual(months);
  });

  test('shows a rate that moved in the reporting currency only', async ({ company: { db } }) => {
    await close(db, '2026-08');
    const text = 'date,base,quote,rate\n2026-08-01,EUR,USD,1.5\n';
    await db.transaction().execute((trx) => importFxFiles(trx, [{ name: 'ecb.csv', text }]));
    await sql`update organisation set figures_version = figures_version + 1`.execute(db);
    expect(await adjusted(db, '2026-09')).toEqual(['2026-08 search direct EUR 0 0 16 0']);
    const { months } = await adjustments(db, { period: '2026-09', at: AFTERWARDS });
    expect(months[0]?.causes.rates).toEqual([{ currency: 'EUR', days: 1 }]);
    expect((await report(db, '2026-08')).pods[1]?.cost.direct).toBe('44');
    expect((await report(db, '2026-08', { currency: 'EUR' })).pods[1]?.cost.direct).toBe('40');
  });

  test('moves no closed month in any currency when rates come or are corrected', async ({ db, company }) => {
    await sql`
      insert into envelope (scope_kind, scope_id, period_id, period_start, period_end, counts, created_at)
      values ('pod', 'checkout', '2026-08', '2026-08-01', '2026-09-01', 'controlled', '2026-07-01')
    `.execute(db);
    await sql`
      insert into envelope_version (envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_on, method, origin, applied_by,
        created_at)
      select id, 1, 200, 'USD', 'EffectiveCost', '{0.8,1}', '2026-07-01', 'granted', 'explicit', 'grace', '2026-07-01' from envelope
    `.execute(db);
    await close(db, '2026-08');
    await publishBill(db, {
      start: '2026-08-01',
      end: '2026-09-01',
      deliveredAt: '2026-11-01T00:00:00Z',
      charges: [...company.month('08'), { originId: company.origins.stray, date: '2026-08-30', billed: '11' }],
    });
    await close(db, '2026-09');
    const ask = async (currency: string) => [
      await report(db, '2026-08', { currency }),
      await report(db, '2026-09', { currency }),
      await costs(db, { period: '2026-Q3', currency, at: AFTERWARDS, by: ['month', 'pod'] }),
    ];
    const inEuros = await ask('EUR');
    // 11 USD at the rate of the adjusted day, 1 / 1.1 at 15 decimals.
    expect(inEuros[1]).toMatchObject({ unattributed: { adjustments: { cost: '9.999999999999999' } } });
    expect(inEuros[0]).toMatchObject({ pods: [{ envelope: { limit: '200' } }, { envelope: null }] });
    await sql`update envelope_version set envelope_limit = 300`.execute(db);
    const text = 'date,base,quote,rate\n2026-08-01,EUR,USD,1.5\n2026-09-01,EUR,USD,1.6\n2026-08-01,EUR,CHF,0.5\n';
    await db.transaction().execute((trx) => importFxFiles(trx, [{ name: 'ecb.csv', text }]));
    await sql`update organisation set figures_version = figures_version + 1`.execute(db);
    expect(await ask('EUR')).toEqual(inEuros);
    // Nobody had a rate to this currency when the months were closed: only it is converted as now known.
    expect(await report(db, '2026-08', { currency: 'CHF' })).toMatchObject({
      currency: 'CHF',
      pods: [{}, { cost: { direct: '20' } }],
    });
    expect(await verifyStatements(db)).toMatchObject({ verified: true, checked: 2 });
  });

  test('is worked out by the report itself where nobody prepared it', async ({ db, company }) => {
    await close(db, '2026-08');
    expect((await report(db, '2026-09')).pods.map((row) => row.adjustments.cost)).toEqual(['0', '0']);
    await publishBill(db, {
      start: '2026-08-01',
      end: '2026-09-01',
      deliveredAt: '2026-11-01T00:00:00Z',
      charges: company.month('08').slice(0, 2),
    });
    const unprepared = await valuePerPod(db, { period: '2026-09', at: AFTERWARDS });
    const prepared = await report(db, '2026-09');
    expect(unprepared).toEqual(prepared);
    expect(prepared.pods.map((row) => row.adjustments.cost)).toEqual(['-4.000000000001', '-4']);
    // What belongs to no pod is corrected too, so that the column adds up.
    expect(prepared.unattributed.adjustments).toEqual({ cost: '-5', value: '0' });
    expect(prepared.total.adjustments).toEqual({ cost: '-13.000000000001', value: '0' });
    await close(db, '2026-09');
    expect((await report(db, '2026-09')).unattributed.adjustments).toEqual({ cost: '-5', value: '0' });
  });

  test('is reversed by itself after the month is closed anew', async ({ db, company }) => {
    const first = await close(db, '2026-08');
    await publishBill(db, {
      start: '2026-08-01',
      end: '2026-09-01',
      deliveredAt: '2026-11-01T00:00:00Z',
      charges: company.month('08').slice(0, 2),
    });
    await close(db, '2026-09');
    const second = await close(db, '2026-08', { reissueReason: 'the provider withdrew the network' });
    expect(await report(db, '2026-08')).toMatchObject({
      statementId: second,
      pods: [{ cost: { shared: '0' } }, { cost: { shared: '0' } }],
    });
    expect(await adjusted(db, '2026-10')).toEqual([
      '2026-08 checkout shared USD 4.000000000001 0 4.000000000001 0',
      '2026-08 search shared USD 4 0 4 0',
      '2026-08 - direct USD 5 0 5 0',
    ]);
    const statements = await listStatements(db);
    expect(statements.find((one) => one.statementId === first)).toMatchObject({
      state: 'approved',
      isCurrent: false,
      supersededBy: second,
    });
    expect(statements[0]).toMatchObject({
      statementId: second,
      supersedes: first,
      reissueReason: 'the provider withdrew the network',
    });
    expect(await verifyStatements(db)).toMatchObject({ verified: true, checked: 3 });
  });

  test('is in no cost report of closed days: rollups, charges and shares come from the statement', async ({
    db,
    company,
  }) => {
    await prepareConversions(db, { period: '2026-Q3', at: AFTERWARDS });
    const ask = (by: string[]) => costs(db, { period: '2026-Q3', at: AFTERWARDS, by: ['month', ...by] });
    const before = [await ask(['pod']), await ask(['resourceId', 'pod'])];
    await close(db, '2026-08');
    await publishBill(db, {
      start: '2026-08-01',
      end: '2026-09-01',
      deliveredAt: '2026-11-01T00:00:00Z',
      charges: company.month('08').slice(0, 1),
    });
    await putInForce(db, rulebook(RULES.rules.slice(1), RULES.pods));
    const after = [await ask(['pod']), await ask(['resourceId', 'pod'])];
    for (const [index, costsAfter] of after.entries()) {
      expect(costsAfter.state).toBe('mixed');
      const augustOf = (rows: readonly { [name: string]: string | null }[]) =>
        rows.filter((row) => row['month'] === '2026-08');
      expect(augustOf(costsAfter.rows)).toEqual(augustOf(before[index]?.rows ?? []));
    }
    expect(after[0]?.rows.find((row) => row['month'] === '2026-09' && row['pod'] === null)?.effectiveCost).toBe(
      '13.000000000001',
    );
  });
});

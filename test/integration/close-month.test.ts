/**
 * Closing a month: what is frozen, who may close, what refuses, and that nothing that happens afterwards changes a byte of it. What moved
 * shows as adjustments of the open month, and the statement with its adjustments is always what is known.
 */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { listExpiredLoads } from '../../services/billing/list-expired-loads.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { importOutcomes } from '../../services/outcomes/import-outcomes.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { listStatements, readStatementDocument } from '../../services/periods/list-statements.ts';
import { readReadiness } from '../../services/periods/readiness.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { insertOrigin, pod, rulebook } from '../support/billed-charges.ts';
import {
  AFTERWARDS,
  APPROVER,
  approve,
  close,
  PREPARER,
  prepare,
  publishBill,
  putInForce,
} from '../support/closing.ts';
import { createTestDatabase, test as base } from '../support/database.ts';
import { FINANCE, insertPods, outcomeRow, outcomeSheet } from '../support/outcome-sheets.ts';

const RULES = rulebook(
  [
    { id: 'network', when: { serviceName: 'Network' }, split: { method: 'even', among: ['checkout', 'search'] } },
    { id: 'checkout', when: { resourceId: 'vm-1' }, pod: 'checkout' },
    { id: 'search', when: { resourceId: 'vm-2' }, pod: 'search' },
  ],
  [pod('checkout'), pod('search')],
);
const VERIFIED = { state: 'verified', verified_by: 'luca@example.com' };

/** A company with August and September delivered, in two currencies, with value; on a database of its own, because closing commits. */
const test = base
  .extend('db', async ({}, { onCleanup }) => {
    const { db, drop } = await createTestDatabase();
    onCleanup(drop);
    await insertPods(db, { id: 'checkout', portfolio: 'commerce' }, { id: 'search' });
    return db;
  })
  .extend('company', async ({ db }) => {
    await putInForce(db, RULES);
    const text = 'date,base,quote,rate\n2026-08-01,EUR,USD,1.1\n2026-09-01,EUR,USD,1.2\n2026-10-01,EUR,USD,1.3\n';
    await sql`update organisation set fx_carry_days = 40`.execute(db);
    await db.transaction().execute((trx) => importFxFiles(trx, [{ name: 'ecb.csv', text }]));
    const origins = {
      checkout: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Compute', resource_id: 'vm-1' }),
      search: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Compute', resource_id: 'vm-2' }),
      network: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Network', resource_id: 'gw' }),
      stray: await insertOrigin(db, { provider_name: 'AWS', service_name: 'Storage', resource_id: 'disk' }),
    };
    const month = (number: string) => [
      { originId: origins.checkout, date: `2026-${number}-02`, billed: '100.25', effective: '90.5' },
      { originId: origins.search, date: `2026-${number}-03`, billed: '40', currency: 'EUR' },
      { originId: origins.network, date: `2026-${number}-03`, billed: '8.000000000001' },
      { originId: origins.stray, date: `2026-${number}-30`, billed: '5' },
    ];
    const august = await publishBill(db, { start: '2026-08-01', end: '2026-09-01', charges: month('08') });
    const september = await publishBill(db, { start: '2026-09-01', end: '2026-10-01', charges: month('09') });
    await importSheet(
      db,
      {
        ...VERIFIED,
        amount: '920',
        delivered_on: '2026-08-01',
        recognise_from: '2026-08-01',
        recognise_until: '2026-11-01',
      },
      { source_row_id: 'euro', pod: 'search', amount: '30', currency: 'EUR', delivered_on: '2026-09-05' },
    );
    return { db, origins, month, august, september };
  });

async function importSheet(db: Kysely<DB>, ...rows: Parameters<typeof outcomeRow>[0][]): Promise<void> {
  const sheet = outcomeSheet(...rows.map((row) => outcomeRow(row)));
  await db
    .transaction()
    .execute((trx) =>
      importOutcomes(trx, { sheet, workbook: 'benefits', principal: FINANCE, dryRun: false, at: AFTERWARDS }),
    );
}

async function report(db: Kysely<DB>, period: string, given: { asNow?: boolean; currency?: string } = {}) {
  const request = { period, at: AFTERWARDS, ...given };
  await prepareConversions(db, request);
  return valuePerPod(db, request);
}

/** `pod kind currency effectiveCost amount` of every open or booked line. */
async function adjusted(db: Kysely<DB>, period: string): Promise<string[]> {
  await prepareConversions(db, { period, at: AFTERWARDS });
  const { lines } = await adjustments(db, { period, at: AFTERWARDS });
  return lines.map((line) =>
    [
      line.adjusts,
      line.podId ?? '-',
      line.kind,
      line.currency,
      line.effectiveCost,
      line.amount,
      line.reported.effectiveCost,
      line.reported.amount,
    ].join(' '),
  );
}

describe('a closed month', () => {
  test('answers as it did when it was closed, whatever happens afterwards', async ({ db, company }) => {
    const before = await report(db, '2026-09');
    const id = await close(db, '2026-09');
    const closed = await report(db, '2026-09');
    expect(closed).toEqual({ ...before, state: 'closed', statementId: id, pods: before.pods });
    const bytes = await readStatementDocument(db, id);

    await publishBill(db, {
      start: '2026-09-01',
      end: '2026-10-01',
      deliveredAt: '2026-11-01T00:00:00Z',
      charges: [...company.month('09'), { originId: company.origins.search, date: '2026-09-09', billed: '7' }],
    });
    await importSheet(db, {
      ...VERIFIED,
      amount: '1840',
      delivered_on: '2026-08-01',
      recognise_from: '2026-08-01',
      recognise_until: '2026-11-01',
    });
    await putInForce(db, rulebook(RULES.rules.slice(0, 2), RULES.pods));

    expect(await report(db, '2026-09')).toEqual(closed);
    expect(await readStatementDocument(db, id)).toBe(bytes);
    const half = await report(db, '2026-09-01..2026-09-16');
    expect(half).toMatchObject({
      state: 'closed',
      statementId: null,
      pods: [{ cost: { direct: '90.5' } }, { cost: { direct: '48' } }],
    });
    const asNow = await report(db, '2026-09', { asNow: true });
    expect(asNow.pods).toEqual(closed.pods);
    expect(asNow.asNow).toMatchObject({
      state: 'open',
      statementId: null,
      pods: [
        { podId: 'checkout', cost: { direct: '90.5' }, value: { verified: '600' } },
        { podId: 'search', cost: { direct: '0' } },
      ],
    });
  });

  test('freezes every row, load, file and rate in a canonical document under its hash', async ({ db, company }) => {
    const { statement, valuePerPod: frozen } = await prepare(db, '2026-09');
    const document = JSON.parse(await readStatementDocument(db, statement.statementId));
    expect(document).toMatchObject({
      format: 'outturn statement 2',
      kind: 'month',
      period: { id: '2026-09', start: '2026-09-01', end: '2026-10-01' },
      valuePerPod: JSON.parse(JSON.stringify(frozen)),
      loads: [{ loadId: company.september, billingPeriod: '2026-09', files: [] }],
      readiness: [{ sourceId: 'files', state: 'ready', begins: '2026-08', obstacle: null }],
      rulebook: { id: 1 },
      coverage: [
        { source: 'files', provider: 'AWS', cost: '151.500000000001', attributed: '146.500000000001', share: '0.9670' },
      ],
      frozen: { podDays: { rows: 5 }, sharedCosts: { rows: 2 }, loads: { rows: 1 }, pods: { rows: 3 } },
    });
    expect(document.rates.filter(({ rate }: { rate: string }) => rate !== '1.2')).toEqual([]);
    expect(document.reconciliation.rows).toHaveLength(8);
    expect(Object.keys(document)).toEqual(Object.keys(document).sort());
  });

  test('keeps its loads, also when they were superseded long ago', async ({ db, company }) => {
    await close(db, '2026-08');
    const restate = (deliveredAt: string) =>
      publishBill(db, { start: '2026-08-01', end: '2026-09-01', deliveredAt, charges: company.month('08') });
    const second = await restate('2026-11-01T00:00:00Z');
    await restate('2026-11-02T00:00:00Z');
    await sql`update load set published_at = published_at - interval '200 days', superseded_at = superseded_at - interval '100 days'
      where state = 'superseded'`.execute(db);
    const expired = await listExpiredLoads(db, AFTERWARDS);
    expect(expired).toEqual([second]);
  });

  test('goes by the portfolios that pods belonged to when it was closed', async ({ company: { db } }) => {
    await close(db, '2026-09');
    const ask = async () => {
      const { rows } = await costs(db, { period: '2026-09', at: AFTERWARDS, by: ['portfolio'] });
      return rows.map((row) => `${row['portfolio']} ${row.effectiveCost}`);
    };
    const stated = await ask();
    expect(stated).toEqual(['commerce 94.500000000001', 'null 57']);
    await sql`update pod set portfolio_id = null`.execute(db);
    expect(await ask()).toEqual(stated);
  });

  test('shows its document to no pod', async ({ company: { db } }) => {
    await close(db, '2026-08');
    const readAsPod = (what: string) =>
      db.transaction().execute(async (trx) => {
        await sql`set local role outturn_pod`.execute(trx);
        return (await sql.raw(what).execute(trx)).rows;
      });
    await expect(readAsPod('select document from statement')).rejects.toThrow('permission denied');
    expect(await readAsPod('select id from statement')).toHaveLength(1);
    expect(await readAsPod('select * from statement_pod')).toEqual([]);
  });

  test('lets nobody change an approved row', async ({ company: { db } }) => {
    await close(db, '2026-08');
    await expect(sql`update statement_pod_day set billed_cost = 0`.execute(db)).rejects.toThrow(
      'nothing of it can be changed',
    );
    await expect(sql`delete from statement`.execute(db)).rejects.toThrow('nothing of it can be changed');
  });
});

describe('closing is refused', () => {
  test('to who prepared it, and to other roles than finance', async ({ company: { db } }) => {
    const { statement } = await prepare(db, '2026-08', { principal: APPROVER });
    await expect(approve(db, statement.statementId)).rejects.toThrow('grace@example.com prepared statement');
    await expect(approve(db, statement.statementId, PREPARER)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(prepare(db, '2026-08', { principal: { id: 'x', role: 'reader', pods: [] } })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  test('while a source is missing, late or not settled, unless forced with a reason', async ({ db, company }) => {
    await sql`insert into source (id, kind) values ('azure', 'focus-files')`.execute(db);
    await expect(prepare(db, '2026-09')).rejects.toThrow(
      /^2026-09 cannot be closed yet\.\nSource "azure" has no published load of it\./,
    );
    await publishBill(db, {
      sourceId: 'azure',
      usageUntil: '2026-09-29T00:00:00Z',
      charges: [{ originId: company.origins.stray, date: '2026-09-28', billed: '1' }],
    });
    await expect(prepare(db, '2026-09')).rejects.toThrow(
      'Source "azure" has usage up to 2026-09-29T00:00:00.000Z only',
    );
    await sql`update load set usage_until = billing_period_end where source_id = 'azure'`.execute(db);
    await sql`update source set settle_after = 'P100D' where id = 'azure'`.execute(db);
    await expect(prepare(db, '2026-09')).rejects.toThrow('may restate it until 2027-01-09T00:00:00.000Z');
    await expect(prepare(db, '2026-09', { forcedReason: ' ' })).rejects.toThrow('--force needs a reason');
    const { statement } = await prepare(db, '2026-09', { forcedReason: 'Azure confirmed the figures' });
    expect(statement).toMatchObject({ state: 'prepared', forcedReason: 'Azure confirmed the figures' });
    expect(await readStatementDocument(db, statement.statementId)).toContain('Azure confirmed the figures');
    // Bills came as `ingest --source payer` only, and no file declares a source: none of "files" is waited for.
    await sql`update source set removed_at = now() where id = 'azure'`.execute(db);
    await sql`insert into source (id, kind, removed_at) values ('payer', 'focus-files', now())`.execute(db);
    await sql`update load set source_id = 'payer' where source_id = 'files'`.execute(db);
    const september = { start: '2026-09-01', end: '2026-10-01' };
    const awaited = await readReadiness(db, september, AFTERWARDS);
    expect(awaited.map(({ sourceId }) => sourceId)).toEqual(['azure', 'payer']);
    const [, payer] = await readReadiness(db, { start: '2026-10-01', end: '2026-11-01' }, AFTERWARDS);
    expect(payer).toMatchObject({ sourceId: 'payer', state: 'missing' });
    expect(payer?.obstacle).toContain('name the sources that do deliver');
  });

  test('before the month is over, twice, and out of turn', async ({ db, company }) => {
    await expect(prepare(db, '2026-12')).rejects.toThrow('2026-12 is not over');
    await expect(prepare(db, '2026')).rejects.toMatchObject({ code: 'invalid_period' });
    await close(db, '2026-08');
    await expect(prepare(db, '2026-08')).rejects.toThrow('2026-08 is closed by statement 1.');
    await expect(prepare(db, '2026-09', { reissueReason: 'again' })).rejects.toThrow('nothing to reissue');
    await publishBill(db, {
      start: '2026-10-01',
      end: '2026-11-01',
      charges: [{ originId: company.origins.stray, date: '2026-10-01', billed: '1' }],
    });
    await expect(prepare(db, '2026-10')).rejects.toThrow('Months are closed in their order, and 2026-09 is open.');
  });

  test('where the figures moved after it was prepared, not where others did', async ({ db, company }) => {
    const { statement } = await prepare(db, '2026-08');
    await publishBill(db, {
      start: '2026-10-01',
      end: '2026-11-01',
      charges: [{ originId: company.origins.stray, date: '2026-10-01', billed: '1' }],
    });
    await approve(db, statement.statementId);
    const next = await prepare(db, '2026-09');
    await publishBill(db, {
      start: '2026-10-01',
      end: '2026-11-01',
      deliveredAt: '2026-11-05T00:00:00Z',
      charges: [{ originId: company.origins.stray, date: '2026-09-30', billed: '1' }],
    });
    await expect(approve(db, next.statement.statementId)).rejects.toThrow('Prepare it again: "outturn close 2026-09".');
    const again = await prepare(db, '2026-09');
    await approve(db, again.statement.statementId);
    expect((await listStatements(db)).map(({ period, state }) => `${period} ${state}`)).toEqual([
      '2026-09 approved',
      '2026-09 discarded',
      '2026-08 approved',
    ]);
    await expect(approve(db, next.statement.statementId)).rejects.toThrow('is discarded');
  });
});

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
          outcomes: [{ outcomeId: '1', was: 1, now: 2 }],
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

describe('two people at once', () => {
  test('approve a statement once, and publish beside a closing without a figure between', async ({
    company: { db, origins },
  }) => {
    const { statement } = await prepare(db, '2026-08');
    const others = ['ruth@example.com', 'hugo@example.com'].map((id) => ({ ...APPROVER, id }));
    const approvals = await Promise.allSettled(others.map((one) => approve(db, statement.statementId, one)));
    expect(approvals.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
    const bills = ['2026-11-01', '2026-11-02', '2026-11-03'].map((day, index) => ({
      start: '2026-08-01',
      end: '2026-09-01',
      deliveredAt: `${day}T00:00:00Z`,
      charges: [{ originId: origins.checkout, date: '2026-08-02', billed: String(index) }],
    }));
    await Promise.all([...bills.map((bill) => publishBill(db, bill)), prepare(db, '2026-09'), prepare(db, '2026-09')]);
    expect((await listStatements(db, { state: 'prepared' })).map((one) => one.period)).toEqual(['2026-09']);
    await close(db, '2026-09');
    expect(await adjusted(db, '2026-10')).toEqual([]);
    expect(await verifyStatements(db)).toMatchObject({ verified: true, checked: 2 });
  });
});

describe('a quarter', () => {
  test('closes once its months are closed, and adds up from them', async ({ db, company }) => {
    await close(db, '2026-08');
    await expect(prepare(db, '2026-Q3')).rejects.toThrow(
      '2026-Q3 closes once its months are closed, and 2026-07, 2026-09 are open.',
    );
    await close(db, '2026-09');
    const { statement, readiness } = await prepare(db, '2026-07');
    expect(readiness).toEqual([{ sourceId: 'files', state: 'notBegun', begins: '2026-08', obstacle: null }]);
    expect(await approve(db, statement.statementId)).toMatchObject({ period: '2026-07', forcedReason: null });
    const before = await report(db, '2026-Q3');
    expect(before).toMatchObject({ state: 'closed', statementId: null });
    const id = await close(db, '2026-Q3');
    expect(await report(db, '2026-Q3')).toEqual({ ...before, statementId: id });
    expect(before.pods[0]?.value).toMatchObject({ verified: '610', verifiedOutcomes: 1 });
    await publishBill(db, {
      start: '2026-08-01',
      end: '2026-09-01',
      deliveredAt: '2026-11-01T00:00:00Z',
      charges: company.month('08').slice(0, 2),
    });
    await close(db, '2026-08', { reissueReason: 'network withdrawn' });
    const mixed = await report(db, '2026-Q3');
    expect(mixed).toMatchObject({ state: 'closed', statementId: null });
    await expect(prepare(db, '2026-Q3')).rejects.toThrow('is closed by statement');
    const reissued = await close(db, '2026-Q3', { reissueReason: 'August was closed anew' });
    expect(await report(db, '2026-Q3')).toEqual({ ...mixed, statementId: reissued });
    await sql`update organisation set fiscal_year_start_month = 2`.execute(db);
    await expect(prepare(db, '2026-Q3')).rejects.toThrow(
      `Statement ${reissued} closed 2026-Q3 as 2026-07-01..2026-10-01; now that name means 2026-08-01..2026-11-01`,
    );
    await sql`update organisation set fiscal_year_start_month = 4`.execute(db);
    await expect(prepare(db, '2026-Q2')).rejects.toThrow(`2026-Q2 is closed by statement ${reissued}.`);
  });
});

describe('the chain', () => {
  test('names the first statement of which a byte, a row or an approval was changed', async ({ company: { db } }) => {
    const first = await close(db, '2026-08');
    const second = await close(db, '2026-09');
    const verification = await verifyStatements(db);
    expect(verification).toMatchObject({ verified: true, checked: 2, broken: null });
    expect(verification.head).toMatch(/^[0-9a-f]{64}$/);
    const tamper = async (change: ReturnType<typeof sql>) => {
      let found: unknown;
      await db
        .transaction()
        .execute(async (trx) => {
          await sql`set local session_replication_role = replica`.execute(trx);
          await change.execute(trx);
          found = (await verifyStatements(trx)).broken;
          throw new Error('undone');
        })
        .catch((error: Error) => {
          if (error.message !== 'undone') throw error;
        });
      return found;
    };
    const of = (id: string) => sql`${Number(id)}::integer`;
    expect(
      await tamper(sql`update statement set document = replace(document, '90.5', '90.4') where id = ${of(second)}`),
    ).toEqual({
      statementId: second,
      period: '2026-09',
      reason: 'its document is not the one that was hashed',
    });
    expect(
      await tamper(
        sql`update statement_pod_day set effective_cost = effective_cost + 1 where statement_id = ${of(first)}`,
      ),
    ).toMatchObject({
      statementId: first,
      reason: 'its frozen rows (podDays) are not those that were hashed',
    });
    expect(await tamper(sql`update statement set approved_by = 'mallory' where id = ${of(first)}`)).toMatchObject({
      statementId: first,
    });
    expect(
      await tamper(sql`update statement set heading = replace(heading, 'USD', 'EUR') where id = ${of(first)}`),
    ).toMatchObject({
      reason: 'its report is not the one that was hashed',
    });
    const moved = (change: ReturnType<typeof sql>) => tamper(sql`${change} ${of(first)}`);
    const beside = { reason: 'its days, instant, rulebook or currency are not those of its document' };
    expect(await moved(sql`update statement set period_end = period_end - 1 where id =`)).toMatchObject(beside);
    expect(await moved(sql`update statement set rulebook_id = 0 where id =`)).toMatchObject(beside);
    expect(await moved(sql`update statement set cost_metric = 'ListCost' where id =`)).toMatchObject(beside);
    expect(
      await tamper(sql`update rulebook set content = jsonb_set(content, '{rules}', '[]') where id <> 0`),
    ).toMatchObject({ reason: 'its rulebook is not the one that was hashed' });
    const ofFirst = sql`select load_id from statement_load where statement_id = ${of(first)}`;
    expect(await tamper(sql`update load set manifest_digest = 'other' where id in (${ofFirst})`)).toMatchObject({
      reason: 'its loads or their files are not those of its document',
    });
    expect(
      await tamper(sql`update pod_cost set list_cost = list_cost + 0.000000000001 where load_id in (${ofFirst})`),
    ).toMatchObject({ reason: 'the cells of its loads do not add up to its frozen rows' });
    expect(await tamper(sql`update rollup_month set rule_id = 'other' where load_id in (${ofFirst})`)).toMatchObject({
      reason: 'the months that explanations read are not the sums of their days',
    });
    expect(
      await tamper(sql`update statement set state = 'discarded', ordinal = null, previous_hash = null, hash = null, approved_by = null,
      approved_at = null where id = ${of(first)}`),
    ).toMatchObject({ statementId: second, reason: 'stands at place 2 of the chain instead of 1' });
  });
});

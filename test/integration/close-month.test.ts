/**
 * Closing a month: what is frozen, who may close, what refuses, and that nothing that happens afterwards changes a byte of it. What moves
 * after it is in close-adjustments.test.ts, statements one upon another in close-chain.test.ts.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { listExpiredLoads } from '../../services/billing/list-expired-loads.ts';
import { listStatements, readStatementDocument } from '../../services/periods/list-statements.ts';
import { readReadiness } from '../../services/periods/readiness.ts';
import { costs } from '../../services/reports/costs.ts';
import { rulebook } from '../support/billed-charges.ts';
import { importSheet, report, RULES, test } from '../support/closable-company.ts';
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
import { VERIFIED } from '../support/outcome-sheets.ts';

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
    await expect(prepare(db, '2026-10')).rejects.toThrow(
      'Between closed months none with charges may stay open, and 2026-09 would.',
    );
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

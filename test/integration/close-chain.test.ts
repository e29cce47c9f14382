/** Statements one upon another: two people at once, a quarter of its months, and a chain in which every change is found. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { listStatements } from '../../services/periods/list-statements.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { adjusted, report, test } from '../support/closable-company.ts';
import { APPROVER, approve, close, prepare, publishBill } from '../support/closing.ts';

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

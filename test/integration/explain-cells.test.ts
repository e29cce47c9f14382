/** Cells of every report lead back: everybody's cost, a split's, what a billing period billed, a closed month, a former instant, a value. */
import { sql } from 'kysely';
import Value from 'typebox/value';
import { describe, expect } from 'vitest';
import { ExplanationView } from '../../api/schemas/charges.ts';
import { renderExplanation } from '../../cli/render/explanation.ts';
import { explain } from '../../services/attribution/explain.ts';
import type { CellRequest, PodExplanation } from '../../services/attribution/explain-pod.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { reportAsKnown } from '../../services/replay/replayed-reports.ts';
import { insertOrigin, pod, rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { test as base } from '../support/database.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

const OPTIONS = { at: AFTERWARDS, workDir: '/nonexistent', linesPerOrigin: 0 };
const RESTATED_AT = new Date('2026-12-22T08:00:00Z');
const SEPTEMBER = { start: '2026-09-01', end: '2026-10-01' };
const RULES = rulebook(
  [
    {
      id: 'network',
      when: { serviceName: 'Network' },
      split: { method: 'fixed', weights: { checkout: '3', search: '1' } },
    },
    { id: 'team', when: {}, podFromTag: 'team' },
  ],
  [pod('checkout'), pod('search')],
);

/** September closed at 10 + 6 of a split; then restated to 12; October open. */
const test = base.extend('history', { scope: 'file' }, async ({ database }) => {
  const { db } = database;
  await insertPods(db, { id: 'checkout' }, { id: 'search' });
  await sql`update pod set cost_centre = '4711' where id = 'checkout'`.execute(db);
  const own = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Compute', tags: { team: 'checkout' } });
  const other = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Compute', tags: { team: 'search' } });
  const gateway = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Network' });
  const nobodys = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Storage', sub_account_id: '77' });
  await putInForce(db, RULES);
  const charges = (billed: string, month: string) => [
    { originId: own, date: `${month}-02`, billed },
    { originId: other, date: `${month}-03`, billed: '20' },
    { originId: gateway, date: `${month}-04`, billed: '8' },
    { originId: nobodys, date: `${month}-05`, billed: '5' },
  ];
  await publishBill(db, { ...SEPTEMBER, charges: charges('10', '2026-09') });
  // Billed in October: usage of October, and a late line of September's.
  const late = { originId: own, date: '2026-09-30', billed: '1' };
  await publishBill(db, { start: '2026-10-01', end: '2026-11-01', charges: [...charges('30', '2026-10'), late] });
  const { outcomeId } = await db.transaction().execute((trx) =>
    createOutcome(trx, {
      input: {
        title: 'Smaller instances',
        amount: '100',
        currency: 'USD',
        basis: 'cost_reduction',
        deliveredOn: '2026-09-01',
        recogniseFrom: '2026-09-01',
        recogniseUntil: '2026-11-01',
        ownerEmail: 'val@example.com',
        shares: [
          { pod: 'checkout', basisPoints: 7500 },
          { pod: 'search', basisPoints: 2500 },
        ],
        references: [],
      },
      principal: FINANCE,
      at: new Date('2026-11-02T00:00:00Z'),
    }),
  );
  const statementId = await close(db, '2026-09');
  await publishBill(db, { ...SEPTEMBER, deliveredAt: '2026-12-21T00:00:00Z', charges: charges('12', '2026-09') });
  await sql`update load set published_at = ${RESTATED_AT.toISOString()} where superseded_at is null and billing_period_start = '2026-09-01'`.execute(
    db,
  );
  await sql`update load set superseded_at = ${RESTATED_AT.toISOString()} where superseded_at is not null`.execute(db);
  const cell = async (request: CellRequest) => {
    const found = (await explain(db, request, OPTIONS)) as PodExplanation;
    expect([...Value.Errors(ExplanationView, found)]).toEqual([]);
    expect(renderExplanation(found)).toContain(found.period.start);
    return found;
  };
  return { db, outcomeId, statementId: Number(statementId), cell };
});

const rulesOf = ({ rules }: PodExplanation) =>
  rules.map(({ ruleId, kind, effectiveCost, share }) =>
    `${ruleId ?? '-'} ${kind} ${effectiveCost} ${share ?? ''}`.trim(),
  );

describe('everybody’s cost', () => {
  test('of a month leads to its rules, its pods and its origins', async ({ history }) => {
    const found = await history.cell({ period: '2026-10' });
    expect(found).toMatchObject({ subject: 'total', podId: null, state: 'open', closed: [] });
    expect(rulesOf(found)).toEqual(['team direct 50', '- direct 5', 'network shared 8 1.0000']);
    expect(found.pods.map((one) => `${one.podId ?? '-'} ${one.kind} ${one.converted ?? ''}`)).toEqual([
      'checkout direct 30',
      'checkout shared 6',
      'search direct 20',
      'search shared 2',
      '- direct 5',
    ]);
    expect(found.origins.map((one) => `${one.kind} ${one.effectiveCost}`)).toEqual([
      'direct 30',
      'direct 20',
      'shared 8',
      'direct 5',
    ]);
  });

  test('of a split’s rule leads to the weights of all who share it', async ({ history }) => {
    const found = await history.cell({ period: '2026-10', where: ['rule=network'] });
    expect(rulesOf(found)).toEqual(['network shared 8 1.0000']);
    expect(found.rules[0]?.split).toMatchObject({
      method: 'fixed',
      weight: '4',
      sum: '4',
      podCount: 2,
      onDate: '2026-10-04',
    });
    expect(found.value).toEqual([]);
  });

  test('of an account leads to what nobody has of it', async ({ history }) => {
    expect(rulesOf(await history.cell({ podId: null, period: '2026-10', where: ['subAccountId=77'] }))).toEqual([
      '- direct 5',
    ]);
  });

  test('of a cost centre follows its pods, on closed days as their statement knew them', async ({ history }) => {
    const ofCentre = { where: ['costCentre=4711'] };
    expect(rulesOf(await history.cell({ period: '2026-10', ...ofCentre }))).toEqual([
      'team direct 30',
      'network shared 6 0.7500',
    ]);
    const both = await history.cell({ period: '2026-09-01..2026-11-01', ...ofCentre });
    expect(rulesOf(both)).toEqual(['team direct 41', 'network shared 12 0.7500']);
    expect(both.origins.map((one) => one.effectiveCost)).toEqual(['41', '16']);
  });

  test('as billed goes by billing periods, whatever the charge dates', async ({ history }) => {
    const billed = await history.cell({ period: '2026-10', isBilled: true });
    expect(rulesOf(billed)).toEqual(['team direct 51', '- direct 5', 'network shared 8 1.0000']);
    expect(billed.loads).toHaveLength(1);
    expect(billed.state).toBe('open');
  });
});

describe('a closed month', () => {
  test('is explained as closed, from the loads and shares of its statement', async ({ history }) => {
    const found = await history.cell({ podId: 'checkout', period: '2026-09' });
    expect(found).toMatchObject({
      state: 'closed',
      closed: [{ periodId: '2026-09', statementId: history.statementId }],
    });
    expect(rulesOf(found)).toEqual(['team direct 11', 'network shared 6 0.7500']);
    expect(found.origins.map((one) => one.effectiveCost)).toEqual(['11', '8']);
    expect(found.loads.map(({ state }) => state)).toContain('superseded');
    expect(renderExplanation(found)).toContain(`As closed: 2026-09 (statement ${history.statementId}).`);
  });

  test('is explained as now known where that is asked for', async ({ history }) => {
    const found = await history.cell({ podId: 'checkout', period: '2026-09', asNow: true });
    expect(found).toMatchObject({ state: 'open', closed: [] });
    expect(rulesOf(found)).toEqual(['team direct 13', 'network shared 6 0.7500']);
  });

  test('and an open one together are each as they are', async ({ history }) => {
    const found = await history.cell({ podId: 'checkout', period: '2026-09-01..2026-11-01' });
    expect(found.state).toBe('mixed');
    expect(rulesOf(found)).toEqual(['team direct 41', 'network shared 12 0.7500']);
  });
});

test('a cell is explained as it was known', async ({ history }) => {
  const request = { podId: 'search', period: '2026-10' };
  const asKnown = async (instant: string) =>
    reportAsKnown(
      history.db,
      {
        asKnown: instant,
        period: request.period,
        now: new Date('2027-01-01T00:00:00Z'),
        principal: localOperator,
        needsCharges: true,
      },
      (trx, at) => explain(trx, request, { ...OPTIONS, at }),
    );
  expect(rulesOf((await asKnown('2026-12-30')) as unknown as PodExplanation)).toEqual([
    'team direct 20',
    'network shared 2 0.2500',
  ]);
  expect(rulesOf((await asKnown('2026-12-01')) as unknown as PodExplanation)).toEqual([]);
});

test('a pod’s value leads to its outcomes, closed days by their statement, and adds up to the report', async ({
  history,
}) => {
  const found = await history.cell({ podId: 'checkout', period: '2026-09-01..2026-11-01' });
  expect(found.value.map(({ outcomeId, state, statementId }) => ({ outcomeId, state, statementId }))).toEqual([
    { outcomeId: history.outcomeId, state: 'claimed', statementId: null },
    { outcomeId: history.outcomeId, state: 'claimed', statementId: history.statementId },
  ]);
  const report = await valuePerPod(history.db, { period: '2026-09-01..2026-11-01', at: AFTERWARDS });
  const amounts = found.value.map(({ converted }) => converted);
  const { rows } = await sql<{ total: string }>`select trim_scale(sum(amount))::text as total
    from unnest(${amounts}::numeric[]) as given (amount)`.execute(history.db);
  expect(rows[0]?.total).toBe(report.pods.find(({ podId }) => podId === 'checkout')?.value.claimed);
});

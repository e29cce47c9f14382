/** Outcomes stated as JSON, and what the tables themselves refuse. */
import { type Transaction, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { test } from '../support/database.ts';
import { AT, STATED } from '../support/outcome-claims.ts';
import { FINANCE, insertPods, stateOutcome } from '../support/outcome-sheets.ts';

function create(trx: Transaction<DB>, fields: Partial<OutcomeInput>, principal: Principal = FINANCE) {
  return createOutcome(trx, { input: { ...STATED, ...fields }, principal, at: AT });
}

describe('POST /outcomes', () => {
  test('takes a schedule that adds up exactly, and refuses one that does not', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const schedule = [
      { from: '2026-08-01', until: '2026-09-01', amount: '100.000000000000000001' },
      { from: '2026-09-01', until: '2026-10-01', amount: '199.999999999999999999' },
    ];
    const { outcomeId } = await create(trx, { schedule });
    const { outcomes } = await listOutcomes(trx, { limit: 1, outcomeId });
    expect(outcomes).toMatchObject([{ amount: '300', schedule }]);
    const short = create(trx, { schedule: schedule.slice(0, 1) });
    await expect(short).rejects.toThrow('schedule: its rows add up to 100.000000000000000001, the amount is 300');
  });

  test('takes no figure with more digits than any amount has, and no address that hides something', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const bad: readonly (readonly [Partial<OutcomeInput>, column: string])[] = [
      [{ amount: '9e998' }, 'amount'],
      [{ amount: `0.${'0'.repeat(30)}1` }, 'amount'],
      [{ quantity: '1e18', unit: 'order', outcomeType: 'orders' }, 'quantity'],
      [{ evidenceUrl: 'https://ada:secret@example.com/' }, 'evidenceUrl'],
      [{ evidence: [{ url: 'https://example.com/\u202egpj.exe' }] }, 'evidence'],
      [{ references: [{ system: 'jira', key: 'PAY-9', url: 'javascript:alert(1)' }] }, 'references'],
    ];
    for (const [fields, column] of bad) {
      await expect(create(trx, fields), column).rejects.toMatchObject({ faults: [{ column }] });
    }
  });

  test('keeps at most 50 pieces of evidence of an outcome, however they come', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const references = [{ system: 'jira', key: 'PAY-7' }];
    const links = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({ url: `https://example.com/${from + index}` }));
    for (const from of [0, 20]) await create(trx, { references, evidence: links(from, 20) });
    await create(trx, { references, evidence: links(40, 10) });
    await expect(create(trx, { references, evidence: links(49, 2) })).rejects.toThrow(
      '51 pieces of evidence; 50 are kept',
    );
  });

  test('counts a type in one unit while an outcome of it stands; what was taken back binds nobody', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const counted = (title: string, unit: string) =>
      create(trx, { title, basis: 'cost_avoided', outcomeType: 'orders', quantity: '5', unit });
    const { outcomeId } = await counted('A slip', 'banana');
    await expect(counted('Orders', 'order')).rejects.toMatchObject({ faults: [{ column: 'unit' }] });
    await retractOutcome(trx, { outcomeId, principal: FINANCE, at: AT, reason: 'a slip' });
    await counted('Orders', 'order');
    await expect(counted('Another slip', 'banana')).rejects.toMatchObject({ faults: [{ column: 'unit' }] });
  });

  test('with a known reference changes nothing, or makes the next version', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const references = [{ system: 'jira', key: 'PAY-7' }];
    const first = await create(trx, { references });
    expect(first).toMatchObject({ change: 'created', version: 1 });
    expect(await create(trx, { references })).toEqual({ ...first, change: 'unchanged' });
    expect(await create(trx, { references, amount: '301' })).toMatchObject({
      outcomeId: first.outcomeId,
      change: 'changed',
      version: 2,
    });
    const other = await create(trx, { references: [{ system: 'jira', key: 'PAY-8' }] });
    const both = create(trx, { references: [...references, { system: 'jira', key: 'PAY-8' }] });
    await expect(both).rejects.toMatchObject({
      code: 'conflict',
      details: { outcomeIds: expect.arrayContaining([other.outcomeId]) },
    });
  });

  test('takes a reduced risk without its range as a claim that says so, and wants the range around the amount', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    expect(await create(trx, { basis: 'risk_reduced' })).toMatchObject({
      notes: ['a reduced risk without a range: give one before it is verified'],
    });
    const outside = create(trx, { basis: 'risk_reduced', amountLow: '301', amountHigh: '900' });
    await expect(outside).rejects.toMatchObject({ faults: [{ column: 'amountLow' }] });
    expect(
      await create(trx, { amount: '500', basis: 'risk_reduced', amountLow: '100', amountHigh: '900' }),
    ).toMatchObject({
      notes: [],
    });
  });

  test('lets a pod claim for itself only', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    const pod: Principal = { id: 'ada@example.com', role: 'pod', pods: ['search'] };
    await expect(create(trx, {}, pod)).rejects.toMatchObject({
      faults: [{ column: 'shares[0].pod', reason: 'ada@example.com may not claim for pod "checkout"' }],
    });
    expect(await create(trx, { shares: [{ pod: 'search', basisPoints: 5000 }] }, pod)).toMatchObject({
      state: 'claimed',
    });
  });
});

describe('a list', () => {
  test('pages from the newest, filtered by pod and state', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    for (const title of ['one', 'two', 'three']) await create(trx, { title });
    const four: OutcomeInput = {
      ...STATED,
      title: 'four',
      shares: [{ pod: 'search', basisPoints: 1 }],
      state: 'verified',
      baseline: { text: 'the month before', isOwnBill: false },
      evidenceUrl: 'https://evidence.example.com/four',
    };
    await stateOutcome(trx, { input: four, at: AT });
    const first = await listOutcomes(trx, { limit: 2, podId: 'checkout' });
    expect(first.outcomes.map((outcome) => outcome.title)).toEqual(['three', 'two']);
    const second = await listOutcomes(trx, { limit: 2, podId: 'checkout', after: first.next ?? '' });
    expect(second).toMatchObject({ outcomes: [{ title: 'one' }], next: null });
    expect((await listOutcomes(trx, { limit: 2, state: 'verified' })).outcomes).toMatchObject([{ title: 'four' }]);
    await expect(listOutcomes(trx, { limit: 2, after: 'x' })).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

describe('the tables refuse', () => {
  test.for([
    [
      'shares that do not complete the whole',
      sql`update outcome_share set basis_points = 9999`,
      /9999 basis points and 0/,
    ],
    [
      'a schedule that is not the amount',
      sql`update outcome_schedule set amount = 299.99`,
      /adds up to 299.99, its amount is 300/,
    ],
    ['an amount that is not the schedule', sql`update outcome set amount = 301`, /adds up to 300, its amount is 301/],
    ['a change of history', sql`update outcome_version set state = 'verified'`, /append-only/],
    ['a verification without a verifier', sql`update outcome set state = 'verified'`, /check constraint/],
  ] as const)('%s', async ([, change, message], { trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await create(trx, {});
    const broken = async () => {
      await change.execute(trx);
      await sql`set constraints all immediate`.execute(trx);
    };
    await expect(broken()).rejects.toThrow(message);
  });
});

/**
 * Whatever is claimed, verified row by row, reviewed, rejected and retracted: what pods and nobody recognise adds up to what the verdicts
 * leave of the outcomes, over any cut of time; nothing verified exceeds what was claimed; no pool exceeds its ceiling. The model beside it
 * knows the verdicts only.
 */
import fc from 'fast-check';
import { sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { compare, type Decimal, decimal, multiply, sum, ZERO } from '../../services/kernel/decimal.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { addDays } from '../../services/kernel/period.ts';
import { createOutcome } from '../../services/outcomes/create-outcome.ts';
import { POOL_USE } from '../../services/outcomes/pool-ceilings.ts';
import { setPool } from '../../services/outcomes/pools.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/refuse-outcome.ts';
import { verifyOutcome } from '../../services/outcomes/verify-outcome.ts';
import { recognisedRows } from '../../services/periods/recognised-rows.ts';
import { test } from '../support/database.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

const AT = new Date('2026-03-01T00:00:00Z');
const START = '2026-01-01';
const END = '2027-02-05';
const PODS = ['a', 'b', 'c'];
const VERIFIER = { ...FINANCE, id: 'luca@example.com' };
const POOL = {
  id: 'churn',
  name: 'Churn',
  metric: 'customers kept',
  currency: 'USD',
  ceilings: [{ from: START, until: END, ceiling: '1000000' }],
};

const amount = fc
  .tuple(fc.bigInt({ min: 1n, max: 10n ** 12n }), fc.integer({ min: 0, max: 9 }))
  .map(([units, scale]) => decimal(`${units}e-${scale}`));
const row = fc.record({
  start: fc.integer({ min: 0, max: 300 }),
  days: fc.integer({ min: 1, max: 90 }),
  amount,
  /** Of a verified row: the part of ten that is verified. */
  verdict: fc.constantFrom('open' as const, 'rejected' as const, 10, 3, 7),
});
const outcome = fc.record({
  rows: fc.array(row, { minLength: 1, maxLength: 3 }),
  points: fc.array(fc.integer({ min: 1, max: 3_333 }), { minLength: 1, maxLength: 3 }),
  effect: fc.constantFrom('benefit' as const, 'dis_benefit' as const),
  isPooled: fc.boolean(),
  reviewAfter: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
  end: fc.constantFrom('kept', 'kept', 'retracted', 'rejected'),
});
type Outcome = typeof outcome extends fc.Arbitrary<infer Value> ? Value : never;

/** States it and carries the verdicts out; what is left of it afterwards, signed. Null: its pool had no room. */
async function live(trx: Transaction<DB>, given: Outcome, name: string): Promise<Decimal | null> {
  await sql`savepoint stated`.execute(trx);
  const created = await state(trx, given, name).catch(async (error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
    await sql`rollback to savepoint stated`.execute(trx);
    return null;
  });
  if (created === null) return null;
  const act = { outcomeId: created, principal: VERIFIER, at: AT, reason: 'measured' };
  if (given.end === 'rejected') {
    await rejectOutcome(trx, act);
    return ZERO;
  }
  const judged = given.rows.map(verdictOf).filter((verdict) => verdict !== null);
  if (judged.some(({ verdict }) => verdict === 'verified')) {
    const due = given.reviewAfter === undefined ? {} : { reviewDueOn: addDays('2026-03-02', given.reviewAfter) };
    await verifyOutcome(trx, { ...act, ...due, rows: judged });
  }
  if (given.end === 'retracted') {
    await retractOutcome(trx, act);
    return ZERO;
  }
  return left(given);
}

async function state(trx: Transaction<DB>, given: Outcome, name: string): Promise<string> {
  const { outcomeId } = await createOutcome(trx, {
    input: {
      title: name,
      deliveredOn: START,
      basis: 'cost_reduction',
      ownerEmail: 'owner@example.com',
      amount: sum(given.rows.map((one) => one.amount)),
      currency: 'USD',
      effect: given.effect,
      schedule: given.rows.map((one) => ({
        from: addDays(START, one.start),
        until: addDays(START, one.start + one.days),
        amount: one.amount,
      })),
      shares: given.points.map((basisPoints, position) => ({ pod: PODS[position] ?? '', basisPoints })),
      baseline: { text: 'the year before', isOwnBill: false },
      evidenceUrl: `https://evidence.example.com/${name}`,
      ...(given.isPooled ? { pool: POOL.id } : {}),
    },
    principal: FINANCE,
    at: AT,
  });
  return outcomeId;
}

function verdictOf({ verdict, amount: claimed }: Outcome['rows'][number], position: number) {
  const ordinal = position + 1;
  if (verdict === 'open') return null;
  if (verdict === 'rejected') return { ordinal, verdict };
  return { ordinal, verdict: 'verified' as const, verifiedAmount: multiply(claimed, decimal(`${verdict}e-1`)) };
}

/** Of rows that nobody verified only together with one that was: verdicts are given in one act. */
function left({ rows, effect }: Outcome): Decimal {
  const isJudged = rows.some(({ verdict }) => typeof verdict === 'number');
  const parts = rows.map(({ verdict, amount: claimed }) => {
    if (!isJudged || verdict === 'open') return claimed;
    return verdict === 'rejected' ? ZERO : multiply(claimed, decimal(`${verdict}e-1`));
  });
  return multiply(sum(parts), decimal(effect === 'benefit' ? '1' : '-1'));
}

/** Σ of what pods and nobody recognise, and of what outcomes do, in the ranges. */
async function recognised(trx: Transaction<DB>, ranges: readonly { start: string; end: string }[]): Promise<Decimal> {
  const { rows } = await sql<{ parts: string | null }>`
    select trim_scale(sum(amount))::text as parts from (${recognisedRows(ranges, 'margin')}) as value`.execute(trx);
  return decimal(rows[0]?.parts ?? '0');
}

describe('the record', () => {
  test('counts what its verdicts leave, once, and never more than was claimed or a pool may hold', {
    timeout: 120_000,
  }, async ({ database }) => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 399 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(outcome, { minLength: 1, maxLength: 5 }), cuts, async (outcomes, days) => {
        const trx = await database.db.startTransaction().execute();
        try {
          await insertPods(trx, ...PODS.map((id) => ({ id })));
          await setPool(trx, { pool: POOL, principal: FINANCE, at: AT });
          const expected: Decimal[] = [];
          for (const [position, given] of outcomes.entries()) {
            // A pool whose claims are near to each other asks whether they are one; here they are not.
            expected.push(
              (await live(trx, { ...given, isPooled: given.isPooled && position === 0 }, `o${position}`)) ?? ZERO,
            );
          }
          await sql`set constraints all immediate`.execute(trx);
          const whole = await recognised(trx, [{ start: START, end: END }]);
          expect(whole).toBe(sum(expected));
          const bounds = [START, ...days.sort((one, two) => one - two).map((day) => addDays(START, day)), END];
          const pieces = [];
          for (const [index, start] of bounds.slice(0, -1).entries())
            pieces.push(await recognised(trx, [{ start, end: bounds[index + 1] ?? '' }]));
          expect(sum(pieces)).toBe(whole);
          const { rows } = await sql<{ over: number; used: string }>`
            select (select count(*)::int from outcome_schedule where verified_amount > amount) as over,
              (select coalesce(sum(amount), 0)::text from (${POOL_USE}) as use) as used`.execute(trx);
          expect(rows[0]?.over).toBe(0);
          expect(compare(decimal(rows[0]?.used ?? ''), decimal('1000000'))).toBeLessThanOrEqual(0);
        } finally {
          await trx.rollback().execute();
        }
      }),
      { numRuns: 15 },
    );
  });

  test('never fills a pool beyond its ceiling, whatever is claimed in whatever window', {
    timeout: 60_000,
  }, async ({ database }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 2, maxLength: 6 }),
        fc.bigInt({ min: 1n, max: 10n ** 12n }),
        async (claims, top) => {
          const trx = await database.db.startTransaction().execute();
          try {
            await insertPods(trx, { id: 'a' });
            const halves = [
              { from: START, until: '2026-04-01', ceiling: `${top}` },
              { from: '2026-04-01', until: END, ceiling: `${top / 2n}` },
            ];
            await setPool(trx, { pool: { ...POOL, ceilings: halves }, principal: FINANCE, at: AT });
            for (const [position, one] of claims.entries()) {
              const given = {
                rows: [one],
                points: [10_000],
                effect: 'benefit',
                isPooled: true,
                reviewAfter: undefined,
                end: 'kept',
              } as const;
              await sql`savepoint claim`.execute(trx);
              await state(trx, { ...given, rows: [one], points: [10_000] }, `p${position}`).catch(
                async (error: unknown) => {
                  expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('is left') });
                  await sql`rollback to savepoint claim`.execute(trx);
                },
              );
              const { rows } = await sql<{ over: number }>`
              select count(*)::int as over from (
                select from (${POOL_USE}) as use group by valid_from, ceiling having sum(amount) > ceiling) as full_pool`.execute(
                trx,
              );
              expect(rows[0]?.over).toBe(0);
            }
          } finally {
            await trx.rollback().execute();
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  test('lets one of two writers into the room that is left for one', async ({ database }) => {
    const { db } = database;
    await db.transaction().execute(async (trx) => {
      await insertPods(trx, { id: 'a' });
      const ceilings = [{ from: START, until: END, ceiling: '100' }];
      await setPool(trx, { pool: { ...POOL, ceilings }, principal: FINANCE, at: AT });
    });
    const claims = ['one', 'two'].map((name, position) =>
      db.transaction().execute((trx) =>
        state(
          trx,
          {
            rows: [{ start: position * 100, days: 5, amount: decimal('60'), verdict: 'open' }],
            points: [10_000],
            effect: 'benefit',
            isPooled: true,
            reviewAfter: undefined,
            end: 'kept',
          },
          name,
        ),
      ),
    );
    const settled = await Promise.allSettled(claims);
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'conflict', message: expect.stringContaining('40 is left') },
    });
  });
});

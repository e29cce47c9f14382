/** The room of a pool: a statement that would make a partial verdict whole again, and windows taken away from under what is verified. */
import type { Transaction } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { readPoolFill } from '../../services/outcomes/pools/pool-fill.ts';
import { listPools, type PoolCeiling, setPool } from '../../services/outcomes/pools/pools.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { test } from '../support/database.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

const AT = new Date('2026-03-01T00:00:00Z');
const POOL = { id: 'churn', name: 'Churn', metric: 'customers kept', currency: 'USD' };
const POD: Principal = { id: 'dev@example.com', role: 'pod', pods: ['a'] };
const YEAR: PoolCeiling = { from: '2026-01-01', until: '2027-01-01', ceiling: '1000' };

function claim(trx: Transaction<DB>, fields: Partial<OutcomeInput>, principal: Principal = POD) {
  const input: OutcomeInput = {
    title: 'Kept',
    deliveredOn: '2026-01-01',
    basis: 'cost_avoided',
    ownerEmail: 'owner@example.com',
    amount: '900',
    currency: 'USD',
    recogniseUntil: '2026-03-02',
    baseline: 'the year before',
    evidenceUrl: `https://evidence.example.com/${fields.title ?? 'kept'}`,
    shares: [{ pod: 'a', basisPoints: 10_000 }],
    pool: POOL.id,
    references: [{ system: 'jira', key: fields.title ?? 'kept' }],
    ...fields,
  };
  return createOutcome(trx, { input, principal, at: AT });
}

function setWindows(trx: Transaction<DB>, ...ceilings: readonly PoolCeiling[]) {
  return setPool(trx, { pool: { ...POOL, ceilings }, principal: FINANCE, at: AT });
}

test('no statement makes a partial verdict whole where the room was given to others since', async ({ trx }) => {
  await insertPods(trx, { id: 'a' });
  await setWindows(trx, YEAR);
  const { outcomeId } = await claim(trx, {});
  const rows = [{ ordinal: 1, verdict: 'verified', verifiedAmount: '400' }] as const;
  await verifyOutcome(trx, { outcomeId, principal: FINANCE, at: AT, rows, reason: 'the rest is churn' });
  await claim(trx, { title: 'more', amount: '600' });
  const heidi = { ...FINANCE, id: 'heidi@example.com' };
  for (const verifiedBy of [heidi.id, FINANCE.id]) {
    const restated = await claim(trx, { state: 'verified', verifiedBy }, heidi);
    expect(restated, verifiedBy).toMatchObject({ outcomeId, change: 'unchanged', state: 'partially_verified' });
  }
  expect(await listPools(trx)).toMatchObject([{ ceilings: [{ used: '1000', left: '0' }] }]);
});

test('a window is not taken away from under what is verified, and is from under what is claimed', async ({ trx }) => {
  await insertPods(trx, { id: 'a' });
  await setWindows(trx, YEAR);
  const { outcomeId } = await claim(trx, {});
  const half = { ...YEAR, from: '2026-01-21' };
  await setWindows(trx, half);
  await setWindows(trx, YEAR);
  await verifyOutcome(trx, { outcomeId, principal: FINANCE, at: AT });
  await expect(setWindows(trx, half)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(
      '300 USD of pool "churn" that is verified would stand under no ceiling: of outcome',
    ),
  });
  await setWindows(trx, half, { from: '2026-01-01', until: '2026-01-21', ceiling: '300' });
});

test('how full a pool is today has six digits, says 1 only where it is full, and is of windows with a ceiling', async ({
  trx,
}) => {
  await insertPods(trx, { id: 'a' });
  const ids = ['churn', 'empty', 'full', 'last', 'shut'];
  const windowOf: Record<string, PoolCeiling> = {
    churn: { ...YEAR, ceiling: '900' },
    last: { from: '2025-01-01', until: '2026-03-01', ceiling: '10' },
    shut: { ...YEAR, ceiling: '0' },
  };
  for (const id of ids) {
    const ceilings = [windowOf[id] ?? YEAR];
    await setPool(trx, { pool: { ...POOL, id, ceilings }, principal: FINANCE, at: AT });
  }
  expect(await readPoolFill(trx, '2026-02-28'), 'before the end of a window').toContainEqual({
    poolId: 'last',
    usedRatio: '0',
  });
  await claim(trx, { title: 'third', amount: '300' });
  await claim(trx, { title: 'all', amount: '1000', pool: 'full' });
  const others = [
    { poolId: 'full', usedRatio: '1' },
    { poolId: 'empty', usedRatio: '0' },
  ];
  expect(await readPoolFill(trx, '2026-03-01')).toEqual([
    others[0],
    { poolId: 'churn', usedRatio: '0.333333' },
    others[1],
  ]);
  await claim(trx, { title: 'nearly-the-rest', amount: '599.9999999' });
  expect(await readPoolFill(trx, '2026-12-31')).toEqual([
    others[0],
    { poolId: 'churn', usedRatio: '0.999999' },
    others[1],
  ]);
  expect(await readPoolFill(trx, '2027-01-01')).toEqual([]);
});

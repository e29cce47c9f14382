/** Two who claim at the same moment what a pool has room for once: writers come one after the other, and the second is told what is left. */
import { expect } from 'vitest';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { setPool } from '../../services/outcomes/pools/pools.ts';
import { test } from '../support/database.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

const AT = new Date('2026-03-01T00:00:00Z');
const POOL = { id: 'churn', name: 'Churn', metric: 'customers kept', currency: 'USD' };

test('a pool lets one of two writers into the room that is left for one', async ({ database }) => {
  const { db } = database;
  await db.transaction().execute(async (trx) => {
    await insertPods(trx, { id: 'a' });
    const ceilings = [{ from: '2026-01-01', until: '2027-01-01', ceiling: '100' }];
    await setPool(trx, { pool: { ...POOL, ceilings }, principal: FINANCE, at: AT });
  });
  const claims = ['2026-01-01', '2026-02-01'].map((deliveredOn) => {
    const input = {
      title: `Kept since ${deliveredOn}`,
      deliveredOn,
      basis: 'cost_avoided' as const,
      ownerEmail: 'owner@example.com',
      amount: '60',
      currency: 'USD',
      shares: [{ pod: 'a', basisPoints: 10_000 }],
      pool: POOL.id,
    };
    return db.transaction().execute((trx) => createOutcome(trx, { input, principal: FINANCE, at: AT }));
  });
  const settled = await Promise.allSettled(claims);
  expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'conflict', message: expect.stringContaining('40 ') },
  });
});

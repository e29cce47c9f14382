/** Outcomes refused, taken back and superseded: who may, what is left to count, the history of it, and that no act holds up a close. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { AUDIT_CHAIN_LOCK } from '../../services/kernel/advisory-locks.ts';
import { localOperator, type Principal } from '../../services/kernel/ports.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { supersedeOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
import { lockOutcomes } from '../../services/outcomes/lock-outcomes.ts';
import { setPool } from '../../services/outcomes/pools/pools.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { test } from '../support/database.ts';
import { AT, claim, counted, POD, SHARED, verifiable, verify } from '../support/outcome-claims.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

describe('what was refused', () => {
  test('needs a reason, leaves what counts, and may be claimed again', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const outcomeId = await claim(trx);
    const act = { outcomeId, at: AT };
    await expect(rejectOutcome(trx, { ...act, principal: FINANCE, reason: ' ' })).rejects.toThrow('needs a reason');
    await expect(rejectOutcome(trx, { ...act, principal: POD, reason: 'x' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await rejectOutcome(trx, { ...act, principal: FINANCE, reason: 'No control group' });
    expect(await counted(trx)).toEqual([]);
    await expect(verify(trx, outcomeId)).rejects.toThrow('is rejected; to verify it must be');
    await expect(retractOutcome(trx, { ...act, principal: POD, reason: 'x' })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await claimOutcome(trx, { ...act, principal: POD, input: {} })).toMatchObject({
      state: 'claimed',
      notes: ['was rejected (No control group); it is claimed again'],
    });
    await verify(trx, outcomeId);
    await retractOutcome(trx, { ...act, principal: POD, reason: 'Refunds rose again' });
    expect(await counted(trx)).toEqual([]);
    const { history, state, stateReason } = await showOutcome(trx, outcomeId, AT);
    expect({ state, stateReason }).toEqual({ state: 'retracted', stateReason: 'Refunds rose again' });
    expect(history.map(({ act: name, reason }) => [name, reason])).toEqual([
      ['stated', null],
      ['rejected', 'No control group'],
      ['claimed', null],
      ['verified', null],
      ['retracted', 'Refunds rose again'],
    ]);
  });

  test('is not touched by a pod that shares it with another, nor seen by one without a share', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    const act = { outcomeId: await claim(trx, { shares: SHARED }, localOperator), at: AT, reason: 'x' };
    await expect(retractOutcome(trx, { ...act, principal: POD })).rejects.toMatchObject({ code: 'forbidden' });
    const stranger: Principal = { id: 's@example.com', role: 'pod', pods: ['other'] };
    await expect(retractOutcome(trx, { ...act, principal: stranger })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a supersession', () => {
  test('puts the successor in its place in one act, references and pool room included', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const ceilings = [{ from: '2026-01-01', until: '2027-01-01', ceiling: '400' }];
    const pool = { id: 'refunds', name: 'Refunds', metric: 'refund rate', currency: 'USD', ceilings };
    await setPool(trx, { pool, principal: FINANCE, at: AT });
    const references = [{ system: 'jira', key: 'PAY-1' }];
    const outcomeId = await claim(trx, { pool: 'refunds', references });
    await verify(trx, outcomeId);
    const statement = verifiable({ pool: 'refunds', references, amount: '310', schedule: undefined });
    const act = { outcomeId, principal: FINANCE, at: AT, reason: 'Measured anew' };
    const done = await supersedeOutcome(trx, { ...act, successor: { statement } });
    expect(done).toMatchObject({ state: 'superseded' });
    expect(await counted(trx)).toEqual(['claimed 2026-08-01 2026-08-02 310']);
    const { outcomes } = await listOutcomes(trx, { limit: 2 });
    expect(outcomes).toMatchObject([
      { outcomeId: done.successorId, state: 'claimed', references: [{ key: 'PAY-1' }] },
      { outcomeId, state: 'superseded', supersededBy: done.successorId, stateReason: 'Measured anew', references: [] },
    ]);
    expect((await showOutcome(trx, done.successorId, AT)).missing).toEqual([]);
    await expect(supersedeOutcome(trx, { ...act, successor: { statement } })).rejects.toThrow(
      `is superseded by outcome ${done.successorId}`,
    );
    await expect(claimOutcome(trx, { ...act, input: {} })).rejects.toMatchObject({ code: 'conflict' });
    await sql`set constraints all immediate`.execute(trx);
  });
});

// Commits, so it is the last one.
describe('acts beside a close', () => {
  test.for(['retraction', 'supersession'])(
    'a %s waits for it without holding the audit trail that it ends with',
    async (kind, { database: { db } }) => {
      const outcomeId = await db.transaction().execute(async (trx) => {
        await insertPods(trx, { id: kind });
        return claim(trx, { shares: [{ pod: kind, basisPoints: 10_000 }] }, FINANCE);
      });
      const given = { outcomeId, principal: FINANCE, at: AT, reason: 'it was counted before' };
      const statement = { ...verifiable(), shares: [{ pod: kind, basisPoints: 10_000 }] };
      const closing = await db.startTransaction().execute();
      await sql`select from organisation for update`.execute(closing);
      const act = db
        .transaction()
        .execute((trx) =>
          kind === 'retraction'
            ? retractOutcome(trx, given)
            : supersedeOutcome(trx, { ...given, successor: { statement } }),
        );
      const waiting = sql<{ one: number }>`
      select 1 as one from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      await expect.poll(async () => (await waiting.execute(db)).rows.length, { timeout: 20_000 }).toBe(1);
      const { rows } = await sql`select pg_try_advisory_xact_lock(${AUDIT_CHAIN_LOCK}) as is_free`.execute(closing);
      await closing.commit().execute();
      expect(await act).toMatchObject({ change: 'changed' });
      expect(rows).toEqual([{ is_free: true }]);
    },
  );

  test('a retraction that waited for another act is known from when it could be written', async ({
    database: { db },
  }) => {
    const outcomeId = await db.transaction().execute(async (trx) => {
      await insertPods(trx, { id: 'late' });
      return claim(trx, { shares: [{ pod: 'late', basisPoints: 10_000 }] }, FINANCE);
    });
    const other = await db.startTransaction().execute();
    await lockOutcomes(other);
    const act = db
      .transaction()
      .execute((trx) => retractOutcome(trx, { outcomeId, principal: FINANCE, at: AT, reason: 'late' }));
    const waiting = sql`select from pg_locks where locktype = 'advisory' and not granted`;
    await expect.poll(async () => (await waiting.execute(db)).rows.length, { timeout: 20_000 }).toBe(1);
    const third = db.transaction().execute((trx) => lockOutcomes(trx, 1));
    await expect(third).rejects.toThrow('Somebody else is writing outcomes');
    await other.commit().execute();
    await act;
    const stamps = sql<{ is_later: boolean }>`
      select at > ${AT.toISOString()}::timestamptz as is_later from outcome_version where outcome_id = ${outcomeId}::bigint order by version`;
    expect((await stamps.execute(db)).rows).toEqual([{ is_later: false }, { is_later: true }]);
  });
});

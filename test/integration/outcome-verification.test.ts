/** A verification: to whom it is refused, what counts after one in part, when it falls due again, and the pods that must agree first. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { localOperator, type Principal } from '../../services/kernel/ports.ts';
import { agreeShares } from '../../services/outcomes/acts/agree-shares.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { test } from '../support/database.ts';
import { AT, BARE, claim, counted, POD, SHARED, verifiable, verify } from '../support/outcome-claims.ts';
import { FINANCE, insertPods, VERIFIER } from '../support/outcome-sheets.ts';

describe('a verification', () => {
  test.for([
    ['whoever claimed it', { principal: { ...FINANCE, id: 'dev@example.com' } }, 'stated the outcome, or changed it,'],
    ['its owner', { principal: { ...FINANCE, id: 'Ada@example.com' } }, 'owns the outcome'],
    [
      'the owner of a receiving pod',
      { principal: { ...FINANCE, id: 'checkout-owner@example.com' } },
      'belongs to pod "checkout"',
    ],
    ['the command line without a token', { principal: localOperator }, 'OUTTURN_TOKEN says who acts'],
  ] as const)('is refused to %s', async ([, request, message], { trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const outcomeId = await claim(trx);
    await expect(verify(trx, outcomeId, request)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(message),
    });
  });

  test('is refused to somebody of role finance who has a token of a receiving pod as well', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await sql`
      insert into api_token (id, principal, role, pods, secret_hash, created_at, expires_at)
      values ('aaaaaaaaaaaa', 'Grace@example.com', 'pod', '{checkout}', 'x', now(), '2027-01-01')`.execute(trx);
    await expect(verify(trx, await claim(trx))).rejects.toThrow('grace@example.com belongs to pod "checkout"');
  });

  test('row by row counts what was verified and leaves the rest claimed or out; all of it needs a reason', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    const outcomeId = await claim(trx);
    const rows = [{ ordinal: 1, verdict: 'verified', verifiedAmount: '70.5' }] as const;
    await expect(verify(trx, outcomeId, { rows })).rejects.toThrow('needs a reason');
    expect(await verify(trx, outcomeId, { rows, reason: 'Returns came later' })).toMatchObject({
      state: 'partially_verified',
    });
    expect(await counted(trx)).toEqual(['verified 2026-08-01 2026-09-01 70.5', 'claimed 2026-09-01 2026-10-01 200']);
    await verify(trx, outcomeId, { rows: [{ ordinal: 2, verdict: 'rejected' }], reason: 'Not seen' });
    const none = [{ ordinal: 1, verdict: 'verified', verifiedAmount: '0' }] as const;
    await expect(verify(trx, outcomeId, { rows: none, reason: 'Nothing' })).rejects.toMatchObject({ code: 'conflict' });
    expect(await counted(trx)).toEqual(['verified 2026-08-01 2026-09-01 70.5']);
    const more = verify(trx, outcomeId, { rows: [{ ordinal: 1, verdict: 'verified', verifiedAmount: '100.01' }] });
    await expect(more).rejects.toThrow('"100.01" of row 1 is not from 0 to the 100 that are claimed');
    await expect(verify(trx, outcomeId, { rows: [{ ordinal: 3, verdict: 'verified' }] })).rejects.toThrow('no row 3');
    expect(await verify(trx, outcomeId)).toMatchObject({ state: 'verified' });
    expect(await verify(trx, outcomeId)).toMatchObject({ change: 'unchanged' });
  });

  test('falls back to claimed from the day its review is due, without anybody doing anything', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const outcomeId = await claim(trx, {
      schedule: undefined,
      recogniseFrom: '2026-09-01',
      recogniseUntil: '2027-01-01',
    });
    await verify(trx, outcomeId, { reviewDueOn: '2026-10-01' });
    expect(await counted(trx)).toEqual(['verified 2026-09-01 2026-10-01 300', 'claimed 2026-10-01 2027-01-01 300']);
    const stateOn = async (day: string) => (await showOutcome(trx, outcomeId, new Date(`${day}T00:00:00Z`))).state;
    expect([await stateOn('2026-09-30'), await stateOn('2026-10-01')]).toEqual(['verified', 'review_due']);
    const due = await listOutcomes(trx, { limit: 9, state: 'review_due', at: new Date('2026-10-01T00:00:00Z') });
    expect(due.outcomes).toHaveLength(1);
    const later = { at: new Date('2026-10-05T00:00:00Z') };
    await expect(verify(trx, outcomeId, later)).rejects.toThrow('is due since 2026-10-01');
    await verify(trx, outcomeId, { ...later, reviewDueOn: '2027-06-01' });
    const evidence = [{ url: 'https://evidence.example.com/more' }];
    const more = await claimOutcome(trx, { outcomeId, input: { evidence, amount: '300.00' }, principal: POD, at: AT });
    expect(more).toMatchObject({ change: 'unchanged', state: 'verified', notes: ['has more evidence now'] });
    expect(await counted(trx)).toEqual(['verified 2026-09-01 2027-01-01 300']);
  });

  test('of several pods waits for each to agree to its share, or for finance to settle it', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    const outcomeId = await claim(trx, { shares: SHARED }, localOperator);
    await expect(verify(trx, outcomeId)).rejects.toMatchObject({
      faults: [{ column: 'shares' }, { column: 'shares' }],
    });
    const agree = (principal: Principal, pods?: string[]) =>
      agreeShares(trx, { outcomeId, principal, at: AT, ...(pods === undefined ? {} : { pods }) });
    await expect(agree(POD, ['search'])).rejects.toMatchObject({ code: 'forbidden' });
    await agree(POD);
    expect(await agree(POD)).toMatchObject({ change: 'unchanged' });
    await expect(agree({ id: 'sam@example.com', role: 'reader', pods: [] })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await agree({ id: 'Search-Owner@example.com', role: 'reader', pods: [] });
    expect(await verify(trx, outcomeId)).toMatchObject({ state: 'verified' });
    const { outcomes } = await listOutcomes(trx, { limit: 1, outcomeId });
    expect(outcomes[0]?.shares.map(({ agreedBy }) => agreedBy)).toEqual([POD.id, 'Search-Owner@example.com']);
  });

  test('stated with an outcome that is known passes the same gates, or lands as claimed with what is missing', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    const references = [{ system: 'jira', key: 'PAY-9' }];
    const stated = (fields: object, principal = VERIFIER) =>
      createOutcome(trx, { input: verifiable({ ...fields, references, state: 'verified' }), principal, at: AT });
    const first = { ...BARE, basis: 'revenue', grossOrMargin: 'margin' };
    expect(await stated(first)).toMatchObject({
      state: 'claimed',
      notes: [expect.stringContaining('luca@example.com stated the outcome, or changed it,')],
    });
    const sue = { ...FINANCE, id: 'sue@example.com' };
    expect(await stated(first, sue)).toMatchObject({
      change: 'unchanged',
      version: 1,
      notes: [expect.stringContaining('no baseline'), expect.stringContaining('no evidence')],
    });
    expect(await stated({})).toMatchObject({ state: 'claimed', version: 2 });
    expect(await stated({}, sue)).toMatchObject({ state: 'verified', version: 3, notes: [] });
  });
});

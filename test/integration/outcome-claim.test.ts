/** A claim: what it needs, who may not verify it, what it keeps when more is said, and what a candidate becomes. */
import { describe, expect } from 'vitest';
import type { Principal } from '../../services/kernel/ports.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { rejectOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { reviewOutcome } from '../../services/outcomes/acts/review-outcome.ts';
import { stateCandidate } from '../../services/outcomes/acts/state-candidate.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import type { ClaimInput } from '../../services/outcomes/statement/outcome-input.ts';
import { test } from '../support/database.ts';
import { AT, BARE, claim, counted, POD, verifiable, verify } from '../support/outcome-claims.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

describe('a claim', () => {
  test('needs a title, a day, a pod, an owner, a basis and an amount; review says what the rest is', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    const outcomeId = await claim(trx, BARE);
    const reviewed = await reviewOutcome(trx, { outcomeId, principal: FINANCE, at: AT });
    expect(reviewed).toMatchObject({ state: 'in_review', version: 2 });
    expect(reviewed.missing.map(({ gate }) => gate)).toEqual(['baseline', 'own_bill', 'evidence']);
    await expect(verify(trx, outcomeId)).rejects.toMatchObject({
      code: 'conflict',
      faults: [{ column: 'baseline', fix: expect.any(String) }, { column: 'own_bill' }, { column: 'evidence' }],
    });
    const { baseline = '', evidenceUrl = '' } = verifiable();
    const more = { outcomeId, principal: POD, at: AT, input: { baseline, evidenceUrl } };
    expect(await claimOutcome(trx, more)).toMatchObject({
      change: 'changed',
      state: 'claimed',
    });
    expect(await verify(trx, outcomeId)).toMatchObject({ state: 'verified' });
  });

  test('is verified by nobody who said what it claims now, though somebody else claimed it first', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const other: Principal = { ...FINANCE, id: 'heidi@example.com' };
    const references = [{ system: 'jira', key: 'PAY-7' }];
    const outcomeId = await claim(trx, { references });
    const more = { amount: '9000', recogniseFrom: '2026-08-01', recogniseUntil: '2026-09-01' };
    await claimOutcome(trx, { outcomeId, principal: FINANCE, at: AT, input: more });
    await expect(verify(trx, outcomeId)).rejects.toMatchObject({ code: 'forbidden' });
    await createOutcome(trx, { input: verifiable({ references, title: 'Returns' }), principal: other, at: AT });
    await expect(verify(trx, outcomeId, { principal: other })).rejects.toMatchObject({ code: 'forbidden' });
    await rejectOutcome(trx, { outcomeId, principal: FINANCE, at: AT, reason: 'of whose pen?' });
    await claimOutcome(trx, { outcomeId, principal: POD, at: AT, input: {} });
    expect(await verify(trx, outcomeId)).toMatchObject({ state: 'verified' });
  });

  test('that says more keeps the rest: a new amount its days, another basis nothing of the former one', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    const span = { schedule: undefined, recogniseFrom: '2026-08-01', recogniseUntil: '2026-09-01' };
    const outcomeId = await claim(trx, { ...span, basis: 'revenue', grossOrMargin: 'margin' });
    const more = (given: ClaimInput) => claimOutcome(trx, { outcomeId, principal: POD, at: AT, input: given });
    await more({ amount: '310.5' });
    expect(await counted(trx)).toEqual(['claimed 2026-08-01 2026-09-01 310.5']);
    await more({ basis: 'cost_avoided', enabledBy: [], confidence: { grade: 'B', reason: 'one month' } });
    const { outcomes } = await listOutcomes(trx, { limit: 1 });
    expect(outcomes).toMatchObject([
      { basis: 'cost_avoided', grossOrMargin: null, amount: '310.5', confidence: { grade: 'B' } },
    ]);
    await more({ basis: 'strategic' });
    expect(await counted(trx)).toEqual(['claimed 2026-08-01 2026-08-02 null']);
    expect(await more({})).toMatchObject({ change: 'unchanged', version: 4 });
    const evidence = [{ url: 'https://evidence.example.com/further' }];
    expect(await more({ evidence })).toMatchObject({ change: 'unchanged', notes: ['has more evidence now'] });
    const rows = await claim(trx, { title: 'Rows', evidenceUrl: undefined });
    const off = claimOutcome(trx, { outcomeId: rows, principal: POD, at: AT, input: { amount: '299' } });
    await expect(off).rejects.toThrow('is recognised in 2 rows, and an amount alone does not say');
  });

  test('of a candidate keeps what was found and counts from then; the candidate never does', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const found = {
      title: 'Faster search',
      deliveredOn: '2026-08-03',
      podId: 'checkout',
      references: [{ system: 'jira', key: 'PAY-7', url: 'https://jira.example.com/PAY-7' }],
      evidence: [{ uri: 'https://jira.example.com/PAY-7', title: 'PAY-7' }],
      ownerEmail: null,
      at: AT,
    };
    const { outcomeId } = await stateCandidate(trx, found);
    expect(await stateCandidate(trx, found)).toMatchObject({ change: 'unchanged', outcomeId, version: 1 });
    expect(await stateCandidate(trx, { ...found, title: 'Faster' })).toMatchObject({ change: 'changed', version: 2 });
    expect(await counted(trx)).toEqual([]);
    const given = { basis: 'revenue', grossOrMargin: 'margin', amount: '50' } as const;
    await claimOutcome(trx, { outcomeId: outcomeId ?? '', principal: POD, at: AT, input: given });
    expect(await counted(trx)).toEqual(['claimed 2026-08-03 2026-08-04 50']);
    const shown = await showOutcome(trx, outcomeId ?? '', AT);
    expect(shown).toMatchObject({
      state: 'claimed',
      claimedBy: POD.id,
      ownerEmail: 'checkout-owner@example.com',
      evidenceCount: 1,
      references: [{ key: 'PAY-7' }],
    });
    expect(shown.history.map(({ act }) => act)).toEqual(['stated', 'stated', 'claimed']);
    expect(await stateCandidate(trx, found)).toMatchObject({ change: 'unchanged', state: 'claimed' });
  });
});

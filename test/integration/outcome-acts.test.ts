/**
 * From claim to verified and back: each act, who may do it, what it refuses and with which fix, and the history it leaves.
 */
import { type Transaction, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { AUDIT_CHAIN_LOCK } from '../../services/kernel/advisory-locks.ts';
import { localOperator, type Principal } from '../../services/kernel/ports.ts';
import { agreeShares } from '../../services/outcomes/acts/agree-shares.ts';
import { answerDuplicate } from '../../services/outcomes/duplicates/answer-duplicate.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
import type { ClaimInput, OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { lockOutcomes } from '../../services/outcomes/lock-outcomes.ts';
import { setPool } from '../../services/outcomes/pools/pools.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { reviewOutcome } from '../../services/outcomes/acts/review-outcome.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { stateCandidate } from '../../services/outcomes/acts/state-candidate.ts';
import { supersedeOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import { type VerificationRequest, verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { test } from '../support/database.ts';
import { FINANCE, insertPods, VERIFIER } from '../support/outcome-sheets.ts';

const AT = new Date('2026-09-20T08:00:00Z');
const POD: Principal = { id: 'dev@example.com', role: 'pod', pods: ['checkout'] };
const SHARED = [
  { pod: 'checkout', basisPoints: 6000 },
  { pod: 'search', basisPoints: 3000 },
];

/** Fields of a claim; undefined takes one away. */
type Fields = { readonly [Field in keyof OutcomeInput]?: OutcomeInput[Field] | undefined };

/** A claim with everything that a verification needs. */
function input(fields: Fields = {}): OutcomeInput {
  return {
    title: 'Fewer refunds',
    deliveredOn: '2026-08-01',
    basis: 'cost_reduction',
    ownerEmail: 'ada@example.com',
    shares: [{ pod: 'checkout', basisPoints: 10_000 }],
    amount: '300',
    currency: 'USD',
    schedule: [
      { from: '2026-08-01', until: '2026-09-01', amount: '100' },
      { from: '2026-09-01', until: '2026-10-01', amount: '200' },
    ],
    baseline: { text: 'refunds of the quarter before', isOwnBill: false },
    evidenceUrl: 'https://evidence.example.com/refunds',
    ...fields,
  } as OutcomeInput;
}

async function claim(trx: Transaction<DB>, fields: Fields = {}, principal: Principal = POD) {
  const { outcomeId } = await createOutcome(trx, { input: input(fields), principal, at: AT });
  return outcomeId;
}

function verify(trx: Transaction<DB>, outcomeId: string, request: Partial<VerificationRequest> = {}) {
  return verifyOutcome(trx, { outcomeId, principal: FINANCE, at: AT, ...request });
}

async function counted(trx: Transaction<DB>) {
  const { rows } = await sql<{ state: string; from: string; until: string; amount: string }>`
    select state, counted_from as from, counted_until as until, trim_scale(amount)::text as amount
    from counted_schedule order by outcome_id, ordinal, counted_from`.execute(trx);
  return rows.map(({ state, from, until, amount }) => `${state} ${from} ${until} ${amount}`);
}

const BARE: Fields = { baseline: undefined, evidenceUrl: undefined, schedule: undefined };

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
    const { baseline = '', evidenceUrl = '' } = input();
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
    await createOutcome(trx, { input: input({ references, title: 'Returns' }), principal: other, at: AT });
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
      createOutcome(trx, { input: input({ ...fields, references, state: 'verified' }), principal, at: AT });
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
    const statement = input({ pool: 'refunds', references, amount: '310', schedule: undefined });
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

describe('possible duplicates', () => {
  test('are found at one address and in one pool, and keep both from being verified until finance answers', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    const ceilings = [{ from: '2026-01-01', until: '2027-01-01', ceiling: '10000' }];
    const pool = { id: 'refunds', name: 'Refunds', metric: 'refund rate', currency: 'USD', ceilings };
    await setPool(trx, { pool, principal: FINANCE, at: AT });
    const evidence = (name: string) => `https://evidence.example.com/${name}`;
    const one = await claim(trx, { pool: 'refunds', evidenceUrl: evidence('one') });
    const near = await claim(trx, {
      amount: '315',
      schedule: undefined,
      pool: 'refunds',
      evidenceUrl: evidence('two'),
    });
    const far = await claim(trx, {
      amount: '350',
      schedule: undefined,
      pool: 'refunds',
      evidenceUrl: evidence('three'),
    });
    const same = await claim(trx, {
      title: 'Again',
      amount: '9',
      schedule: undefined,
      evidenceUrl: evidence('three'),
    });
    const suspected = async (outcomeId: string) =>
      (await showOutcome(trx, outcomeId, AT)).duplicates.map((pair) => pair.outcomeId);
    expect(await Promise.all([one, near, far, same].map(suspected))).toEqual([[near], [one], [same], [far]]);
    await expect(verify(trx, one)).rejects.toMatchObject({ faults: [{ column: 'duplicate' }] });
    const answer = (answered: 'distinct' | 'duplicate') =>
      answerDuplicate(trx, { outcomeId: near, otherId: one, answer: answered, principal: FINANCE, at: AT });
    await answer('duplicate');
    await expect(verify(trx, one)).rejects.toThrow(`it was answered to be a duplicate of outcome ${near}`);
    await rejectOutcome(trx, { outcomeId: near, principal: FINANCE, at: AT, reason: 'The same once more' });
    expect(await verify(trx, one)).toMatchObject({ state: 'verified' });
    const asked = { outcomeId: far, otherId: same, answer: 'distinct', principal: FINANCE, at: AT } as const;
    expect(await answerDuplicate(trx, asked)).toMatchObject({ change: 'changed' });
    expect(await answerDuplicate(trx, asked)).toMatchObject({ change: 'unchanged' });
    expect(await verify(trx, far)).toMatchObject({ state: 'verified' });
    await expect(answerDuplicate(trx, { ...asked, otherId: one })).rejects.toMatchObject({ code: 'not_found' });
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
      const statement = { ...input(), shares: [{ pod: kind, basisPoints: 10_000 }] };
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

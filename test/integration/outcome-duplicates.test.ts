/** What makes two outcomes possible duplicates: an address however it is spelled, a file, and what they claim for a pod; and what a pod is told of another's. */
import { type Transaction, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { uploadEvidence } from '../../services/evidence/record-evidence.ts';
import { listInbox } from '../../services/inbox/list-inbox.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { answerDuplicate } from '../../services/outcomes/duplicates/answer-duplicate.ts';
import { setPool } from '../../services/outcomes/pools/pools.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { rejectOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { test } from '../support/database.ts';
import { AT, claim as claimVerifiable, verify } from '../support/outcome-claims.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

const POD: Principal = { id: 'dev@example.com', role: 'pod', pods: ['checkout', 'search'] };
const MONEY = { amount: '1200', currency: 'USD', recogniseUntil: '2026-10-01' };

async function claim(trx: Transaction<DB>, fields: Partial<OutcomeInput> = {}): Promise<string> {
  const input = {
    title: 'Fewer refunds',
    deliveredOn: '2026-08-01',
    basis: 'cost_avoided' as const,
    ownerEmail: 'ada@example.com',
    shares: [{ pod: 'checkout', basisPoints: 10_000 }],
    ...(fields.basis === 'strategic' ? {} : MONEY),
    ...fields,
  };
  return (await createOutcome(trx, { input, principal: POD, at: AT })).outcomeId;
}

async function pairs(trx: Transaction<DB>): Promise<string[]> {
  const { rows } = await sql<{ reason: string }>`
    select reason from outcome_duplicate order by outcome_id, other_id`.execute(trx);
  return rows.map(({ reason }) => reason);
}

const TITLED = 'the same title and pod, overlapping and within 5 %';
const AMOUNT = 'the same amount, pod and days';

test.for<[what: string, second: Partial<OutcomeInput>, found: string[]]>([
  ['said again with another link', { evidenceUrl: 'https://wiki.example.com/again' }, [AMOUNT]],
  ['said in other words', { title: 'Refunds halved' }, [AMOUNT]],
  ['a little higher', { title: 'fewer  REFUNDS', amount: '1259', recogniseUntil: '2026-09-15' }, [TITLED]],
  ['far higher', { amount: '1300' }, []],
  ['a month later', { recogniseFrom: '2026-10-01', recogniseUntil: '2026-11-01' }, []],
  ['of another pod', { shares: [{ pod: 'search', basisPoints: 10_000 }] }, []],
  ['of another basis', { basis: 'capacity_released' }, []],
  ['a harm', { effect: 'dis_benefit' }, []],
])('the same claim, %s', async ([, second, found], { trx }) => {
  await insertPods(trx, { id: 'checkout' }, { id: 'search' });
  await claim(trx);
  await claim(trx, second);
  expect(await pairs(trx)).toEqual(found);
});

test('what has no money is the same with its title, day and count', async ({ trx }) => {
  await insertPods(trx, { id: 'checkout' });
  const strategic = { basis: 'strategic' } as const;
  await claim(trx, strategic);
  await claim(trx, { ...strategic, deliveredOn: '2026-08-02' });
  expect(await pairs(trx)).toEqual([]);
  await claim(trx, strategic);
  expect(await pairs(trx)).toEqual([TITLED]);
});

test('an address is the same however it is spelled', async ({ trx }) => {
  const spelled = [
    'https://wiki.example.com/Refunds?id=7',
    'HTTP://Wiki.Example.com:80/Refunds/?id=7#results',
    'https://wiki.example.com:443/Refunds?utm_source=mail&id=7&utm_medium=x',
    'https://wiki.example.com/Refunds?id=7&utm_campaign=q3',
  ];
  const others = [
    'https://wiki.example.com/refunds?id=7',
    'https://wiki.example.com/Refunds?id=8',
    'https://x#/a',
    'https://x/',
  ];
  const { rows } = await sql<{ key: string }>`
    select address_key(uri) as key from unnest(${[...spelled, ...others]}::text[]) as uri`.execute(trx);
  expect(rows.map(({ key }) => key)).toEqual([
    ...spelled.map(() => 'wiki.example.com/Refunds?id=7'),
    'wiki.example.com/refunds?id=7',
    'wiki.example.com/Refunds?id=8',
    'x#/a',
    'x',
  ]);
});

test('one file behind two outcomes is asked about, and of another pod its owner is told no more than that', async ({
  trx,
}) => {
  await insertPods(trx, { id: 'checkout' }, { id: 'search' });
  const mine = await claim(trx);
  const shares = [{ pod: 'search', basisPoints: 10_000 }];
  const other = await claim(trx, { title: 'Secret plan', amount: '7', shares });
  for (const outcomeId of [mine, other]) {
    const bytes = Buffer.from('refunds, by month');
    await uploadEvidence(trx, { outcomeId, fileName: 'q3.txt', bytes, principal: POD, at: AT });
  }
  expect(await pairs(trx)).toEqual([expect.stringMatching(/^the same file, SHA-256 [0-9a-f]{12}$/)]);
  const seen = async () => {
    await sql`savepoint reading`.execute(trx);
    await sql`select set_config('outturn.pods', '["checkout"]', true)`.execute(trx);
    await sql`set local role outturn_pod`.execute(trx);
    const shown = await showOutcome(trx, mine, AT);
    await sql`rollback to savepoint reading`.execute(trx);
    return shown;
  };
  const told = await seen();
  expect(told.duplicates).toEqual([]);
  expect(told.missing?.find(({ gate }) => gate === 'duplicate')?.reason).toBe(
    'it may be an outcome of another pod once more',
  );
  expect(JSON.stringify(told)).not.toContain('Secret');
  await rejectOutcome(trx, { outcomeId: other, principal: FINANCE, at: AT, reason: 'no' });
  expect((await seen()).missing?.map(({ gate }) => gate)).not.toContain('duplicate');
});

test('finance finds in its inbox what may be one, what lacks only its verification, and whose review is due', async ({
  trx,
}) => {
  await insertPods(trx, { id: 'checkout' });
  const complete = { baseline: 'before', evidenceUrl: 'https://wiki.example.com/a' };
  const one = await claim(trx, complete);
  const listed = async (at = AT) =>
    (await listInbox(trx, { at })).map(({ kind, id, amount }) => `${kind} ${id} ${amount}`);
  expect(await listed()).toEqual([`ready-claim ${one} 1200`]);
  const two = await claim(trx, { title: 'Other words' });
  expect(await listed()).toEqual([`possible-duplicate ${two}-${one} 1200`]);
  const act = { principal: FINANCE, at: AT };
  await rejectOutcome(trx, { ...act, outcomeId: two, reason: 'the same' });
  await verifyOutcome(trx, { ...act, outcomeId: one, reviewDueOn: '2026-10-01' });
  expect(await listed()).toEqual([]);
  expect(await listed(new Date('2026-10-01T08:00:00Z'))).toEqual([`review-due ${one} 1200`]);
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
    const one = await claimVerifiable(trx, { pool: 'refunds', evidenceUrl: evidence('one') });
    const near = await claimVerifiable(trx, {
      amount: '315',
      schedule: undefined,
      pool: 'refunds',
      evidenceUrl: evidence('two'),
    });
    const far = await claimVerifiable(trx, {
      amount: '350',
      schedule: undefined,
      pool: 'refunds',
      evidenceUrl: evidence('three'),
    });
    const same = await claimVerifiable(trx, {
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

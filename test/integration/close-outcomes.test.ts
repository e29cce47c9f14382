/**
 * What closed months make of outcomes that change afterwards: the statement stays, and statement and adjustments together are the truth, line
 * by line with the outcome's name. Retracted, verified in part, and superseded after May was closed.
 */
import { type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import { renderOutcomeExplanation } from '../../cli/render/outcome-explanation.ts';
import type { DB } from '../../db/schema.gen.ts';
import { explainOutcome } from '../../services/attribution/explain-outcome.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { supersedeOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { recognisedRows } from '../../services/periods/recognised-rows.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { pod, rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { test } from '../support/database.ts';
import { FINANCE, forgetRates, insertPods } from '../support/outcome-sheets.ts';

const VERIFIER = { ...FINANCE, id: 'luca@example.com' };
const MAY = { start: '2026-05-01', end: '2026-06-01' };

/** Recognised from the 22nd of May over 20 days: a half of it in May. */
function statement(title: string, amount: string) {
  return {
    title,
    amount,
    currency: 'USD',
    basis: 'cost_reduction' as const,
    deliveredOn: '2026-05-22',
    recogniseFrom: '2026-05-22',
    recogniseUntil: '2026-06-11',
    ownerEmail: 'val@example.com',
    baseline: { text: 'the year before', isOwnBill: false },
    evidenceUrl: `https://evidence.example.com/${title}`,
    shares: [
      { pod: 'one', basisPoints: 6_000 },
      { pod: 'two', basisPoints: 3_000 },
    ],
  };
}

async function claim(db: Kysely<DB>, title: string, amount: string): Promise<string> {
  const given = { input: statement(title, amount), principal: FINANCE, at: AFTERWARDS };
  return (await db.transaction().execute((trx) => createOutcome(trx, given))).outcomeId;
}

/** In a currency whose rates went away since it was claimed. */
async function claimWithoutRate(db: Kysely<DB>): Promise<string> {
  const text = 'date,base,quote,rate\n2026-05-22,KWD,USD,3.2\n';
  await db.transaction().execute((trx) => importFxFiles(trx, [{ name: 'ecb.csv', text }]));
  const given = { ...statement('odd', '7'), currency: 'KWD', recogniseUntil: '2026-05-23' };
  const claimed = { input: given, principal: FINANCE, at: AFTERWARDS };
  const { outcomeId } = await db.transaction().execute((trx) => createOutcome(trx, claimed));
  await forgetRates(db, 'KWD');
  return outcomeId;
}

/** May by outcome, pod and state, from the tables of statements or as it is known now. */
async function may(db: Kysely<DB>, from: 'statement' | 'known'): Promise<Record<string, string>> {
  const rows = from === 'statement' ? sql`(select * from statement_value)` : sql`(${recognisedRows([MAY], 'margin')})`;
  const { rows: parts } = await sql<{ part: string; amount: string }>`
    select concat_ws(' ', outcome_id, state, coalesce(pod_id, 'nobody')) as part, trim_scale(sum(amount))::text as amount
    from ${rows} as value where recognised_on < ${MAY.end}::date group by 1 order by 1`.execute(db);
  return Object.fromEntries(parts.map(({ part, amount }) => [part, amount]));
}

test('statement and adjustments of a closed month are the truth of what changed after it', async ({ database }) => {
  const { db } = database;
  await insertPods(db, { id: 'one' }, { id: 'two' });
  await putInForce(db, rulebook([], [pod('one'), pod('two')]));
  await publishBill(db, { start: MAY.start, end: MAY.end, charges: [] });
  const gone = await claim(db, 'gone', '1000');
  const cut = await claim(db, 'cut', '200');
  const old = await claim(db, 'old', '20');
  const act = { principal: VERIFIER, at: AFTERWARDS };
  for (const outcomeId of [gone, cut]) {
    await db.transaction().execute((trx) => verifyOutcome(trx, { ...act, outcomeId }));
  }
  const odd = await claimWithoutRate(db);
  await expect(close(db, '2026-05')).rejects.toThrow(`It is needed for outcome ${odd}:`);
  await db
    .transaction()
    .execute((trx) => rejectOutcome(trx, { ...act, outcomeId: odd, reason: 'In no currency of ours' }));
  await close(db, '2026-05');
  const stated = await may(db, 'statement');
  expect(stated).toMatchObject({ [`${gone} verified one`]: '300', [`${gone} verified nobody`]: '50' });

  const retracted = await db
    .transaction()
    .execute((trx) => retractOutcome(trx, { ...act, outcomeId: gone, reason: 'Not so' }));
  expect(retracted.notes).toEqual(['2026-05 stays as it was closed; booked in 2026-06: -500.00 USD verified']);
  expect(await explainOutcome(db, gone, null)).toMatchObject({
    standing: 'not_counted',
    rows: [{ state: 'not_counted', amount: '1000' }],
    closed: [{ periodId: '2026-05' }],
    stated: [
      { periodId: '2026-05', version: 2, podId: 'one', state: 'verified', amount: '300', converted: '300' },
      { podId: 'two', amount: '150' },
      { podId: null, amount: '50' },
    ],
    corrections: [
      { bookedIn: '2026-06', statementId: null, adjusts: '2026-05', podId: 'one', state: 'verified', amount: '-300' },
      { podId: 'two', amount: '-150', reported: { currency: 'USD', amount: '-150' } },
      { podId: null, amount: '-50' },
    ],
  });
  const text = renderOutcomeExplanation(await explainOutcome(db, gone, null));
  expect(text.replaceAll(/ +/g, ' ')).toContain('2026-06 open 2026-05 (nobody) verified -50 USD');
  expect(await explainOutcome(db, old, null)).toMatchObject({ stated: [{}, {}, {}], corrections: [] });
  const rows = [{ ordinal: 1, verdict: 'verified', verifiedAmount: '150' }] as const;
  await db
    .transaction()
    .execute((trx) => verifyOutcome(trx, { ...act, outcomeId: cut, rows, reason: 'A quarter less' }));
  const { rows: parts } = await explainOutcome(db, cut, null);
  expect(parts.map(({ state, amount }) => [state, amount])).toEqual([
    ['verified', '150'],
    ['rejected', '50'],
  ]);
  const successor = { statement: statement('new', '40') };
  const { successorId, notes } = await db
    .transaction()
    .execute((trx) => supersedeOutcome(trx, { ...act, principal: FINANCE, outcomeId: old, successor, reason: 'Anew' }));

  expect(notes).toEqual([
    '2026-05 stays as it was closed; booked in 2026-06: -10.00 USD claimed',
    `outcome ${successorId}: 2026-05 stays as it was closed; booked in 2026-06: 20.00 USD claimed`,
  ]);
  expect((await showOutcome(db, successorId, AFTERWARDS)).supersedes).toEqual([old]);

  const { lines, months } = await adjustments(db, { period: '2026-06', at: AFTERWARDS });
  expect(new Set(lines.map(({ outcomeId }) => outcomeId))).toEqual(new Set([gone, cut, old, successorId]));
  expect(lines.every(({ adjusts, bookedIn }) => adjusts === '2026-05' && bookedIn === '2026-06')).toBe(true);
  expect(months[0]?.causes.outcomes.find(({ outcomeId }) => outcomeId === gone)).toEqual({
    outcomeId: gone,
    was: 2,
    now: 3,
  });
  expect(await may(db, 'statement')).toEqual(stated);
  const known = await may(db, 'known');
  expect(known).toEqual({
    [`${cut} verified nobody`]: '7.5',
    [`${cut} verified one`]: '45',
    [`${cut} verified two`]: '22.5',
    [`${successorId} claimed nobody`]: '2',
    [`${successorId} claimed one`]: '12',
    [`${successorId} claimed two`]: '6',
  });

  const { rows: truth } = await sql<{ part: string; amount: string }>`
    select part, trim_scale(sum(amount))::text as amount from (
      select concat_ws(' ', outcome_id, state, coalesce(pod_id, 'nobody')) as part, amount from statement_value
      union all
      select concat_ws(' ', line ->> 'outcomeId', substr(line ->> 'kind', 7), coalesce(line ->> 'podId', 'nobody')), (line ->> 'amount')::numeric
      from jsonb_array_elements(${JSON.stringify(lines)}::jsonb) as line
    ) as both_of_them group by part having sum(amount) <> 0 order by part`.execute(db);
  expect(Object.fromEntries(truth.map(({ part, amount }) => [part, amount]))).toEqual(known);

  // With nothing left that counts, what May stated stays in the pods' cumulative value.
  for (const outcomeId of [cut, successorId]) {
    await db.transaction().execute((trx) => retractOutcome(trx, { ...act, outcomeId, reason: 'Nor this' }));
  }
  const { pods } = await valuePerPod(db, { period: '2026-05-15..2026-06-20', at: AFTERWARDS, detail: true });
  expect(pods.map(({ podId, detail }) => [podId, detail?.cumulative])).toMatchObject([
    ['one', { since: '2026-05', verified: '360' }],
    ['two', { since: '2026-05', verified: '180' }],
  ]);
});

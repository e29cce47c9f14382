/**
 * The CIO's quarter of a company whose last quarter was closed and restated since: every step of both bridges to the last decimal, every
 * figure as the other reports have it, and what its sentences say.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { renderCloudReturn } from '../../cli/render/cloud-return.ts';
import { cloudReturn } from '../../services/cloud-return/cloud-return.ts';
import { cloudReturnTable } from '../../services/cloud-return/cloud-return-table.ts';
import { readDecisions } from '../../services/cloud-return/decisions.ts';
import { headlineOf } from '../../services/cloud-return/headline.ts';
import { commentLines } from '../../services/cloud-return/pages/first-page.ts';
import { sectionsOf } from '../../services/cloud-return/pages/sections.ts';
import { readQuarter } from '../../services/cloud-return/quarter.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { add, type Decimal, decimal, multiply, sum } from '../../services/kernel/decimal.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { AFTERWARDS } from '../support/closing.ts';
import { QUARTER, stepsOf, test } from '../support/quarter-company.ts';

describe('the CIO’s quarter', () => {
  test('says what moved the cost, step by step', async ({ open }) => {
    const { costBridge } = open;
    expect(costBridge).toMatchObject({ from: '2026-Q2', opening: '120', closing: '260.4', residual: '0' });
    expect(stepsOf(costBridge)).toEqual({
      restatement: '10', // 110 − 100
      usage: '110', // (220 − 110) hours at 1
      rate: '-19.8', // 198 − 220, and 2 EUR at June's 1.1
      uncounted: '1', // tax
      new: '40',
      commitments: '-3', // credits
      fx: '2.2', // 22 EUR at 1.2, not 1.1
    });
    expect(costBridge?.rates).toEqual([{ currency: 'EUR', rate: '1.1' }]);
    expect(costBridge?.steps.find(({ step }) => step === 'rules')).toMatchObject({ amount: '0', moved: '3' });
    expect(costBridge?.steps.find(({ step }) => step === 'usage')?.drivers).toEqual([
      { name: 'Compute (AWS)', amount: '110' },
    ]);
  });

  test('says what moved the verified value, outcome by outcome', async ({ open }) => {
    const { valueBridge } = open;
    expect(valueBridge).toMatchObject({ from: '2026-Q2', opening: '90', closing: '112', residual: '0' });
    expect(stepsOf(valueBridge)).toEqual({
      'newly-verified': '50',
      schedule: '64', // 62 − 30, 0 − 30, and 92 − 30 of what was retracted
      retracted: '-92',
    });
  });

  test('equals value per pod, envelopes and reconciliation of the same quarter', async ({ db, open: found }) => {
    await prepareConversions(db, { period: QUARTER, at: AFTERWARDS });
    const value = await valuePerPod(db, { period: QUARTER, at: AFTERWARDS, detail: true });
    expect(found.pods).toEqual(value.pods);
    const { total, coverage } = await valuePerPod(db, { period: '2026-06-01..2026-10-01', at: AFTERWARDS });
    expect(found.summary.sinceStart).toEqual({
      since: '2026-06-01',
      ...without(total, 'claimed', 'adjustments'),
      coverage,
    });
    expect(sum(Object.values(found.outcomes?.verifiedByBasis ?? {}))).toBe(value.total.verified);
    expect(sum(found.outcomes?.claims.byAge.map((one) => one.value) ?? [])).toBe(value.total.claimed);
    const { figures } = found.summary;
    expect(figures).toMatchObject({
      cost: value.total.cost,
      verified: value.total.verified,
      claimed: value.total.claimed,
    });
    expect(figures).toMatchObject({
      return: value.total.return,
      returnOnTotal: value.total.returnOnTotal,
      coverage: value.coverage,
    });
    const { cost, verified, claimed } = value.unattributed;
    expect(found.unattributed).toMatchObject({ cost, verified, claimed });
    expect(sum([...found.unattributed.rows.map(({ cost }) => cost), found.unattributed.rest])).toBe(
      value.unattributed.cost,
    );
    expect(found.adjustments).toEqual(value.total.adjustments);

    const period = await readQuarter(db, QUARTER);
    const [envelope] = await listEnvelopes(db, { at: AFTERWARDS, period });
    expect(found.envelopes.scopes).toMatchObject([{ limit: '260.4', actual: envelope?.actual, used: envelope?.used }]);
    // The envelope has its euros at the rate of its approval.
    expect(found.summary.approved).toEqual({
      of: 'organisation',
      pods: null,
      podsOtherwise: null,
      limit: '260.4',
      actual: '258.2',
      used: '0.9916',
    });

    const { rows } = await reconciliation(db, { period: QUARTER, at: AFTERWARDS });
    const rates: Record<string, Decimal> = { USD: decimal('1'), EUR: decimal('1.2') };
    const billed = rows.filter(({ metric }) => metric === 'EffectiveCost');
    const reconciled = billed.map((row) =>
      multiply(add(row.attributed, row.unattributed), rates[row.billingCurrency] ?? decimal('0')),
    );
    expect(sum(reconciled)).toBe(figures.cost);
  });

  test('adds its movers up to the bridge without exchange rates', async ({ open }) => {
    const { movers, costBridge } = open;
    const fx = costBridge?.steps.find(({ step }) => step === 'fx')?.amount ?? decimal('0');
    expect(add(add(costBridge?.opening ?? fx, movers?.change ?? fx), fx)).toBe(costBridge?.closing);
    expect(sum([...(movers?.up ?? []), ...(movers?.down ?? [])].map(({ change }) => change))).toBe(movers?.change);
  });

  test('is held, while it goes on, against as many days of the quarter before, the day that cuts a closed month included', async ({
    db,
    open: _later,
  }) => {
    const found = await cloudReturn(db, { quarter: QUARTER, at: new Date('2026-09-03T12:00:00Z') });
    expect(found).toMatchObject({ days: { counted: 64, all: 92 }, quarter: { through: '2026-09-02' } });
    expect(found.summary.lastQuarter).toMatchObject({ period: '2026-Q2', through: '2026-06-03', costChange: '121' });
    expect(found.costBridge).toMatchObject({ from: '2026-Q2', through: '2026-06-03', opening: '117', closing: '238' });
    expect(stepsOf(found.costBridge)).toEqual({
      restatement: '10',
      usage: '110',
      rate: '-22',
      new: '40',
      ended: '-22', // storage, which costs on a later day
      commitments: '5',
    });
    expect(found.valueBridge).toMatchObject({ opening: '9', closing: '112' });
    expect(stepsOf(found.valueBridge)).toEqual({ 'newly-verified': '50', schedule: '117', retracted: '-64' });
    // Before exchange rates, and from the bill as it was closed.
    expect(found.movers?.change).toBe('121');
    expect(found.headline[0]).toBe(
      'Cloud cost $238.00 in 64 of 92 days of 2026-Q3; +103.4 % on as many days of last quarter (2026-Q2 to 3 Jun), nothing known of a year ago (2025-Q3) to compare it with.',
    );
    expect(found.scorecard[1]).toMatchObject({ period: '2026-Q2', cost: '120' });
  });

  test('leads with cost, its coverage and one step until there is an outcome', ({ open }) => {
    const none = { verified: decimal('0'), claimed: decimal('0'), return: null };
    const summary = { ...open.summary, figures: { ...open.summary.figures, ...none } };
    const pods = open.pods.map((row) => ({ ...row, value: { ...row.value, verifiedOutcomes: 0, claimedOutcomes: 0 } }));
    const said = headlineOf({ ...open, pods, summary });
    expect(said.join(' ')).toContain(
      'No outcome counts in 2026-Q3 yet, so that there is no return; the next step is to claim one.',
    );
    expect(said.join(' ')).not.toContain('Verified return 0');
    const ofNobody = headlineOf({ ...open, pods: [], summary });
    expect(ofNobody.join(' ')).toContain('the next step is an organisation file with pods and the rules');
  });

  test('says whom the envelopes of pods leave out, who used theirs up, and what harm is verified', ({ open }) => {
    const [first] = open.pods;
    if (first === undefined) throw new Error('there are pods');
    const [cost, verified, harm] = [decimal('9'), decimal('-7'), decimal('7')];
    const harmed = {
      podId: 'harmed',
      name: 'Harmed',
      cost,
      verified,
      claimed: decimal('0'),
      return: '-0.7778',
      returnNote: null,
      harm,
    };
    const envelope = {
      envelopeId: '1',
      limit: decimal('100'),
      actual: decimal('120'),
      used: '1.2000',
      currency: 'EUR',
    };
    const pods = [
      {
        ...first,
        podId: 'abroad',
        name: 'Abroad',
        envelope: { ...envelope, counts: 'controlled', state: 'over' } as const,
      },
      { ...first, podId: 'without', name: 'A pod with a name that nobody can read to its end', envelope: null },
    ];
    const approved = {
      of: 'pods',
      pods: 1,
      podsOtherwise: 1,
      limit: decimal('50'),
      actual: decimal('40'),
      used: '0.8',
    } as const;
    const said = headlineOf({
      ...open,
      pods,
      summary: { ...open.summary, approved, unexplained: [harmed] },
      envelopes: { scopes: [], podsWithout: ['without'] },
      unattributed: { ...open.unattributed, cost: decimal('13') },
    });
    expect(said[1]).toBe(
      '$40.00 of $50.00 approved is spent (80.0 %), by the envelopes of 1 pod. Not in it: $238.00 (91.4 % of cost) of A pod with a name …n read to its end, without an envelope; $238.00 (91.4 % of cost) of Abroad, approved in another currency; $13.00 (5.0 % of cost) unattributed.',
    );
    expect(said[2]).toBe('What was approved for the quarter is used up by Abroad (120.0 %).');
    expect(said.at(-1)).toBe(
      'Harm is verified of Harmed ($7.00): it lowers the return, though such a pod counts among those with a verified outcome.',
    );
  });

  test('asks what becomes of a verified outcome whose evidence broke, once however much of it did', async ({
    trx,
    open,
  }) => {
    expect(open.summary.decisions.map(({ kind }) => kind)).not.toContain('broken-evidence');
    await sql`
      insert into outcome_evidence (outcome_id, kind, uri, captured_at, added_by, added_at, broken_at, broken_reason)
      select id, 'link', 'https://example.com/' || part, now(), 'op', now(), now(), 'gone ' || part
      from outcome cross join generate_series(1, 2) as part where source_row_id = 'runs-on'
    `.execute(trx);
    const asked = (await readDecisions(trx, AFTERWARDS)).filter(({ kind }) => kind === 'broken-evidence');
    expect(asked).toMatchObject([{ count: 1, amounts: [{ currency: 'USD', amount: '92' }] }]);
    expect(asked[0]?.items[0]?.sentence).toMatch(
      /^Outcome \d+, Outcome runs-on, is verified by evidence that does not hold any more: gone 1; gone 2\.$/,
    );
  });

  test('says in a sentence that there is nothing to show, and refuses a quarter that has not begun', async ({ db }) => {
    const at = AFTERWARDS;
    const empty = await cloudReturn(db, { quarter: '2025-Q1', at });
    expect(empty.headline).toEqual(['Nothing is known of 2025-Q1: no bill and no outcome.']);
    expect([sectionsOf(empty), cloudReturnTable(empty).rows]).toEqual([[], []]);
    expect(renderCloudReturn(empty).split('\n')).toHaveLength(3);
    const begun = await cloudReturn(db, { quarter: QUARTER, at: new Date('2026-07-01T12:00:00Z') });
    expect(begun.headline[0]).toContain('No day of 2026-Q3 is complete in every bill yet');
    await expect(cloudReturn(db, { quarter: '2027-Q1', at })).rejects.toThrow('2027-Q1 has not begun');
  });

  test('says what it does not know, and leaves out what nobody measures', async ({ open: found }) => {
    expect(found.summary.yearAgo).toMatchObject({
      period: '2025-Q3',
      figures: null,
      note: 'nothing is known of 2025-Q3',
    });
    expect(found.headline[0]).toBe(
      'Cloud cost $260.40; +117.0 % on last quarter (2026-Q2), nothing known of a year ago (2025-Q3) to compare it with.',
    );
    expect(found.headline.join(' ')).toContain('Verified return 0.42× on attributed spend (103.1 % of total)');
    expect(Object.keys(found)).not.toContain('delivery');
    expect(found.summary.comments).toMatchObject([
      { podId: 'checkout', notes: [] },
      { podId: 'search', notes: [{ text: 'We moved to another disk.', signedBy: 'search-owner@example.com' }] },
    ]);
    expect(commentLines(found)).toContainEqual({
      pod: 'Checkout',
      text: 'no comment by the owner',
      by: 'checkout-owner@example.com',
    });
  });
});

function without<Row extends object>(row: Row, ...keys: (keyof Row)[]): Partial<Row> {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !keys.includes(name as keyof Row))) as Partial<Row>;
}

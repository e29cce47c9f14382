/**
 * The detail of a value report on real rows: it adds up to the report's own figures, ages claims, names retractions with their reasons, divides cost
 * by units of one type only, and follows a pod and its successor since their start, over a closed month too.
 */
import { sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import { renderValuePerPod } from '../../cli/render/value-per-pod.ts';
import type { DB } from '../../db/schema.gen.ts';
import { type Decimal, decimal, sum } from '../../services/kernel/decimal.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { valuePerPodTable } from '../../services/reports/report-tables.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { test } from '../support/database.ts';
import { FINANCE, forgetRates, insertPods, stateOutcome, VERIFIER } from '../support/outcome-sheets.ts';

const AT = new Date('2026-10-20T08:00:00Z');
const REQUEST = { period: '2026-Q3', at: AT, detail: true } as const;

let evidence = 0;

async function state(trx: Transaction<DB>, input: Partial<OutcomeInput>, at = AT): Promise<string> {
  evidence += 1;
  const common = {
    title: `o${evidence}`,
    deliveredOn: '2026-08-10',
    ownerEmail: 'val@example.com',
    basis: 'cost_reduction',
  };
  const gated = { baseline: { text: 'the year before', isOwnBill: false } };
  const proof = { evidence: [{ url: `https://evidence.example.com/${evidence}` }] };
  const shares = [{ pod: 'checkout', basisPoints: 10_000 }];
  const given = { ...common, ...gated, ...proof, shares, ...input } as OutcomeInput;
  return stateOutcome(trx, { input: given, at });
}

async function charge(trx: Transaction<DB>, podId: string, ...days: [date: string, cost: string][]): Promise<void> {
  for (const [date, cost] of days) {
    const costs = sql`${podId}, 'direct', 'USD', ${cost}::numeric, ${cost}::numeric, ${cost}::numeric, ${cost}::numeric`;
    const columns = sql`pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost`;
    await sql`insert into pod_day (charge_date, ${columns}) select ${date}::date, ${costs}`.execute(trx);
    await sql`insert into pod_month (charge_month, ${columns}) select date_trunc('month', ${date}::timestamp)::date, ${costs}`.execute(
      trx,
    );
  }
}

const verified = { state: 'verified' } as const;
const USD = { currency: 'USD' };

describe('the detail of value per pod', () => {
  test('adds up to the report, and ages what is claimed', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    await charge(trx, 'checkout', ['2026-07-05', '300']);
    const both = [
      { pod: 'checkout', basisPoints: 3_333 },
      { pod: 'search', basisPoints: 5_000 },
    ];
    await state(trx, { ...verified, ...USD, amount: '1000.01', confidence: { grade: 'B', reason: 'metered' } });
    await state(trx, { ...verified, ...USD, amount: '70', basis: 'cost_avoided' });
    await state(trx, { ...verified, ...USD, amount: '20', effect: 'dis_benefit' });
    await state(trx, { ...USD, amount: '90', shares: both }, new Date('2026-10-10T00:00:00Z'));
    await state(trx, { ...USD, amount: '7' }, new Date('2026-09-05T00:00:00Z'));
    await state(trx, { ...USD, amount: '11', deliveredOn: '2026-07-01' }, new Date('2026-07-01T00:00:00Z'));
    const report = await valuePerPod(trx, REQUEST);
    const [checkout] = report.pods;
    expect(checkout?.value).toMatchObject({
      verified: '980.01',
      verifiedByBasis: { cost_reduction: '980.01', cost_avoided: '70' },
    });
    expect(checkout?.detail?.claims).toEqual({
      byAge: [
        { fromDays: 0, toDays: 30, outcomes: 1, value: '29.997' },
        { fromDays: 31, toDays: 60, outcomes: 1, value: '7' },
        { fromDays: 61, toDays: 90, outcomes: 0, value: '0' },
        { fromDays: 91, toDays: null, outcomes: 1, value: '11' },
      ],
      oldestDays: 111,
    });
    expect(checkout?.detail?.confidence).toEqual({ A: 0, B: 1, C: 0, D: 0, none: 5 });
    for (const { value, detail } of report.pods) {
      const byAge = detail?.claims.byAge ?? [];
      expect(sum(byAge.map((age) => age.value))).toBe(value.claimed);
      expect(byAge.reduce((count, age) => count + age.outcomes, 0)).toBe(value.claimedOutcomes);
    }
    const { detail } = report.unattributed;
    expect(sum(detail?.claims.byAge.map((age) => age.value) ?? [])).toBe(report.unattributed.claimed);
    const { head, rows } = valuePerPodTable(report);
    const cell = (row: (typeof rows)[number] | undefined, name: string) => {
      const found = row?.[head.indexOf(name)];
      return decimal(String(typeof found === 'object' ? (found?.figure ?? '0') : '0'));
    };
    const entering = ['verified_revenue', 'verified_cost_reduction'];
    const aged = ['0_30', '31_60', '61_90', '91'].map((age) => `claimed_${age}_days`);
    for (const row of rows) {
      expect(sum(entering.map((name) => cell(row, name)))).toBe(cell(row, 'verified'));
      expect(sum(aged.map((name) => cell(row, name)))).toBe(cell(row, 'claimed'));
    }
    for (const name of [...entering, ...aged, 'verified_cost_avoided']) {
      expect(sum(rows.slice(0, -1).map((row) => cell(row, name)))).toBe(cell(rows.at(-1), name));
    }
    expect(cell(rows.at(-2), 'claimed_0_30_days')).toBe('15.003');
    const text = renderValuePerPod(report);
    expect(text).toMatch(/checkout .* 30\.00 \(1\) .* 7\.00 \(1\)/);
    expect(text).toContain('Verified by basis: cost avoided 70.00, cost reduction 980.01.');
    expect(Object.keys(await valuePerPod(trx, { ...REQUEST, detail: false }))).not.toContain('detailMethod');
  });

  test('without a rate is refused with the outcomes that ask for it', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await importFxFiles(trx, [{ name: 'ecb.csv', text: 'date,base,quote,rate\n2026-08-10,KWD,USD,3.2\n' }]);
    const outcomeId = await state(trx, { amount: '9', currency: 'KWD' });
    await forgetRates(trx, 'KWD');
    await expect(valuePerPod(trx, REQUEST)).rejects.toMatchObject({
      code: 'missing_exchange_rate',
      message: expect.stringContaining(`It is needed for outcome ${outcomeId}:`) as string,
    });
  });

  test('divides cost by the units of one type only, and says what was taken back and why', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    await charge(trx, 'checkout', ['2026-08-01', '300']);
    await charge(trx, 'search', ['2026-08-01', '50']);
    const unit = (outcomeType: string, quantity: string) => ({
      outcomeType,
      unit: outcomeType,
      quantity,
      basis: 'unit_outcome' as const,
    });
    const ofSearch = { shares: [{ pod: 'search', basisPoints: 10_000 }] };
    await state(trx, { ...verified, ...unit('calls', '8000') });
    await state(trx, { ...verified, ...unit('calls', '1000'), effect: 'dis_benefit' });
    await state(trx, { ...unit('calls', '999') });
    await state(trx, { ...verified, ...unit('calls', '3'), ...ofSearch });
    await state(trx, { ...verified, ...unit('claims', '3'), ...ofSearch });
    const outcomeId = await state(trx, { ...verified, ...USD, amount: '40' });
    await retractOutcome(trx, {
      outcomeId,
      principal: FINANCE,
      at: new Date('2026-09-30T10:00:00Z'),
      reason: 'Counted twice',
    });
    const late = await state(trx, { ...USD, amount: '41' });
    await retractOutcome(trx, { outcomeId: late, principal: FINANCE, at: AT, reason: 'Not of this period' });
    const report = await valuePerPod(trx, REQUEST);
    const costs = report.pods.map(({ detail }) => detail?.costPerOutcome);
    expect(costs).toEqual([{ outcomeType: 'calls', unit: 'calls', quantity: '7000', cost: '0.0429' }, null]);
    expect(report.retractions).toEqual([
      {
        podId: 'checkout',
        outcomeId,
        title: expect.any(String) as string,
        retractedAt: '2026-09-30T10:00:00.000Z',
        reason: 'Counted twice',
        amount: '40',
        verified: '40',
        currency: 'USD',
      },
    ]);
    expect(report.pods[0]?.value.verified).toBe('0');
    const text = renderValuePerPod(report);
    expect(text).toContain('Counted twice');
    for (const line of text.split('\n').filter((one) => one.includes('│') || /^\S+ {2}/.test(one))) {
      expect(line.length).toBeLessThanOrEqual(100);
    }
    const { head, rows } = valuePerPodTable(report);
    expect(rows.every((row) => row.length === head.length)).toBe(true);
  });

  test('says what a retraction took back, whatever is claimed of the outcome since', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    await charge(trx, 'checkout', ['2026-07-05', '300']);
    const shares = [
      { pod: 'checkout', basisPoints: 3_000 },
      { pod: 'search', basisPoints: 6_000 },
    ];
    const outcomeId = await state(trx, { ...USD, title: 'Cheaper', amount: '100', shares });
    const rows = [{ ordinal: 1, verdict: 'verified', verifiedAmount: '50' }] as const;
    await verifyOutcome(trx, { outcomeId, principal: VERIFIER, at: AT, rows, reason: 'Half of it' });
    const at = new Date('2026-09-30T10:00:00Z');
    await retractOutcome(trx, { outcomeId, principal: FINANCE, at, reason: 'Wrong' });
    const ofSearch = [{ pod: 'search', basisPoints: 10_000 }];
    await claimOutcome(trx, { outcomeId, principal: FINANCE, at: AT, input: { amount: '5', shares: ofSearch } });
    const report = await valuePerPod(trx, REQUEST);
    const parts = report.retractions?.map(({ podId, amount, verified: was }) => [podId, amount, was]);
    expect(parts).toEqual([
      ['checkout', '15', '15'],
      ['search', '30', '30'],
      [null, '5', '5'],
    ]);
    expect(renderValuePerPod(report)).toContain('Retracted 2026-09-30: Cheaper (nobody, 5.00 USD verified): Wrong');
    await sql`select set_config('outturn.pods', '["checkout"]', true)`.execute(trx);
    await sql`set local role outturn_pod`.execute(trx);
    const own = await valuePerPod(trx, REQUEST);
    await sql`reset role`.execute(trx);
    expect(own.retractions?.map(({ podId }) => podId)).toEqual(['checkout']);
  });

  test('follows a pod and whom it succeeded since their start to the month that pays them back', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'old' });
    await trx
      .insertInto('pod_successor')
      .values({ pod_id: 'old', successor_pod_id: 'checkout', basis_points: 10_000 })
      .execute();
    await charge(trx, 'old', ['2026-05-03', '100'], ['2026-06-03', '100']);
    await charge(trx, 'checkout', ['2026-07-03', '100'], ['2026-08-03', '100']);
    const months = { deliveredOn: '2026-06-01', recogniseUntil: '2026-09-29' };
    await state(trx, { ...verified, ...USD, amount: '600', ...months });
    const report = await valuePerPod(trx, REQUEST);
    const { cumulative, paybackMonth } = report.pods[0]?.detail ?? {};
    expect(cumulative).toEqual({ since: '2026-05', cost: '400', verified: decimal('600'), return: '1.5000' });
    // 30, 61 and 92 of 120 days: 150, 305 and 460 against 200, 300 and 400.
    expect(paybackMonth).toBe('2026-07');
    const before: Decimal | undefined = (await valuePerPod(trx, { ...REQUEST, period: '2026-06' })).pods.find(
      ({ podId }) => podId === 'old',
    )?.cost.total;
    expect(before).toBe('100');
  });

  test('shows a pod’s token its own part, and nothing of the other', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    await charge(trx, 'checkout', ['2026-07-05', '300']);
    await charge(trx, 'search', ['2026-07-05', '900']);
    const shares = [
      { pod: 'checkout', basisPoints: 3_000 },
      { pod: 'search', basisPoints: 7_000 },
    ];
    await state(trx, { ...verified, ...USD, amount: '1000', shares });
    const outcomeId = await state(trx, { ...USD, amount: '100', shares });
    await retractOutcome(trx, { outcomeId, principal: FINANCE, at: new Date('2026-09-30T10:00:00Z'), reason: 'Wrong' });
    const whole = await valuePerPod(trx, REQUEST);
    await sql`select set_config('outturn.pods', '["checkout"]', true)`.execute(trx);
    await sql`set local role outturn_pod`.execute(trx);
    const own = await valuePerPod(trx, REQUEST);
    await sql`reset role`.execute(trx);
    const [checkout] = whole.pods;
    expect(own.pods.map(({ podId }) => podId)).toEqual(['checkout']);
    expect(own.pods[0]?.detail).toEqual(checkout?.detail);
    expect(own.retractions).toEqual(whole.retractions?.filter(({ podId }) => podId === 'checkout'));
  });
});

/**
 * Both bridges of the CIO's quarter lead from the last quarter to this one exactly, whatever changed: quantities, prices, SKUs, currencies,
 * rates, credits; outcomes that came, ran off, were retracted or verified in part. The steps in SQL run on generated days of SKUs.
 */
import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { closeBridge, rateEffect } from '../../services/cloud-return/bridge.ts';
import { readCostSteps } from '../../services/cloud-return/cost-steps.ts';
import type { OutcomeFate, OutcomeValue } from '../../services/cloud-return/value-amounts.ts';
import { stepsOf } from '../../services/cloud-return/value-bridge.ts';
import { add, type Decimal, decimal, multiply, subtract, sum, ZERO } from '../../services/kernel/decimal.ts';
import { readReportFrame } from '../../services/reports/report-frame.ts';
import { test } from '../support/database.ts';

const AT = new Date('2026-12-01T00:00:00Z');
const money = fc
  .tuple(fc.bigInt(-1_000_000_000n, 1_000_000_000n), fc.integer({ min: 0, max: 14 }))
  .map(([units, places]) => decimal(`${units}e-${places}`));
const quantity = fc.option(fc.bigInt(-5n, 1_000_000n).map((units) => decimal(`${units}e-3`)));
const currency = fc.constantFrom('USD', 'EUR', 'JPY');
const skuDay = fc.record({
  charge_date: fc.constantFrom('2026-04-03', '2026-06-30', '2026-07-01', '2026-09-17'),
  service_name: fc.constantFrom('Compute', 'Storage', null),
  charge_category: fc.constantFrom('Usage', 'Usage', 'Usage', 'Credit', 'Purchase', 'Tax'),
  is_commitment: fc.constantFrom(false, false, true),
  sku_id: fc.constantFrom('a', 'b', null),
  consumed_unit: fc.constantFrom('Hours', 'GB'),
  billing_currency: currency,
  consumed_quantity: quantity,
  effective_cost: money,
});
const RATES = new Map([
  ['USD', decimal('1')],
  ['EUR', decimal('1.104573290562702')],
  ['JPY', decimal('0.006543210987654')],
]);

describe('the cost bridge', () => {
  test('gives every change of every family to a step, to the last decimal', async ({ trx }) => {
    await sql`
      insert into load (source_id, billing_period_start, billing_period_end, state, manifest_digest, delivered_at)
      values ('files', '2026-04-01', '2026-10-01', 'published', '', now())
    `.execute(trx);
    const [before, after] = [
      await readReportFrame(trx, { period: '2026-Q2', at: AT }),
      await readReportFrame(trx, { period: '2026-Q3', at: AT }),
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(skuDay, { maxLength: 25 }), async (days) => {
        await sql`delete from load_sku_day`.execute(trx);
        await sql`
          insert into load_sku_day
          select load.id, charge_date::date, 'AWS', service_name, charge_category, is_commitment, sku_id, consumed_unit, billing_currency,
            consumed_quantity::numeric, 0, effective_cost::numeric, 0, 0
          from load, json_to_recordset(${JSON.stringify(days)}::json) as day (charge_date text, service_name text, charge_category text,
            is_commitment boolean, sku_id text, consumed_unit text, billing_currency text, consumed_quantity text, effective_cost text)
        `.execute(trx);
        const { steps, currencies } = await readCostSteps(trx, { before, after, rates: RATES });
        const valued = (isLater: boolean) =>
          sum(
            days
              .filter((day) => day.charge_date >= '2026-07-01' === isLater)
              .map((day) => multiply(day.effective_cost, RATES.get(day.billing_currency) ?? ZERO)),
          );
        expect(sum(steps.map(({ amount }) => amount))).toBe(subtract(valued(true), valued(false)));
        for (const step of steps) expect(step.drivers.length).toBeLessThanOrEqual(3);
        const later = sum(currencies.map((one) => multiply(one.after, RATES.get(one.currency) ?? ZERO)));
        expect(later).toBe(valued(true));
      }),
      { numRuns: 40 },
    );
  });

  test('holds with any restatement, rate and currency that comes or goes', () => {
    const figures = fc.uniqueArray(fc.record({ currency, billed: money, converted: money }), {
      selector: (one) => one.currency,
    });
    fc.assert(
      fc.property(figures, figures, figures, (stated, restated, current) => {
        const at = (of: typeof stated) => sum(of.map((one) => multiply(one.billed, RATES.get(one.currency) ?? ZERO)));
        const { fx, began } = rateEffect(stated, current, RATES);
        const step = (name: string, amount: Decimal) => ({ step: name, amount, drivers: [] });
        const bridge = closeBridge({
          from: '2026-Q2',
          opening: sum(stated.map(({ converted }) => converted)),
          steps: [
            step('restatement', subtract(at(restated), at(stated))),
            step('usage', subtract(at(current), at(restated))),
            step('new', began),
            step('fx', fx),
          ],
          closing: sum(current.map(({ converted }) => converted)),
          rates: [],
        });
        expect(bridge.residual).toBe('0');
      }),
    );
  });

  test('is refused where it does not hold', () => {
    const bridge = { from: '2026-Q2', opening: decimal('1'), steps: [], closing: decimal('1.000000000001'), rates: [] };
    expect(() => closeBridge(bridge)).toThrow('ends at 1, its closing is 1.000000000001');
  });
});

describe('the value bridge', () => {
  test('gives every change of every outcome to a step', () => {
    const value = fc.option(
      money.map((billed): OutcomeValue => ({ outcomeId: '1', version: 1, currency: 'USD', billed, converted: billed })),
      { nil: undefined },
    );
    const fate = fc.option(
      fc.record<OutcomeFate>({
        outcomeId: fc.constant('1'),
        state: fc.constantFrom('verified', 'partially_verified', 'rejected', 'retracted', 'superseded', 'claimed'),
        supersededBy: fc.constant(null),
        expected: money,
        movedBasisPoints: fc.nat(10_000),
      }),
      { nil: undefined },
    );
    fc.assert(
      fc.property(value, value, fate, fc.boolean(), (before, after, became, succeeds) => {
        const successors = new Set(succeeds ? ['1'] : []);
        const steps = stepsOf({ outcomeId: '1', currency: 'USD', before, after }, became, successors);
        const change = steps.reduce((whole, [, amount]) => add(whole, amount), ZERO);
        expect(change).toBe(subtract(after?.billed ?? ZERO, before?.billed ?? ZERO));
      }),
    );
  });
});

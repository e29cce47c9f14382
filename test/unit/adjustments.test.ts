/** Adjustments as their report shows them: what is verified, what is claimed and what stands beside the return are never one sum. */
import { describe, expect, test } from 'vitest';
import { renderAdjustments } from '../../cli/render/adjustments.ts';
import { adjustmentTotals } from '../../services/periods/adjustment-totals.ts';
import type { AdjustmentLine, Adjustments } from '../../services/periods/adjustments.ts';
import { decimal } from '../../services/kernel/decimal.ts';

function line(kind: AdjustmentLine['kind'], amount: string, beside: string | null = null): AdjustmentLine {
  const isCost = kind === 'direct' || kind === 'shared';
  const cost = decimal(isCost ? amount : '0');
  const costs = { billedCost: cost, effectiveCost: cost, listCost: cost, contractedCost: cost };
  const money = { currency: 'USD', ...costs, amount: decimal(isCost ? '0' : amount) };
  const where = { bookedIn: '2026-10', statementId: null, adjusts: '2026-09', adjustedStatementId: '1' };
  return { ...where, podId: 'checkout', kind, outcomeId: isCost ? null : '7', beside, ...money, reported: money };
}

const LINES = [
  line('direct', '3.005'),
  line('value-verified', '-100'),
  line('value-claimed', '40.5'),
  line('value-verified', '8', 'cost_avoided'),
  line('value-claimed', '1', 'cost_avoided'),
];

const NONE: Adjustments = {
  period: { id: '2026-10', start: '2026-10-01', end: '2026-11-01', through: null },
  adjustingMonth: '2026-10',
  lines: [],
  totals: [],
  months: [],
};

describe('adjustments', () => {
  test('are added up apart by what they are', () => {
    expect(adjustmentTotals(LINES)).toEqual([
      {
        currency: 'USD',
        billedCost: '3.005',
        effectiveCost: '3.005',
        listCost: '3.005',
        contractedCost: '3.005',
        verified: '-100',
        claimed: '40.5',
        beside: { cost_avoided: '9' },
        besideVerified: { cost_avoided: '8' },
      },
    ]);
  });

  test('are printed as cost and as value, each line in its column', () => {
    const text = renderAdjustments({ ...NONE, lines: LINES, totals: adjustmentTotals(LINES) });
    const rows = text.split('\n').map((row) => row.trim().split(/ {2,}/));
    expect(rows).toContainEqual(['total', '3.00', '3.00']);
    expect(rows).toContainEqual(['total', '-100.00', '40.50']);
    expect(rows).toContainEqual(['2026-10', '2026-09', 'checkout', '7 verified, cost avoided', '8.00']);
    expect(text).toContain('Beside the return: cost avoided 9.00 USD, 8.00 of it verified.');
  });

  test('say where to look for those of now', () => {
    const text = (adjustingMonth: string | null) => renderAdjustments({ ...NONE, adjustingMonth });
    expect(text('2026-10')).toBe('No adjustment of a closed month in 2026-10.');
    expect(text('2026-09')).toContain('What changes now is booked in 2026-09:');
    expect(text(null)).toContain('No month is closed yet.');
  });
});

/** The plans that were applied, as a table. */
import type { ListedPlan } from '../../services/organisation/list-plans.ts';
import { asMoney, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

export function renderPlans(plans: readonly ListedPlan[]): string {
  if (plans.length === 0) return 'No file was applied yet.';
  const rows = plans.map((plan) => [
    plan.planId,
    plan.appliedAt,
    plan.appliedBy,
    String(plan.rulebook),
    withThousands(plan.linesAffected),
    plan.totals.map(({ difference, currency }) => `${asMoney(difference)} ${currency}`).join(', '),
  ]);
  return textTable(['plan', 'applied', 'by', 'rulebook', 'lines moved', 'totals moved'], rows, [0, 3, 4, 5]);
}

/** What an export wrote, for the terminal. Exact figures: they are for comparing. */
import type { FocusExport } from '../../services/export/export-focus.ts';
import { textTable } from './text-table.ts';

export function renderFocusExport(made: FocusExport): string {
  const totals = made.totals.map((total) => [
    total.billingCurrency,
    total.billedCost,
    total.effectiveCost,
    total.listCost,
    total.contractedCost,
  ]);
  const what = made.by === 'billing' ? 'bills' : 'charges';
  return [
    `${made.file}: FOCUS ${made.focusVersion}, ${what} of ${made.period.id}, ${made.rows} lines of ${made.loads} bill(s), rulebook ${made.rulebook}.`,
    ...closedLines(made),
    '',
    textTable(['currency', 'BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'], totals, [1, 2, 3, 4]),
  ].join('\n');
}

function closedLines({ state, statements }: FocusExport): string[] {
  if (state === 'open') return [];
  const months = statements.map(({ statementId, period }) => `${period} (statement ${statementId})`).join(', ');
  return [`As closed: ${months}. ${state === 'mixed' ? 'The rest is' : 'Nothing is'} as now known.`];
}

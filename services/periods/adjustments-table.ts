/** Prior-period adjustments as CSV: one line per row of the report, exact. */
import { figures, framed, type ReportTable } from '../sheets/report-table.ts';
import type { Adjustments } from './adjustments.ts';

const MONEY = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost', 'amount'] as const;

export function adjustmentsTable(report: Adjustments): ReportTable {
  const head = [
    ['booked_in', 'statement', 'adjusts', 'adjusted_statement', 'pod', 'kind', 'outcome', 'beside', 'currency'],
    ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost', 'amount', 'reported_currency'],
    [
      'reported_billed_cost',
      'reported_effective_cost',
      'reported_list_cost',
      'reported_contracted_cost',
      'reported_amount',
    ],
  ].flat();
  const rows = report.lines.map((line) => [
    line.bookedIn,
    ...figures(line.statementId),
    line.adjusts,
    ...figures(line.adjustedStatementId),
    line.podId,
    line.kind,
    ...figures(line.outcomeId),
    line.beside,
    line.currency,
    ...figures(...MONEY.map((name) => line[name])),
    line.reported.currency,
    ...figures(...MONEY.map((name) => line.reported[name])),
  ]);
  return framed({ name: 'adjustments', head, rows }, { period: report.period });
}

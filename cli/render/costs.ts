/** The cost explorer as a table: dimensions cut to the width of the terminal, four costs that add up to their totals. */
import type { Decimal } from '../../services/kernel/decimal.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { CostRow, Costs, FourCosts } from '../../services/reports/costs.ts';
import { cutTo, TABLE_WIDTH_MAX, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

/** More rows are for a file, not for a screen. */
const ROWS_SHOWN_MAX = 200;
const METRICS = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost'] as const;
const HEADS = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'];
const DIMENSION_WIDTH_MIN = 8;

export function renderCosts(report: Costs): string {
  if (report.rows.length === 0) return `No cost in ${report.period.id}.`;
  const isBilling = report.currency === 'billing';
  const keys = [...new Set([...report.by, ...(isBilling ? ['billingCurrency'] : [])])];
  const groups = isBilling ? Map.groupBy(report.rows, (row) => row['billingCurrency']) : new Map([['', report.rows]]);
  const figures = new Map<CostRow, string[]>();
  const totals: string[][] = [];
  for (const [currency, rows] of groups) totals.push([String(currency ?? ''), ...printGroup(rows, figures)]);
  const widest = [...figures.values(), ...totals.map((total) => total.slice(1)), HEADS];
  const figureWidth = HEADS.reduce(
    (sum, _, index) => sum + 2 + Math.max(...widest.map((row) => row[index]?.length ?? 0)),
    0,
  );
  const keyWidth = Math.max(DIMENSION_WIDTH_MIN, Math.floor((TABLE_WIDTH_MAX - figureWidth) / keys.length) - 2);
  const shown = report.rows
    .slice(0, ROWS_SHOWN_MAX)
    .map((row) => [
      ...keys.map((key) => cutTo(row[key] ?? (key === 'pod' ? 'unattributed' : '–'), keyWidth)),
      ...(figures.get(row) ?? []),
    ]);
  const sums = totals.map(([currency = '', ...sum]) => [
    cutTo(`total ${currency}`.trim(), keyWidth),
    ...keys.slice(1).map(() => ''),
    ...sum,
  ]);
  const heads = [...keys.map((key) => cutTo(key, keyWidth)), ...HEADS];
  const table = textTable(
    heads,
    [...shown, ...sums],
    HEADS.map((_, index) => keys.length + index),
  );
  return [table, '', ...footnotes(report)].join('\n');
}

/** Prints the four columns of rows that have one currency, each adding up; gives the printed totals. */
function printGroup(rows: readonly CostRow[], into: Map<CostRow, string[]>): string[] {
  const columns = METRICS.map((metric) => roundParts(rows.map((row): Decimal => costOf(row, metric))));
  for (const [index, row] of rows.entries()) {
    into.set(
      row,
      columns.map((column) => withThousands(column.parts[index] ?? '')),
    );
  }
  return columns.map((column) => withThousands(column.total));
}

function costOf(row: FourCosts, metric: (typeof METRICS)[number]): Decimal {
  return row[metric];
}

function footnotes(report: Costs): string[] {
  const hidden = report.rows.length - ROWS_SHOWN_MAX;
  const currency = report.currency === 'billing' ? 'in the billing currencies' : `in ${report.currency}`;
  return [
    ...(hidden > 0 ? [`… and ${hidden} more rows: --format csv has all of them.`] : []),
    `${report.period.id}${report.state === 'closed' ? ' as closed' : ' as billed so far'}, ${currency}, complete through ${report.period.through ?? 'no day yet'}, rulebook ${report.rulebook}.`,
  ];
}

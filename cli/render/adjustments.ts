/** Prior-period adjustments as a table: effective cost and value in the reporting currency, adding up, and under it what caused them. */
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { AdjustmentCauses } from '../../services/periods/adjustment-causes.ts';
import type { Adjustments } from '../../services/periods/adjustments.ts';
import { cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const POD_WIDTH_MAX = 24;

export function renderAdjustments(report: Adjustments): string {
  const { lines } = report;
  if (lines.length === 0) return `No adjustment of a closed month in ${report.period.id}.`;
  const byCurrency = Map.groupBy(lines, (line) => line.reported.currency);
  const tables = [...byCurrency].map(([currency, rows]) => renderTable(currency, rows));
  return [
    ...tables,
    '',
    ...report.months.flatMap((month) => causesOf(month.adjusts, month.bookedIn, month.causes)),
  ].join('\n');
}

function renderTable(currency: string, lines: Adjustments['lines']): string {
  const billed = roundParts(lines.map((line) => line.reported.billedCost));
  const effective = roundParts(lines.map((line) => line.reported.effectiveCost));
  const value = roundParts(lines.map((line) => line.reported.amount));
  const rows = lines.map((line, index) => [
    line.bookedIn,
    line.adjusts,
    cutTo(line.podId ?? 'unattributed', POD_WIDTH_MAX),
    line.outcomeId === null ? line.kind : `${line.kind} of outcome ${line.outcomeId}`,
    ...[billed, effective, value].map((column) => withThousands(column.parts[index] ?? '')),
  ]);
  rows.push(['total', '', '', '', ...[billed, effective, value].map((column) => withThousands(column.total))]);
  const heads = ['booked in', 'adjusts', 'pod', 'what', `BilledCost ${currency}`, 'EffectiveCost', 'value'];
  return textTable(heads, rows, [4, 5, 6]);
}

function causesOf(adjusts: string, bookedIn: string, causes: AdjustmentCauses): string[] {
  const { loads, rulebook, outcomes, rates } = causes;
  const facts = [
    ...loads.map(({ sourceId, billingPeriod, was, now }) => {
      const bill = `bill ${billingPeriod} of ${sourceId}`;
      if (was === null) return `load ${now ?? ''} came (${bill})`;
      return now === null ? `load ${was} counts no more (${bill})` : `load ${now} replaced load ${was} (${bill})`;
    }),
    ...(rulebook === null ? [] : [`rulebook ${rulebook.now} for ${rulebook.was}`]),
    ...outcomes.map(
      ({ outcomeId, was, now }) => `outcome ${outcomeId} version ${now}${was === null ? '' : ` for ${was}`}`,
    ),
    ...rates.map(({ currency, days }) => `rates of ${currency} on ${days} ${days === 1 ? 'day' : 'days'}`),
  ];
  const without = 'shares of split cost, or what was booked before a reissue is reversed';
  return [`${adjusts}, booked in ${bookedIn}: ${facts.length === 0 ? without : facts.join('; ')}.`];
}

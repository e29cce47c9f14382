/** Prior-period adjustments as tables: cost, and value by what it is, in the reporting currency, adding up; under them what caused them. */
import { ZERO } from '../../services/kernel/decimal.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { AdjustmentCauses } from '../../services/periods/adjustment-causes.ts';
import type { AdjustmentTotals } from '../../services/periods/adjustment-totals.ts';
import type { AdjustmentLine, Adjustments } from '../../services/periods/adjustments.ts';
import { asMoney, cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const POD_WIDTH_MAX = 24;

export function renderAdjustments(report: Adjustments): string {
  const { lines, totals } = report;
  if (lines.length === 0) return noneIn(report);
  const tables = totals.flatMap((total) => {
    const ofCurrency = lines.filter((line) => line.reported.currency === total.currency);
    return [costTable(total.currency, ofCurrency.filter(isCost)), valueTable(total, ofCurrency.filter(isValue))];
  });
  return [
    tables.filter((table) => table !== '').join('\n\n'),
    '',
    ...report.months.flatMap((month) => causesOf(month.adjusts, month.bookedIn, month.causes)),
  ].join('\n');
}

/** With the month to look in, where it is another one. */
function noneIn({ period, adjustingMonth }: Adjustments): string {
  const none = `No adjustment of a closed month in ${period.id}.`;
  if (adjustingMonth === null) return `${none} No month is closed yet.`;
  const firstDay = `${adjustingMonth}-01`;
  return period.start <= firstDay && firstDay < period.end
    ? none
    : `${none} What changes now is booked in ${adjustingMonth}: outturn report adjustments --period ${adjustingMonth}`;
}

type Lines = Adjustments['lines'];

function isCost({ kind }: AdjustmentLine): boolean {
  return kind === 'direct' || kind === 'shared';
}

function isValue(line: AdjustmentLine): boolean {
  return !isCost(line);
}

function costTable(currency: string, lines: Lines): string {
  if (lines.length === 0) return '';
  const billed = roundParts(lines.map((line) => line.reported.billedCost));
  const effective = roundParts(lines.map((line) => line.reported.effectiveCost));
  const rows = lines.map((line, index) => [
    ...placeOf(line),
    line.kind,
    ...[billed, effective].map((column) => withThousands(column.parts[index] ?? '')),
  ]);
  rows.push(['total', '', '', '', ...[billed, effective].map((column) => withThousands(column.total))]);
  return textTable(['booked in', 'adjusts', 'pod', 'cost', `BilledCost ${currency}`, 'EffectiveCost'], rows, [4, 5]);
}

/** Each line in the column of what it is: only what enters the return is the value that a value report names. */
function valueTable(totals: AdjustmentTotals, lines: Lines): string {
  if (lines.length === 0) return '';
  const only = (isWanted: (line: AdjustmentLine) => boolean) =>
    roundParts(lines.map((line) => (isWanted(line) ? line.reported.amount : ZERO)));
  const wanted = [
    (line: AdjustmentLine) => line.beside === null && line.kind === 'value-verified',
    (line: AdjustmentLine) => line.beside === null && line.kind === 'value-claimed',
    (line: AdjustmentLine) => line.beside !== null,
  ];
  const columns = wanted.map((isWanted) => ({ isWanted, ...only(isWanted) }));
  const rows = lines.map((line, index) => [
    ...placeOf(line),
    [`${line.outcomeId ?? ''} ${line.kind === 'value-verified' ? 'verified' : 'claimed'}`, ...nameOf(line.beside)].join(
      ', ',
    ),
    ...columns.map(({ isWanted, parts }) => (isWanted(line) ? withThousands(parts[index] ?? '') : '')),
  ]);
  // Bases beside the return are never added up.
  rows.push(['total', '', '', '', ...columns.slice(0, 2).map(({ total }) => withThousands(total)), '']);
  const heads = ['booked in', 'adjusts', 'pod', 'outcome', `verified ${totals.currency}`, 'claimed', 'beside'];
  return [textTable(heads, rows, [4, 5, 6]), ...besideOf(totals)].join('\n');
}

function placeOf({ bookedIn, adjusts, podId }: AdjustmentLine): string[] {
  return [bookedIn, adjusts, cutTo(podId ?? 'unattributed', POD_WIDTH_MAX)];
}

function nameOf(beside: string | null): string[] {
  return beside === null ? [] : [beside.replaceAll('_', ' ')];
}

function besideOf({ beside, besideVerified, currency }: AdjustmentTotals): string[] {
  const parts = Object.entries(beside).map(
    ([basis, amount]) =>
      `${basis.replaceAll('_', ' ')} ${asMoney(amount)} ${currency}, ${asMoney(besideVerified[basis] ?? ZERO)} of it verified`,
  );
  return parts.length === 0 ? [] : [`Beside the return: ${parts.join('; ')}.`];
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

/**
 * What a plan moves, as tables: pods by month, then rules, then origins. Printed columns add up to their totals, and every printed
 * difference is the printed new figure less the printed former one.
 */
import { decimal, type Decimal, subtract } from '../../services/kernel/decimal.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { OriginMoved, OriginsMoved } from '../../services/replay/moved-charges.ts';
import type { PlanMoney } from '../../services/replay/plan-money.ts';
import type { Moved, PodMonthMoved } from '../../services/replay/planned-figures.ts';
import { asMoney, cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const NAME_WIDTH_MAX = 32;

export function renderPlanMoney(money: PlanMoney): string {
  if (money.unchanged) return `No figure moves: every line stays where it is, at the same rates.${ratesLine(money)}`;
  return [
    `What it moves, ${money.costMetric}:`,
    ...money.totals.map((total) => podsTable(total, money)),
    ...closedLines(money),
    `Lines affected: ${withThousands(money.linesAffected)}.${ratesLine(money)}`,
    ...rulesTable(money),
    ...originLines('Newly attributed', money.origins.attributed),
    ...originLines('No longer attributed', money.origins.lost),
  ].join('\n\n');
}

/** The pods of one currency; what the list leaves out is one row, so that the columns add up. */
function podsTable({ currency }: Moved, money: PlanMoney): string {
  const listed = money.pods.filter((row) => row.currency === currency);
  const others = money.others.filter((row) => row.currency === currency);
  const rows = [...listed, ...others];
  const from = roundParts(rows.map((row) => row.from));
  const to = roundParts(rows.map((row) => row.to));
  const names = [
    ...listed.map((row) => [row.month, nameOf(row)]),
    ...others.map((row) => ['', row.changed === 0 ? `${row.rows} unchanged` : `${row.rows} more`]),
  ];
  const line = (name: readonly string[], left: string, right: string) => [
    ...name,
    withThousands(left),
    withThousands(right),
    withSign(subtract(decimal(right), decimal(left))),
  ];
  const body = names.map((name, index) => line(name, from.parts[index] ?? '0.00', to.parts[index] ?? '0.00'));
  const heads = ['month', 'pod', `from ${currency}`, 'to', 'difference'];
  return textTable(heads, [...body, line(['total', ''], from.total, to.total)], [2, 3, 4]);
}

function nameOf({ podId, statementId }: PodMonthMoved): string {
  return `${cutTo(podId ?? 'unattributed', NAME_WIDTH_MAX)}${statementId === null ? '' : ' (closed)'}`;
}

function withSign(difference: Decimal): string {
  const text = asMoney(difference);
  return text.startsWith('-') || difference === '0' ? text : `+${text}`;
}

function closedLines({ adjustments }: PlanMoney): string[] {
  if (adjustments.length === 0) return [];
  const statements = [...new Map(adjustments.map(({ month, statementId }) => [month, statementId]))];
  const named = statements.map(([month, id]) => `${month} (statement ${id})`).join(', ');
  return [`Closed and not touched: ${named}. What differs there becomes prior-period adjustments in the open month.`];
}

function ratesLine({ changedRates }: PlanMoney): string {
  if (changedRates === 0) return '';
  return ` ${changedRates} exchange ${changedRates === 1 ? 'rate is' : 'rates are'} new or corrected.`;
}

function rulesTable({ rules, rulesLeftOut }: PlanMoney): string[] {
  if (rules.length === 0) return [];
  const rows = rules.map((rule) => [
    cutTo(rule.ruleId ?? 'no rule', NAME_WIDTH_MAX),
    asMoney(rule.gained),
    withThousands(rule.gainedLines),
    asMoney(rule.lost),
    withThousands(rule.lostLines),
    rule.currency,
  ]);
  const table = textTable(['rule', 'wins', 'lines', 'loses', 'lines', 'currency'], rows, [1, 2, 3, 4]);
  return [rulesLeftOut === 0 ? table : `${table}\n… and ${rulesLeftOut} more rules: --json has the biggest ones only.`];
}

function originLines(title: string, { count, lines, costs, biggest }: OriginsMoved): string[] {
  if (count === 0) return [];
  const sums = costs.map(({ currency, cost }) => `${asMoney(cost)} ${currency}`).join(', ');
  const head = `${title}: origins ${withThousands(String(count))}, lines ${withThousands(lines)}, ${sums}.`;
  const rows = biggest.map((origin) => [
    origin.originId,
    cutTo(whatOf(origin), NAME_WIDTH_MAX),
    cutTo(`${toOf(origin.fromRule, origin.fromPod)} → ${toOf(origin.toRule, origin.toPod)}`, NAME_WIDTH_MAX),
    withThousands(origin.lines),
    asMoney(origin.cost),
    origin.currency,
  ]);
  return [`${head}\n${textTable(['origin', 'what', 'rule → rule', 'lines', 'cost', 'currency'], rows, [3, 4])}`];
}

function whatOf(origin: OriginMoved): string {
  return origin.resourceId ?? [origin.providerName, origin.serviceName].filter((part) => part !== null).join(' ');
}

function toOf(ruleId: string | null, podId: string | null): string {
  const rule = ruleId ?? 'no rule';
  return podId === null ? rule : `${rule} (${podId})`;
}

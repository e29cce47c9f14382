/** Coverage as tables: by account and month, adding up; why the rest is left over; its biggest origins; and rules to paste. */
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { Coverage } from '../../services/reports/coverage.ts';
import type { LeftOverOrigin } from '../../services/reports/coverage-figures.ts';
import { closedLines, withNow } from './closed.ts';
import { asMoney, asPercent, cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

/** More are for a file, not for a screen. */
const ROWS_SHOWN_MAX = 50;
const ORIGINS_SHOWN_MAX = 10;
const NAME_WIDTH_MAX = 24;
const REASON_WIDTH_MAX = 48;

const METRIC_NAMES = {
  BilledCost: 'billedCost',
  EffectiveCost: 'effectiveCost',
  ListCost: 'listCost',
  ContractedCost: 'contractedCost',
} as const;

export function renderCoverage(report: Coverage): string {
  return withNow(report, renderOne);
}

function renderOne(report: Coverage): string {
  if (report.rows.length === 0) return `No cost in ${report.period.id}.`;
  return [accounts(report), '', ...leftOver(report), ...footnotes(report)].join('\n');
}

function accounts(report: Coverage): string {
  const metric = METRIC_NAMES[report.costMetric];
  const attributed = roundParts(report.rows.map((row) => row.attributed[metric]));
  const unattributed = roundParts(report.rows.map((row) => row.unattributed[metric]));
  const rows = report.rows
    .slice(0, ROWS_SHOWN_MAX)
    .map((row, index) => [
      cutTo(row.provider ?? '–', NAME_WIDTH_MAX),
      cutTo(row.subAccountName ?? row.subAccountId ?? row.billingAccountId ?? '–', NAME_WIDTH_MAX),
      row.month,
      withThousands(attributed.parts[index] ?? ''),
      withThousands(unattributed.parts[index] ?? ''),
      asPercent(row.share),
    ]);
  const sums = [withThousands(attributed.total), withThousands(unattributed.total), asPercent(report.total.share)];
  const hidden = report.rows.length - rows.length;
  if (hidden > 0) rows.push([`… ${hidden} more`, '', '', '', '', '']);
  const heads = ['provider', 'account', 'month', 'attributed', 'unattributed', 'share'];
  return textTable(heads, [...rows, ['total', '', '', ...sums]], [3, 4, 5]);
}

function leftOver(report: Coverage): string[] {
  if (report.reasons.length === 0) return ['All of it is attributed.', ''];
  const metric = METRIC_NAMES[report.costMetric];
  const costs = roundParts(report.reasons.map((one) => one[metric]));
  const reasons = report.reasons.map((one, index) => [
    cutTo(one.reason, REASON_WIDTH_MAX),
    withThousands(costs.parts[index] ?? ''),
    String(one.lines),
    String(one.origins),
  ]);
  const origins = report.origins
    .slice(0, ORIGINS_SHOWN_MAX)
    .map((one) => [
      one.originId,
      cutTo(one.provider ?? '–', NAME_WIDTH_MAX),
      cutTo(nameOf(one), NAME_WIDTH_MAX),
      asMoney(one[metric]),
      String(one.lines),
    ]);
  return [
    textTable(['unattributed because', 'cost', 'lines', 'origins'], reasons, [1, 2, 3]),
    '',
    textTable(['biggest origins', 'provider', 'what', 'cost', 'lines'], origins, [3, 4]),
    '',
    ...suggestions(report),
  ];
}

function nameOf(origin: LeftOverOrigin): string {
  return origin.resourceName ?? origin.resourceId ?? origin.serviceName ?? origin.subAccountId ?? '–';
}

function suggestions({ suggestions: suggested, currency, notConsidered }: Coverage): string[] {
  if (suggested.length === 0) return [];
  return [
    'Rules that would catch it, each what those above it leave; for the end of the rules in outturn.yaml:',
    ...suggested.map(
      (one) => `  ${one.yaml}   # ${asMoney(one.cost)} ${currency} (${asPercent(one.share)}), ${one.lines} lines`,
    ),
    ...(notConsidered === null
      ? []
      : [
          `  Not looked at, for its parts are too small: ${asMoney(notConsidered.cost)} ${currency} of ${notConsidered.origins} origins.`,
        ]),
    '',
  ];
}

function footnotes(report: Coverage): string[] {
  return [
    `${report.period.id}${report.state === 'open' ? ' as billed so far' : ''}: ${report.costMetric} in ${report.currency}, complete through ${report.period.through ?? 'no day yet'}, rulebook ${report.rulebook}.`,
    ...closedLines(report),
  ];
}

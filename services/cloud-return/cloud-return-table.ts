/** The CIO's quarter as one table of exact figures: which section, what of it, which quarter, how much. */
import { type Cell, figures, type ReportTable } from '../sheets/report-table.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Bridge } from './bridge.ts';
import type { CloudReturn } from './shape.ts';
import { hasFigures, scopeName } from './wording.ts';

const HEAD = ['quarter', 'state', 'statement', 'section', 'item', 'of', 'figure', 'value', 'currency'];

export function cloudReturnTable(found: CloudReturn): ReportTable {
  const { quarter, state, statementId, currency } = found;
  const head: Cell[] = [...figures(quarter.id), state, ...figures(statementId)];
  const money = (section: string, item: string, of: string, figure: string, value: string | null): Cell[] => [
    ...head,
    section,
    item,
    of,
    figure,
    ...figures(value),
    currency,
  ];
  const ratio = (section: string, item: string, of: string, figure: string, value: string | null): Cell[] => [
    ...money(section, item, of, figure, value).slice(0, -1),
    null,
  ];
  const bridgeRows = (name: string, bridge: Bridge | null) =>
    bridge === null
      ? []
      : [
          money(name, 'opening', asDays(bridge.from, bridge.through), 'amount', bridge.opening),
          ...bridge.steps.map(({ step, amount }) => money(name, step, quarter.id, 'amount', amount)),
          money(name, 'closing', quarter.id, 'amount', bridge.closing),
          money(name, 'residual', quarter.id, 'amount', bridge.residual),
        ];
  const { outcomes, summary } = found;
  const { sinceStart } = summary;
  const sinceStartRows =
    sinceStart === undefined || sinceStart === null
      ? []
      : [
          money('since start', 'cost', sinceStart.since, 'amount', sinceStart.cost),
          money('since start', 'verified value', sinceStart.since, 'amount', sinceStart.verified),
          ratio('since start', 'return', sinceStart.since, 'ratio', sinceStart.return),
          ratio('since start', 'return on total', sinceStart.since, 'ratio', sinceStart.returnOnTotal),
          ratio('since start', 'coverage of cost', sinceStart.since, 'ratio', sinceStart.coverage.cost),
        ];
  const outcomeRows =
    outcomes === undefined
      ? []
      : [
          ...Object.entries(outcomes.verifiedByBasis).map(([basis, amount]) =>
            money('verified by basis', basis, quarter.id, 'amount', amount),
          ),
          ...outcomes.claims.byAge.flatMap(({ fromDays, toDays, outcomes: count, value }) => {
            const age = toDays === null ? `${fromDays}+ days` : `${fromDays}-${toDays} days`;
            return [
              ratio('claims by age', age, quarter.id, 'outcomes', String(count)),
              money('claims by age', age, quarter.id, 'claimed', value),
            ];
          }),
        ];
  const { approved, lastQuarter, yearAgo, withoutVerifiedOutcome } = summary;
  const comparedRows = [lastQuarter, yearAgo].flatMap(({ period, through, costChange, costChangeRatio }) => [
    money('compared', 'cost', asDays(period, through), 'change', costChange),
    ratio('compared', 'cost', asDays(period, through), 'change ratio', costChangeRatio),
  ]);
  const approvedRows =
    approved === null
      ? []
      : [
          money('approved', approved.of, quarter.id, 'limit', approved.limit),
          money('approved', approved.of, quarter.id, 'actual', approved.actual),
          ratio('approved', approved.of, quarter.id, 'used', approved.used),
        ];
  const envelopeRows = [
    ...found.envelopes.scopes.map((one) => ({ ...one, item: scopeName(one.scope) })),
    ...found.pods.flatMap(({ podId, envelope }) => (envelope === null ? [] : [{ ...envelope, item: podId }])),
  ].flatMap(({ item, limit, actual, used, currency: own }) => [
    [...money('envelopes', item, quarter.id, 'limit', limit).slice(0, -1), own],
    [...money('envelopes', item, quarter.id, 'actual', actual).slice(0, -1), own],
    ratio('envelopes', item, quarter.id, 'used', used),
  ]);
  const serviceOf = ({ providerName, serviceName }: { providerName: string | null; serviceName: string | null }) =>
    `${providerName ?? ''} ${serviceName ?? ''}`.trim();
  const { movers, unattributed } = found;
  const moverRows =
    movers === null
      ? []
      : [
          ...[...movers.up, ...movers.down].map((mover) =>
            money('movers', mover.podId ?? 'unattributed', serviceOf(mover), 'change', mover.change),
          ),
          money('movers', 'everything else', '', 'change', movers.rest),
        ];
  const rows = [
    ...found.scorecard.flatMap((one) => [
      money('scorecard', 'cost', one.period, 'amount', one.cost),
      money('scorecard', 'verified value', one.period, 'amount', one.verified),
      money('scorecard', 'claimed value', one.period, 'amount', one.claimed),
      ratio('scorecard', 'return', one.period, 'ratio', one.return),
      ratio('scorecard', 'return on total', one.period, 'ratio', one.returnOnTotal),
      ratio('scorecard', 'coverage of cost', one.period, 'ratio', one.coverage.cost),
      ratio('scorecard', 'joined coverage', one.period, 'ratio', one.coverage.joined),
    ]),
    ...comparedRows,
    ...approvedRows,
    money('without a verified outcome', 'cost', quarter.id, 'amount', withoutVerifiedOutcome.cost),
    ratio('without a verified outcome', 'cost', quarter.id, 'share', withoutVerifiedOutcome.share),
    ...sinceStartRows,
    ...bridgeRows('cost bridge', found.costBridge),
    ...bridgeRows('value bridge', found.valueBridge),
    ...envelopeRows,
    ...found.pods.flatMap((pod) => [
      money('pods', pod.podId, quarter.id, 'cost', pod.cost.total),
      money('pods', pod.podId, quarter.id, 'verified', pod.value.verified),
      money('pods', pod.podId, quarter.id, 'claimed', pod.value.claimed),
      ratio('pods', pod.podId, quarter.id, 'return', pod.return),
      ...(pod.detail === undefined
        ? []
        : [ratio('pods', pod.podId, quarter.id, 'return since start', pod.detail.cumulative?.return ?? null)]),
    ]),
    ...outcomeRows,
    ...found.unitCosts.flatMap(({ outcomeType, unit, quarters }) =>
      quarters.flatMap((one) => [
        ratio('unit costs', outcomeType, one.period, `quantity, ${unit}`, one.quantity),
        money('unit costs', outcomeType, one.period, 'pods’ cost', one.cost),
        money('unit costs', outcomeType, one.period, 'a unit', one.unitCost),
      ]),
    ),
    ...moverRows,
    money('unattributed', 'unattributed', quarter.id, 'cost', unattributed.cost),
    money('unattributed', 'unattributed', quarter.id, 'verified', unattributed.verified),
    money('unattributed', 'unattributed', quarter.id, 'claimed', unattributed.claimed),
    ...unattributed.rows.map((row) => money('unattributed', serviceOf(row), quarter.id, 'cost', row.cost)),
    money('unattributed', 'everything else', quarter.id, 'cost', unattributed.rest),
  ];
  return { name: 'cloud return', head: HEAD, rows: hasFigures(found) ? rows : [] };
}

/** `2026-Q2`, or `2026-Q2 through 2026-05-21` where a part of it is meant. */
function asDays(period: string, through: IsoDate | null | undefined): string {
  return through === null || through === undefined ? period : `${period} through ${through}`;
}

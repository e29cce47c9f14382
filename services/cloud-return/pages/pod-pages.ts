/** Envelopes, returns, unit costs and movers as tables. */
import {
  compare,
  type Decimal,
  decimal,
  isZero,
  ratio,
  roundForPresentation,
  subtract,
  sum,
  ZERO,
} from '../../kernel/decimal.ts';
import type { ValuePerPodRow } from '../../reports/compose-value.ts';
import type { Mover } from '../movers.ts';
import type { CloudReturn } from '../shape.ts';
import { asChange, partOf, scopeName, sentence, soFar } from '../wording.ts';
import {
  asFigure,
  asPercent,
  asReturn,
  footingTo,
  footingWithRest,
  NOT_AVAILABLE,
  type PageSection,
  placesFor,
  podNamer,
  signed,
  withThousands,
} from './page-table.ts';

const UNIT_QUARTERS_SHOWN = 8;
const NAMES_SHOWN = 12;
const ONE = decimal('1');
const ENVELOPES_READ =
  'Actual is what of the approval is used so far, at the exchange rates of the approval, so that it may differ a little from the cost. It counts controlled cost (direct, and shared cost that the pod owns) or loaded cost (direct, and its share of shared cost). Near: a threshold below all of it is reached, 80 % where no other is set; over: one at all of it or above.';

export function envelopeSection({ envelopes, pods, summary }: CloudReturn): PageSection {
  const places = placesFor(summary.figures.cost);
  const scopes = envelopes.scopes.map((one) => [
    scopeName(one.scope),
    asFigure(one.limit, places),
    asFigure(one.actual, places),
    asPercent(one.used),
    one.currency ?? '',
    one.counts ?? '',
    one.state,
  ]);
  const ofPods = pods
    .toSorted(byUse)
    .flatMap(({ name, envelope }) =>
      envelope === null
        ? []
        : [
            [
              name,
              asFigure(envelope.limit, places),
              asFigure(envelope.actual, places),
              asPercent(envelope.used),
              envelope.currency,
              envelope.counts,
              envelope.state,
            ],
          ],
    );
  const rows = [...scopes, ...ofPods];
  const without = envelopes.podsWithout;
  return {
    title: 'Envelopes',
    lead: rows.length === 0 ? ['Not assessed: nothing is approved for this quarter.'] : [],
    table:
      rows.length === 0
        ? null
        : {
            heads: ['', 'approved', 'actual', 'used', 'currency', 'counts', 'state'],
            figures: [1, 2, 3],
            rows,
            totals: 0,
          },
    notes: [
      ...(rows.length === 0 ? [] : [ENVELOPES_READ]),
      ...(without.length === 0 ? [] : [`Without an envelope of the quarter: ${listOf(without.map(podNamer(pods)))}.`]),
    ],
  };
}

/** The most used first, however it came to that. */
function byUse(left: ValuePerPodRow, right: ValuePerPodRow): number {
  const [one, other] = [left, right].map(({ envelope }) => decimal(envelope?.used ?? '0'));
  return compare(other ?? ZERO, one ?? ZERO) || (left.podId < right.podId ? -1 : 1);
}

function listOf(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return more <= 0 ? names.join(', ') : `${names.slice(0, NAMES_SHOWN).join(', ')} and ${more} more`;
}

export function podSection({ pods, summary, unattributed, currency, method }: CloudReturn): PageSection {
  const places = placesFor(summary.figures.cost);
  const ordered = pods.toSorted(
    (left, right) => compare(right.value.verified, left.value.verified) || (left.podId < right.podId ? -1 : 1),
  );
  const column = (figure: (pod: ValuePerPodRow) => Decimal, rest: Decimal) =>
    footingWithRest(ordered.map(figure), rest, places);
  const cost = column((pod) => pod.cost.total, unattributed.cost);
  const verified = column((pod) => pod.value.verified, unattributed.verified);
  const claimed = column((pod) => pod.value.claimed, unattributed.claimed);
  const at = (figures: { parts: readonly string[] }, index: number) => figures.parts[index] ?? '';
  const { sinceStart } = summary;
  // What was kept before there was any has none.
  const hasSinceStart = sinceStart !== undefined;
  const beside = (...cells: string[]) => (hasSinceStart ? cells : []);
  return {
    title: 'Return per pod',
    lead: [
      'By verified value. Of outcomes that several pods share each pod’s part is what it contributed to. Value of bases that never enter the return stands under Verified value by basis.',
    ],
    table: {
      heads: ['pod', `cost ${currency}`, 'verified', 'claimed', 'return', ...beside('since start', 'paid back in')],
      figures: [1, 2, 3, 4, 5],
      rows: [
        ...ordered.map((pod, index) => [
          pod.name,
          at(cost, index),
          at(verified, index),
          at(claimed, index),
          returnOf(pod),
          ...beside(...sinceStartOf(pod)),
        ]),
        [
          'unattributed',
          cost.rest,
          verified.rest,
          claimed.rest,
          NOT_AVAILABLE,
          ...beside(NOT_AVAILABLE, NOT_AVAILABLE),
        ],
        [
          'total',
          cost.total,
          verified.total,
          claimed.total,
          asReturn(summary.figures.returnOnTotal),
          ...beside(asReturn(sinceStart?.returnOnTotal ?? null), ''),
        ],
      ],
      totals: 1,
    },
    notes: [
      `${sentence(method.returnScope)} The total’s return is on all spend, the unattributed included; that on attributed spend is ${asReturn(summary.figures.return)}. Platform pods have no return: what they enable stands under Platform pods.`,
      ...beside(
        'Since start: verified value of all days of the pod up to the last one of this page, divided by its cost of the same days, for benefit lags cost; paid back in the first month after which as much was verified as was spent.',
      ),
    ],
  };
}

/** Return since the pod's start, and when it was paid back. */
function sinceStartOf({ detail, kind }: ValuePerPodRow): [string, string] {
  if (kind === 'platform') return [NOT_AVAILABLE, NOT_AVAILABLE];
  const found = detail?.cumulative?.return ?? null;
  return [asReturn(found), found === null ? NOT_AVAILABLE : (detail?.paybackMonth ?? 'not yet')];
}

function returnOf(pod: ValuePerPodRow): string {
  return pod.returnNote === 'enabling' ? 'n/a: enabling' : asReturn(pod.return);
}

export function unitCostSection(found: CloudReturn): PageSection {
  const { unitCosts, currency, summary } = found;
  const places = placesFor(summary.figures.cost);
  const rows = unitCosts.flatMap(({ outcomeType, unit, quarters }) =>
    quarters
      .slice(-UNIT_QUARTERS_SHOWN)
      .map((quarter, index, shown) => [
        outcomeType,
        quarter.period === found.quarter.id ? soFar(found) : quarter.period,
        `${withThousands(quarter.quantity)} ${unit}`,
        asFigure(quarter.cost, places),
        asUnitCost(quarter.unitCost),
        changeOf(quarter.unitCost, shown[index - 1]?.unitCost ?? null),
      ]),
  );
  return {
    title: 'Unit cost, within one type of outcome',
    lead: rows.length === 0 ? ['Not assessed: no verified outcome has a type and a quantity yet.'] : [],
    table:
      rows.length === 0
        ? null
        : {
            heads: ['type', 'quarter', 'verified', `pods’ cost ${currency}`, `${currency} a unit`, 'change'],
            figures: [2, 3, 4, 5],
            rows,
            totals: 0,
          },
    notes:
      rows.length === 0
        ? []
        : ['Read down one type, never across types: a pod with several types counts in each of them.'],
  };
}

/** Four decimals below one. */
function asUnitCost(unitCost: string | null): string {
  if (unitCost === null) return NOT_AVAILABLE;
  const exact = decimal(unitCost);
  return withThousands(roundForPresentation(exact, compare(exact, ONE) < 0 ? 4 : 2));
}

function changeOf(unitCost: string | null, before: string | null): string {
  if (unitCost === null || before === null || isZero(decimal(before))) return NOT_AVAILABLE;
  return asChange(ratio(subtract(decimal(unitCost), decimal(before)), decimal(before)));
}

export function moverSection(found: CloudReturn): PageSection {
  const { movers, costBridge, currency, summary, pods } = found;
  const title = 'Movers';
  if (movers === null)
    return { title, lead: ['Not assessed: there is no quarter before this one.'], table: null, notes: [] };
  const places = placesFor(summary.figures.cost);
  // What would be printed as nothing is no mover.
  const named = [...movers.up, ...movers.down].filter(
    ({ change }) => !isZero(decimal(roundForPresentation(change, places))),
  );
  const rest = subtract(movers.change, sum(named.map(({ change }) => change)));
  const changes = footingTo([...named.map(({ change }) => change), rest], movers.change, places);
  const from = costBridge === null ? '' : partOf(costBridge.from, costBridge.through);
  const nameOf = podNamer(pods);
  return {
    title,
    lead: [],
    table: {
      heads: ['pod', 'service', from, soFar(found), `change ${currency}`],
      figures: [2, 3, 4],
      rows: [
        ...named.map((mover, index) => [
          nameOf(mover.podId),
          serviceOf(mover),
          asFigure(mover.before, places),
          asFigure(mover.after, places),
          signed(changes.parts[index] ?? ''),
        ]),
        ['everything else', '', '', '', signed(changes.parts.at(-1) ?? '')],
        ['total', '', '', '', signed(changes.total)],
      ],
      totals: 1,
    },
    notes: [
      'The ten greatest either way, at last quarter’s exchange rates: their total is the bridge without exchange rates.',
    ],
  };
}

/** And whether only one of the two quarters has it. */
function serviceOf({ serviceName, providerName, driver }: Mover): string {
  const provider = providerName === null ? '' : ` (${providerName})`;
  return `${serviceName ?? 'no service named'}${provider}${driver === 'new' || driver === 'ended' ? `, ${driver}` : ''}`;
}

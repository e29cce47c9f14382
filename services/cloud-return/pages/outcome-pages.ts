/** What the quarter's value is made of (verified value by basis, claims by their age), and what platform pods made possible. */
import { compare, type Decimal, ZERO } from '../../kernel/decimal.ts';
import type { CloudReturn } from '../shape.ts';
import { asFigure, footingTo, type PageSection, placesFor, podNamer } from './page-table.ts';

const BASIS_NAMES: Readonly<Record<string, string>> = {
  revenue: 'Revenue',
  revenue_gross: 'Revenue, gross',
  cost_reduction: 'Cost reduction',
  cost_avoided: 'Cost avoided',
  risk_reduced: 'Risk reduced',
  capacity_released: 'Capacity released',
};

/** Null where it was kept before there was any. */
export function valueBasisSection({ outcomes, summary, currency, revenueBasis }: CloudReturn): PageSection | null {
  if (outcomes === undefined) return null;
  const { cost, verified } = summary.figures;
  const places = placesFor(cost);
  const bases = Object.entries(outcomes.verifiedByBasis).sort(byAmount);
  const entering = bases.filter(([basis]) => basis === 'revenue' || basis === 'cost_reduction');
  const beside = bases.filter((basis) => !entering.includes(basis));
  const figures = footingTo(
    entering.map(([, amount]) => amount),
    verified,
    places,
  );
  const named = ([basis]: readonly [string, Decimal]) => BASIS_NAMES[basis] ?? basis;
  const title = 'Verified value by basis';
  if (bases.length === 0) return { title, lead: ['Nothing is verified yet.'], table: null, notes: [] };
  return {
    title,
    lead: [],
    table: {
      heads: ['basis', `verified ${currency}`, ''],
      figures: [1],
      rows: [
        ...beside.map((basis) => [named(basis), asFigure(basis[1], places), 'beside the return']),
        ...entering.map((basis, index) => [named(basis), figures.parts[index] ?? '', 'in the return']),
        ['in the return together', figures.total, ''],
      ],
      totals: 1,
    },
    notes: [
      `Revenue enters the return as ${revenueBasis}. What stands beside the return is verified too, and in no ratio and no other figure of this report.`,
    ],
  };
}

/** Null where it was kept before there was any. */
export function claimAgeSection({ outcomes, summary, currency }: CloudReturn): PageSection | null {
  if (outcomes === undefined) return null;
  const { claims } = outcomes;
  const title = 'Claims by age';
  const count = claims.byAge.reduce((all, one) => all + one.outcomes, 0);
  if (count === 0) return { title, lead: ['No claim of the quarter waits for verification.'], table: null, notes: [] };
  const places = placesFor(summary.figures.cost);
  const values = footingTo(
    claims.byAge.map(({ value }) => value),
    summary.figures.claimed,
    places,
  );
  return {
    title,
    lead: [],
    table: {
      heads: ['days since it was claimed', 'outcomes', `claimed ${currency}`],
      figures: [1, 2],
      rows: [
        ...claims.byAge.map(({ fromDays, toDays, outcomes: number }, index) => [
          toDays === null ? `more than ${fromDays - 1}` : `${fromDays} to ${toDays}`,
          String(number),
          values.parts[index] ?? '',
        ]),
        ['together', String(count), values.total],
      ],
      totals: 1,
    },
    notes: [
      'Of all claims with a part in the quarter, as old as they are on the day this was made; only value of bases that enter the return once it is verified.',
    ],
  };
}

/** Null where there is no platform pod. */
export function enablingSection({ enabling = [], pods, summary, currency }: CloudReturn): PageSection | null {
  if (enabling.length === 0) return null;
  const places = placesFor(summary.figures.cost);
  const costs = new Map(pods.map(({ podId, cost }) => [podId, cost.total]));
  const nameOf = podNamer(pods);
  return {
    title: 'Platform pods',
    lead: [],
    table: {
      heads: ['pod', `cost ${currency}`, 'outcomes that name it', 'pods served', 'served'],
      figures: [1, 2, 3],
      rows: enabling.map(({ podId, name, outcomes, served }) => [
        name,
        asFigure(costs.get(podId) ?? ZERO, places),
        String(outcomes),
        String(served.length),
        served.map((one) => nameOf(one.podId)).join(', '),
      ]),
      totals: 0,
    },
    notes: [
      'They have no return of their own. Served: pods whose outcomes name them, or that carry a share of cost that platform pods answer for. Time to productive work and waiting removed are not assessed.',
    ],
  };
}

function byAmount(left: readonly [string, Decimal], right: readonly [string, Decimal]): number {
  return compare(right[1], left[1]) || (left[0] < right[0] ? -1 : 1);
}

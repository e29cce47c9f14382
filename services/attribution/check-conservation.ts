/**
 * The promise of conservation, checked where figures are made: per month, currency and metric, what is found equals what is
 * expected, to the last decimal. A difference ends the transaction; nothing that does not add up is ever published.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { COST_METRICS, type CostMetric } from './rulebook.ts';

/** The column of each cost metric, in the order of COST_METRICS. */
export const METRIC_COLUMN = {
  BilledCost: 'billed_cost',
  EffectiveCost: 'effective_cost',
  ListCost: 'list_cost',
  ContractedCost: 'contracted_cost',
} as const satisfies Record<CostMetric, string>;
export const METRIC_COLUMNS = COST_METRICS.map((metric) => METRIC_COLUMN[metric]);

interface Difference {
  readonly charge_month: string | null;
  readonly billing_currency: string;
  readonly metric: CostMetric;
  readonly expected: string;
  readonly found: string;
}

/**
 * Compares two queries that give charge_month (or null), billing_currency and the four metrics, in any number of rows.
 * @throws AppError conservation_broken naming month, currency, metric and both figures of the first difference.
 */
export async function refuseDifferences(
  trx: Transaction<DB>,
  comparison: { what: string; expected: RawBuilder<unknown>; found: RawBuilder<unknown> },
): Promise<void> {
  const sums = sql.join(METRIC_COLUMNS.map((column) => sql`sum(${sql.ref(column)}) as ${sql.ref(column)}`));
  const sidesByMetric = COST_METRICS.map((metric) => {
    const column = METRIC_COLUMN[metric];
    return sql`(${metric}::text, coalesce(${sql.ref(`expected.${column}`)}, 0), coalesce(${sql.ref(`found.${column}`)}, 0))`;
  });
  const { rows } = await sql<Difference>`
    select coalesce(expected.charge_month, found.charge_month) as charge_month,
      coalesce(expected.billing_currency, found.billing_currency) as billing_currency,
      side.metric, side.expected::text as expected, side.found::text as found
    from (select charge_month, billing_currency, ${sums} from (${comparison.expected}) as one group by 1, 2) as expected
    full join (select charge_month, billing_currency, ${sums} from (${comparison.found}) as one group by 1, 2) as found
      on found.billing_currency = expected.billing_currency
      and coalesce(found.charge_month, '-infinity') = coalesce(expected.charge_month, '-infinity')
    cross join lateral (values ${sql.join(sidesByMetric)}) as side (metric, expected, found)
    where side.expected <> side.found
    order by 1, 2, 3 limit 10
  `.execute(trx);
  const [first] = rows;
  if (first === undefined) return;
  const month = first.charge_month === null ? '' : ` of ${first.charge_month.slice(0, 7)}`;
  throw new AppError(
    'conservation_broken',
    `The ${comparison.what} does not add up: ${first.metric} in ${first.billing_currency}${month} should be ${first.expected} ` +
      `and is ${first.found}. Nothing was changed. This is a fault of Outturn; please report it with this message.`,
    { details: { differences: rows } },
  );
}

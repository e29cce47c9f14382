/**
 * Freezes the rows of a month: its loads, figures, recognised value, rates, and the corrections of closed months that it books. Reports of
 * its days are made of these rows from then on. The caller holds what keeps figures still (lock-figures.ts).
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { fillConversionRates, listRatedCurrencies } from '../fx/conversion.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { isLoadOfMonth, readCauses } from './adjustment-causes.ts';
import { bookEntities } from './adjustment-entities.ts';
import type { ClosedMonth, DateRange } from './closed-months.ts';
import { ADJUSTMENT_COLUMNS, driftRows } from './drift.ts';
import { bookedAdjustments } from './pod-adjustments.ts';
import { recognisedRows } from './recognised-rows.ts';

const COSTS = sql`billed_cost, effective_cost, list_cost, contracted_cost`;

export interface FreezeScope {
  readonly statementId: number;
  readonly month: DateRange;
  readonly rulebookId: number;
  /** The reporting currency. */
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly revenueBasis: 'margin' | 'gross';
  /** Closed months before this one, whole, whose corrections it books. */
  readonly closedBefore: readonly ClosedMonth[];
  /** The statement it takes the place of. */
  readonly supersedesId: number | null;
}

/** Writes every frozen row of a month but those of its value report. Conversions are stored already. */
export async function freezeMonth(trx: Transaction<DB>, scope: FreezeScope): Promise<void> {
  await freezeLoads(trx, scope);
  await freezeCosts(trx, scope);
  await freezeValues(trx, scope);
  await bookAdjustments(trx, scope);
  await bookEntities(trx, scope);
  await freezeRates(trx, scope);
}

/** Any current load with a charge in the month, whatever its billing period. */
async function freezeLoads(trx: Transaction<DB>, { statementId, month, rulebookId }: FreezeScope): Promise<void> {
  await sql`
    insert into statement_load (statement_id, load_id)
    select ${statementId}::integer, load.id
    from (select ${month.start}::date as month_start, ${month.end}::date as month_end) as month
    join load on ${isLoadOfMonth(rulebookId)}
  `.execute(trx);
}

async function freezeCosts(trx: Transaction<DB>, { statementId, month }: FreezeScope): Promise<void> {
  const ofMonth = sql`charge_date >= ${month.start}::date and charge_date < ${month.end}::date`;
  await sql`
    insert into statement_pod_day (statement_id, charge_date, pod_id, kind, billing_currency, ${COSTS})
    select ${statementId}::integer, charge_date, pod_id, kind, billing_currency, ${COSTS} from pod_day where ${ofMonth}
  `.execute(trx);
  await sql`
    insert into statement_shared_cost (statement_id, charge_date, load_id, rule_id, owner_pod_id, pod_id, provider_name, service_name,
      charge_category, billing_currency, ${COSTS})
    select ${statementId}::integer, charge_date, load_id, rule_id, owner_pod_id, pod_id, provider_name, service_name, charge_category,
      billing_currency, ${COSTS} from shared_cost where ${ofMonth}
  `.execute(trx);
  await sql`
    insert into statement_shared_month (statement_id, charge_month, load_id, rule_id, pod_id, provider_name, service_name,
      charge_category, billing_currency, ${COSTS})
    select ${statementId}::integer, charge_month, load_id, rule_id, pod_id, provider_name, service_name, charge_category,
      billing_currency, ${COSTS} from shared_month where charge_month = ${month.start}::date
  `.execute(trx);
}

async function freezeValues(trx: Transaction<DB>, { statementId, month, revenueBasis }: FreezeScope): Promise<void> {
  await sql`
    insert into statement_value (statement_id, recognised_on, outcome_id, outcome_version, pod_id, state, beside, currency, amount)
    select ${statementId}::integer, recognised_on, outcome_id, outcome_version, pod_id, state, beside,
      case when amount is not null then currency end, amount
    from (${recognisedRows([month], revenueBasis)}) as value
  `.execute(trx);
}

/** To every currency that has a rate now, so that the month does not move in any of them when rates come later. */
async function freezeRates(trx: Transaction<DB>, { statementId, currency }: FreezeScope): Promise<void> {
  const need = sql`
    select billing_currency as from_currency, charge_date as on_date from statement_pod_day where statement_id = ${statementId}
    union select currency, recognised_on from statement_value where statement_id = ${statementId} and currency is not null
    union select currency, adjusted_on from statement_adjustment where statement_id = ${statementId}`;
  const targets = [...new Set([currency, ...(await listRatedCurrencies(trx))])];
  await fillConversionRates(trx, { need, to: targets });
  await sql`
    insert into statement_rate (statement_id, from_currency, to_currency, on_date, rate)
    select ${statementId}::integer, from_currency, to_currency, on_date, rate
    from (${need}) as need join conversion_rate using (from_currency, on_date) where to_currency = any(${targets}::text[])
  `.execute(trx);
}

async function bookAdjustments(trx: Transaction<DB>, scope: FreezeScope): Promise<void> {
  const { statementId, closedBefore } = scope;
  if (closedBefore.length === 0) return;
  await sql`
    insert into statement_adjustment (statement_id, ${ADJUSTMENT_COLUMNS})
    select ${statementId}::integer, ${ADJUSTMENT_COLUMNS} from (${driftBefore(scope)}) as drift
  `.execute(trx);
  const causes = [...(await readCauses(trx, bookedAdjustments([statementId])))];
  await sql`
    insert into statement_adjusted_month (statement_id, adjusted_statement_id, causes)
    select ${statementId}::integer, adjusted, causes from unnest(${causes.map(([id]) => id)}::integer[],
      ${causes.map(([, cause]) => canonicalJson(cause))}::text[]) as found (adjusted, causes)
  `.execute(trx);
}

/** What a month books: the drift of the months closed before it, as if the statement it supersedes had booked nothing. */
export function driftBefore(
  scope: Pick<FreezeScope, 'closedBefore' | 'supersedesId' | 'revenueBasis'>,
): RawBuilder<unknown> {
  const { closedBefore, supersedesId, revenueBasis } = scope;
  const without = supersedesId === null ? {} : { withoutBookingsOf: supersedesId };
  return driftRows({ closed: closedBefore, ...without }, revenueBasis);
}

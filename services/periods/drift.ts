/**
 * Prior-period adjustments: what closed months are known as by now, less what their statements say and less what was booked already.
 * A restated bill, another rule, a changed outcome or rate all show here, by day, pod and kind, and nowhere else. Nothing is added up
 * twice: after a reissue the same difference books the reversal by itself.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type ClosedMonth, isStanding } from './closed-months.ts';
import { recognisedRows } from './recognised-rows.ts';

const COSTS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'] as const;
const MONEY = [...COSTS, 'amount'] as const;
const KEY = sql`adjusted_statement_id, adjusted_on, pod_id, kind, outcome_id, beside, currency`;
/** Every column of an adjustment but the statement that books it, in the tables' order. */
export const ADJUSTMENT_COLUMNS = sql`${KEY}, ${sql.join([...MONEY, ...MONEY.map((name) => `reported_${name}`)].map((name) => sql.ref(name)))}`;

export interface DriftScope {
  /** Whole closed months. */
  readonly closed: readonly ClosedMonth[];
  /** What this statement booked does not count: the one that is about to be superseded. */
  readonly withoutBookingsOf?: number;
  /** Only cost, or only the value of these outcomes; all if absent. */
  readonly of?: 'cost' | readonly string[];
}

/**
 * Rows of ADJUSTMENT_COLUMNS and is_missing (a rate is), one per day, pod, kind, outcome and currency that moved. Needs at least one
 * closed month. Most rows are as they were stated: they are joined and dropped before anything is added up.
 */
export function driftRows(scope: DriftScope, revenueBasis: 'margin' | 'gross'): RawBuilder<unknown> {
  const { closed, of } = scope;
  const months = sql`unnest(${closed.map((month) => month.statementId)}::integer[], ${closed.map((month) => month.start)}::date[],
    ${closed.map((month) => month.end)}::date[], ${closed.map((month) => month.currency)}::text[])
    as month (statement_id, month_start, month_end, reporting)`;
  const reported = (name: string) => sql.ref(`reported_${name}`);
  const costs = typeof of === 'object' ? [] : [{ known: knownCosts(months), stated: statedCosts(months) }];
  const values =
    of === 'cost' ? [] : [{ known: knownValues(scope, months, revenueBasis), stated: statedValues(scope, months) }];
  const parts = [...costs, ...values];
  const all = (side: 'known' | 'stated') =>
    sql.join(
      parts.map((part) => part[side]),
      sql` union all `,
    );
  return sql`
    select ${KEY}, ${sql.join(MONEY.map((name) => sql`trim_scale(sum(${sql.ref(name)})) as ${sql.ref(name)}`))},
      ${sql.join(MONEY.map((name) => sql`trim_scale(sum(${reported(name)})) as ${reported(name)}`))}, bool_or(is_missing) as is_missing
    from (
      ${moved(all('known'), all('stated'))}
      union all
      select month.statement_id, adjusted_on, pod_id, adjustment.kind, outcome_id, beside, adjustment.currency,
        ${sql.join(MONEY.map((name) => sql`-${sql.ref(name)}`))}, ${sql.join(MONEY.map((name) => sql`-${reported(name)}`))}, false
      from ${months} join statement_adjustment as adjustment
        on adjustment.adjusted_on >= month.month_start and adjustment.adjusted_on < month.month_end
      join statement as booking on booking.id = adjustment.statement_id
      where ${isStanding('booking')} and booking.id is distinct from ${scope.withoutBookingsOf ?? null}::integer
        and ${isAsked(scope, 'adjustment')}
    ) as part
    group by ${KEY}
    having bool_or(is_missing) or ${sql.join(
      [...MONEY, ...MONEY.map((name) => `reported_${name}`)].map((name) => sql`sum(${sql.ref(name)}) <> 0`),
      sql` or `,
    )}`;
}

/** What is known less what is stated, of the rows in which the two differ. */
function moved(known: RawBuilder<unknown>, stated: RawBuilder<unknown>): RawBuilder<unknown> {
  const either = (name: string) =>
    sql`coalesce(${sql.ref(`known.${name}`)}, ${sql.ref(`stated.${name}`)}) as ${sql.ref(name)}`;
  const difference = (factor: (side: string) => RawBuilder<unknown>, name: string) =>
    sql`coalesce(${factor('known')}, 0) - coalesce(${factor('stated')}, 0) as ${sql.ref(name)}`;
  const plain = MONEY.map((name) => difference((side) => sql.ref(`${side}.${name}`), name));
  const converted = MONEY.map((name) =>
    difference((side) => sql`${sql.ref(`${side}.${name}`)} * ${sql.ref(`${side}.rate`)}`, `reported_${name}`),
  );
  const compared = (side: string) => sql.join([...MONEY, 'rate'].map((name) => sql.ref(`${side}.${name}`)));
  return sql`
    select ${sql.join(['adjusted_statement_id', 'adjusted_on', 'pod_id', 'kind', 'outcome_id', 'beside', 'currency'].map(either))},
      ${sql.join(plain)}, ${sql.join(converted)},
      (known.kind is not null and known.rate is null) or (stated.kind is not null and stated.rate is null) as is_missing
    from (${known}) as known full join (${stated}) as stated
      on known.adjusted_statement_id = stated.adjusted_statement_id and known.adjusted_on = stated.adjusted_on and known.kind = stated.kind
      and known.currency = stated.currency and coalesce(known.pod_id, '') = coalesce(stated.pod_id, '')
      and coalesce(known.outcome_id, 0) = coalesce(stated.outcome_id, 0) and coalesce(known.beside, '') = coalesce(stated.beside, '')
    where known.kind is null or stated.kind is null or (${compared('known')}) is distinct from (${compared('stated')})`;
}

/** The rate of a day to the currency of its month's statement: as now known, or as the statement froze it. */
function rateOf(
  table: 'conversion_rate' | 'statement_rate',
  currency: RawBuilder<unknown>,
  onDate: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const ofStatement = table === 'statement_rate' ? sql`and rated.statement_id = month.statement_id` : sql``;
  return sql`left join ${sql.table(table)} as rated on rated.from_currency = ${currency} and rated.to_currency = month.reporting
    and rated.on_date = ${onDate} ${ofStatement}`;
}

function costFigures(): RawBuilder<unknown> {
  return sql`select month.statement_id as adjusted_statement_id, day.charge_date as adjusted_on, day.pod_id, day.kind,
    null::bigint as outcome_id, null::text as beside, ${sql.join(COSTS.map((name) => sql.ref(`day.${name}`)))}, 0::numeric as amount,
    day.billing_currency as currency, case when day.billing_currency = month.reporting then 1 else rated.rate end as rate`;
}

function valueFigures(): RawBuilder<unknown> {
  return sql`select month.statement_id as adjusted_statement_id, value.recognised_on as adjusted_on, value.pod_id,
    'value-' || value.state as kind, value.outcome_id, value.beside, ${sql.join(COSTS.map((name) => sql`0::numeric as ${sql.ref(name)}`))},
    value.amount, value.currency, case when value.currency = month.reporting then 1 else rated.rate end as rate`;
}

/** pod_day by its key, which begins with the charge date. */
function knownCosts(months: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${costFigures()}
    from ${months} join pod_day as day on day.charge_date >= month.month_start and day.charge_date < month.month_end
    ${rateOf('conversion_rate', sql`day.billing_currency`, sql`day.charge_date`)} where day.kind <> 'owned'`;
}

function statedCosts(months: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${costFigures()}
    from ${months} join statement_pod_day as day on day.statement_id = month.statement_id
    ${rateOf('statement_rate', sql`day.billing_currency`, sql`day.charge_date`)} where day.kind <> 'owned'`;
}

function knownValues(
  scope: DriftScope,
  months: RawBuilder<unknown>,
  revenueBasis: 'margin' | 'gross',
): RawBuilder<unknown> {
  return sql`${valueFigures()}
    from ${months} join (${recognisedRows(scope.closed, revenueBasis, outcomesOf(scope))}) as value
      on value.recognised_on >= month.month_start and value.recognised_on < month.month_end
    ${rateOf('conversion_rate', sql`value.currency`, sql`value.recognised_on`)}
    where value.amount is not null`;
}

function statedValues(scope: DriftScope, months: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${valueFigures()}
    from ${months} join statement_value as value on value.statement_id = month.statement_id
    ${rateOf('statement_rate', sql`value.currency`, sql`value.recognised_on`)}
    where value.amount is not null and ${isAsked(scope, 'value')}`;
}

function isAsked({ of }: DriftScope, alias: string): RawBuilder<unknown> {
  const outcome = sql.ref(`${alias}.outcome_id`);
  if (of === undefined) return sql`true`;
  return of === 'cost' ? sql`${outcome} is null` : sql`${outcome} = any(${[...of]}::bigint[])`;
}

function outcomesOf({ of }: DriftScope): readonly string[] | undefined {
  return typeof of === 'object' ? of : undefined;
}

/** Whether revenue enters as margin or gross now. */
export async function readRevenueBasis(db: Kysely<DB>): Promise<'margin' | 'gross'> {
  const setting = await db.selectFrom('organisation').select('revenue_basis').executeTakeFirstOrThrow();
  return setting.revenue_basis === 'gross' ? 'gross' : 'margin';
}

/**
 * Until the transaction ends: room to join closed months by hashing, and no compiling. A merge would sort every row by its texts, which
 * takes three quarters of the time.
 */
export async function allowComparison(trx: Transaction<DB>): Promise<void> {
  await sql`
    select set_config('work_mem', '64MB', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)
  `.execute(trx);
}

/**
 * Closed days as SQL: what their statements froze,
 * each at its own rate. `statement_id` is null on current rows.
 */
import { type RawBuilder, sql } from 'kysely';
import { type ClosedMonth, liesIn } from './closed-months.ts';

/** Of a frozen table: the rows of these months' statements on these days. */
export function isFrozenBy(closed: readonly ClosedMonth[], dateColumn: string): RawBuilder<boolean> {
  return sql<boolean>`statement_id = any(${closed.map((month) => month.statementId)}::integer[]) and ${liesIn(dateColumn, closed)}`;
}

/**
 * Joins the rates of `row` (an alias with the given columns) as `frozen` and `conversion`; `rateOf` names the one that counts. Statements
 * froze the rates to every currency that had one; a currency that came later is converted at the rates as now known. Further conditions on `conversion` may follow.
 */
export function rateJoins(
  row: { alias: string; currency: string; date: string; hasStatement: boolean },
  to: string,
): RawBuilder<unknown> {
  const currency = sql.ref(`${row.alias}.${row.currency}`);
  const date = sql.ref(`${row.alias}.${row.date}`);
  const live = sql`left join conversion_rate as conversion on conversion.from_currency = ${currency}
    and conversion.to_currency = ${to} and conversion.on_date = ${date}`;
  if (!row.hasStatement) return live;
  return sql`left join statement_rate as frozen on frozen.statement_id = ${sql.ref(`${row.alias}.statement_id`)}
    and frozen.from_currency = ${currency} and frozen.to_currency = ${to} and frozen.on_date = ${date} ${live}`;
}

/** The rate of a row joined by `rateJoins`; null where there is none. */
export function rateOf(hasStatement: boolean): RawBuilder<unknown> {
  return hasStatement ? sql`coalesce(frozen.rate, conversion.rate)` : sql`conversion.rate`;
}

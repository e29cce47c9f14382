/**
 * Which outcomes make up a pod's value in a period: what each recognises there for the pod, exact and converted day by day, and whether
 * it enters the return. Closed days are as their statements froze them. `explain --outcome` leads on from each.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { isFrozenBy, rateJoins, rateOf } from '../periods/closed-rows.ts';
import { recognisedRows } from '../periods/recognised-rows.ts';
import { openDays, type ReportFrame } from '../reports/report-frame.ts';
import type { Cell } from './explain-scope.ts';

export interface ExplainedValue {
  readonly outcomeId: string;
  readonly title: string;
  readonly state: 'verified' | 'claimed';
  /** The name under which reports show it beside the return; null for what enters it. */
  readonly beside: string | null;
  /** The statement it comes from; null on open days. */
  readonly statementId: number | null;
  readonly currency: string | null;
  /** The pod's share of what is recognised, in the outcome's currency; null for an outcome without money. */
  readonly amount: string | null;
  /** In the reporting currency, each day at its own rate; null where a rate is missing. */
  readonly converted: string | null;
}

const OUTCOMES_MAX = 1_000;

/** The outcomes recognised in the report's window for the cell's owner, the greatest first. */
export async function readCellValue(
  db: Kysely<DB>,
  frame: ReportFrame,
  owner: Cell['owner'],
): Promise<ExplainedValue[]> {
  const open = openDays(frame);
  const own =
    owner === 'everybody'
      ? sql`true`
      : owner.podId === null
        ? sql`value.pod_id is null`
        : sql`value.pod_id = ${owner.podId}::text`;
  const current =
    open.length === 0
      ? sql``
      : sql`select null::integer as statement_id, current.* from (${recognisedRows(open, frame.revenueBasis)}) as current union all`;
  const row = { alias: 'value', currency: 'currency', date: 'recognised_on', hasStatement: true };
  const rate = sql`case when value.currency = ${frame.currency} then 1 else ${rateOf(true)} end`;
  const { rows } = await sql<ExplainedValue>`
    select value.outcome_id::text as "outcomeId", outcome.title, value.state, value.beside, value.statement_id as "statementId", value.currency,
      trim_scale(sum(value.amount))::text as amount,
      case when bool_or(value.amount is not null and ${rate} is null) then null else trim_scale(sum(value.amount * ${rate}))::text end as converted
    from (
      ${current}
      select statement_id, recognised_on, outcome_id, outcome_version, pod_id, state, beside, currency, amount
      from statement_value where ${isFrozenBy(frame.closed, 'recognised_on')}
    ) as value ${rateJoins(row, frame.currency)} join outcome on outcome.id = value.outcome_id
    where ${own}
    group by value.outcome_id, outcome.title, value.state, value.beside, value.statement_id, value.currency
    order by abs(sum(value.amount * ${rate})) desc nulls last, value.outcome_id, value.statement_id nulls last limit ${OUTCOMES_MAX}
  `.execute(db);
  return rows;
}

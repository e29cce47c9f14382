/**
 * The promises of a closed month, checked before anybody can approve it: its frozen rows give the report of the figures they were taken
 * from, and every month closed before, with all its adjustments, is what is known now.
 */
import assert from 'node:assert/strict';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { AppError } from '../kernel/errors.ts';
import type { ReportFrame } from '../reports/report-frame.ts';
import { buildValuePerPod } from '../reports/value-per-pod.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import type { ClosedMonth } from './closed-months.ts';
import { isStanding } from './closed-months.ts';
import type { FreezeScope } from './freeze-month.ts';
import type { PodAdjustments } from './pod-adjustments.ts';
import { recognisedRows } from './recognised-rows.ts';

const COSTS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'] as const;

/** Reads the report again from the frozen rows and holds it against the one from the current figures. */
export async function checkFrozenReport(
  trx: Transaction<DB>,
  given: { month: ClosedMonth; frame: ReportFrame; adjustments: PodAdjustments; built: ValuePerPod },
): Promise<void> {
  const { month, frame, adjustments, built } = given;
  const frozenFrame: ReportFrame = { ...frame, closed: [month], statement: null };
  const frozen = await buildValuePerPod(trx, { frame: frozenFrame, adjustments });
  const figuresOf = ({ pods, unattributed, total }: ValuePerPod) => canonicalJson({ pods, unattributed, total });
  assert.equal(figuresOf(frozen), figuresOf(built), `the frozen rows of ${month.periodId} must give its report`);
}

interface DifferenceRow {
  readonly period_id: string;
  readonly pod_id: string | null;
  readonly kind: string;
  readonly currency: string;
}

/**
 * Statement + adjustments = what is known now, per month, pod, kind and billing currency, in every metric and in value.
 * @throws AppError conservation_broken naming the first difference. Adds the sides up by month, apart from how they were booked.
 */
export async function checkAdjustedMonths(trx: Transaction<DB>, scope: FreezeScope): Promise<void> {
  const { closedBefore, revenueBasis, statementId, supersedesId } = scope;
  if (closedBefore.length === 0) return;
  const months = sql`unnest(${closedBefore.map((month) => month.statementId)}::integer[], ${closedBefore.map((month) => month.start)}::date[],
    ${closedBefore.map((month) => month.end)}::date[]) as month (statement_id, month_start, month_end)`;
  const figures = [...COSTS, 'amount'].map((name) => sql.ref(name));
  const costs = COSTS.map((name) => sql.ref(name));
  const { rows } = await sql<DifferenceRow>`
    with known as (
      select month.statement_id, pod_id, kind, billing_currency as currency, ${sql.join(costs)}, 0 as amount
      from ${months} join pod_day on charge_date >= month_start and charge_date < month_end where kind <> 'owned'
      union all
      select month.statement_id, pod_id, 'value-' || state, currency, 0, 0, 0, 0, amount
      from ${months} join (${recognisedRows(closedBefore, revenueBasis)}) as value on recognised_on >= month_start and recognised_on < month_end
      where amount is not null
    ), stated as (
      select statement_id, pod_id, kind, billing_currency as currency, ${sql.join(costs)}, 0 as amount
      from statement_pod_day where kind <> 'owned' and statement_id = any(${closedBefore.map((month) => month.statementId)}::integer[])
      union all
      select statement_id, pod_id, 'value-' || state, currency, 0, 0, 0, 0, amount
      from statement_value where amount is not null and statement_id = any(${closedBefore.map((month) => month.statementId)}::integer[])
      union all
      select month.statement_id, pod_id, adjustment.kind, adjustment.currency, ${sql.join(figures)}
      from ${months} join statement_adjustment as adjustment on adjusted_on >= month_start and adjusted_on < month_end
      join statement as booking on booking.id = adjustment.statement_id
      where booking.id = ${statementId} or (${isStanding('booking')} and booking.id is distinct from ${supersedesId}::integer)
    )
    select statement.period_id, pod_id, side.kind, side.currency from (
      select statement_id, pod_id, kind, currency, ${sql.join(figures)} from known
      union all select statement_id, pod_id, kind, currency, ${sql.join(figures.map((figure) => sql`-${figure}`))} from stated
    ) as side join statement on statement.id = side.statement_id
    group by statement.period_id, pod_id, side.kind, side.currency
    having ${sql.join(
      figures.map((figure) => sql`sum(${figure}) <> 0`),
      sql` or `,
    )} order by 1, 2, 3, 4 limit 1
  `.execute(trx);
  const [difference] = rows;
  if (difference === undefined) return;
  const { period_id: period, pod_id: podId, kind, currency } = difference;
  throw new AppError(
    'conservation_broken',
    `${period}: its statement and adjustments do not add up to what is known (${podId ?? 'unattributed'}, ${kind}, ${currency}). Nothing was changed.`,
    { details: { period, podId, kind, currency } },
  );
}

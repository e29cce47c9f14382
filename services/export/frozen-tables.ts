/**
 * A closed month in front of today's figures: while its lines are exported, temporary tables of the statement's rows hide those that
 * shared cost is cut by, so that a line's parts are those of the close.
 */
import type pg from 'pg';
import type { ExportedStatement } from './exported-parts.ts';

const COSTS = 'billed_cost, effective_cost, list_cost, contracted_cost';
const POD_DAY = `charge_date, pod_id, kind, billing_currency, ${COSTS}`;
const SHARED_COST = `charge_date, load_id, rule_id, owner_pod_id, pod_id, provider_name, service_name, charge_category, billing_currency, ${COSTS}`;
const QUANTITY = 'metric_id, pod_id, valid_from, valid_until, quantity, known_from, source_name, recorded_by';

/** Runs `work` with the tables hidden; the transaction goes on afterwards. */
export async function withFrozenTables<Result>(
  client: pg.Client,
  statement: ExportedStatement,
  work: () => Promise<Result>,
): Promise<Result> {
  for (const table of ['pod_day', 'shared_cost', 'usage_quantity']) {
    await client.query(`create temporary table ${table} (like public.${table} including all)`);
  }
  await client.query(
    `insert into pod_day (${POD_DAY}) select ${POD_DAY} from statement_pod_day where statement_id = $1`,
    [statement.statementId],
  );
  await client.query(
    `insert into shared_cost (${SHARED_COST}) select ${SHARED_COST} from statement_shared_cost where statement_id = $1`,
    [statement.statementId],
  );
  await client.query(
    `insert into usage_quantity (${QUANTITY}) select ${QUANTITY} from public.usage_quantity
      where known_from <= $1::timestamptz and (known_until is null or known_until > $1::timestamptz)`,
    [statement.knownAt],
  );
  await client.query('analyze pod_day, shared_cost, usage_quantity');
  try {
    return await work();
  } finally {
    // After a failure the transaction is over, and the connection with it.
    await client
      .query('drop table if exists pg_temp.pod_day, pg_temp.shared_cost, pg_temp.usage_quantity')
      .catch(() => undefined);
  }
}

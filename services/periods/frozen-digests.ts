/**
 * Digests of the rows a statement froze, by table: they stand in its document, so that a changed row shows like a changed document.
 * Rows are written as JSON arrays of text, money without trailing zeros, and sorted by that text.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

const COSTS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'];
const REPORTED = [...COSTS, 'amount'].map((name) => `reported_${name}`);
const MONEY = new Set([...COSTS, 'amount', 'cost', 'rate', ...REPORTED]);

/** Every column of each frozen table but the statement's id. */
const FROZEN: Readonly<Record<string, { readonly table: string; readonly columns: readonly string[] }>> = {
  adjustedMonths: { table: 'statement_adjusted_month', columns: ['adjusted_statement_id', 'causes'] },
  adjustments: {
    table: 'statement_adjustment',
    columns: ['adjusted_statement_id', 'adjusted_on', 'pod_id', 'kind', 'outcome_id', 'beside', 'currency'].concat(
      COSTS,
      'amount',
      REPORTED,
    ),
  },
  adjustmentEntities: {
    table: 'statement_adjustment_entity',
    columns: ['adjusted_statement_id', 'adjusted_on', 'pod_id', 'currency', 'entity', 'cost'],
  },
  cloudReturn: { table: 'statement_cloud_return', columns: ['content'] },
  loads: { table: 'statement_load', columns: ['load_id'] },
  months: { table: 'statement_month', columns: ['month_statement_id'] },
  podDays: { table: 'statement_pod_day', columns: ['charge_date', 'pod_id', 'kind', 'billing_currency', ...COSTS] },
  pods: {
    table: 'statement_pod',
    columns: ['pod_id', 'name', 'kind', 'portfolio_id', 'owner_email', 'cost_centre', 'content'],
  },
  podPeriods: {
    table: 'statement_pod_period',
    columns: ['pod_id', 'valid_from', 'valid_until', 'portfolio_id', 'owner_email', 'cost_centre'],
  },
  rates: { table: 'statement_rate', columns: ['from_currency', 'to_currency', 'on_date', 'rate'] },
  sharedCosts: {
    table: 'statement_shared_cost',
    columns: ['charge_date', 'load_id', 'rule_id', 'owner_pod_id', 'pod_id', 'provider_name', 'service_name'].concat(
      'charge_category',
      'billing_currency',
      COSTS,
    ),
  },
  values: {
    table: 'statement_value',
    columns: ['recognised_on', 'outcome_id', 'outcome_version', 'pod_id', 'state', 'beside', 'currency', 'amount'],
  },
};

export interface FrozenDigest {
  readonly rows: number;
  readonly sha256: string;
}

/** By what was frozen: how many rows, and the digest of them. */
export async function digestFrozenRows(
  db: Kysely<DB>,
  statementId: number,
): Promise<Readonly<Record<string, FrozenDigest>>> {
  const tables = Object.entries(FROZEN).map(([name, { table, columns }]) => {
    const line = sql`json_build_array(${sql.join(columns.map(textOf))})::text`;
    return sql`
      select ${sql.lit(name)} as name, count(*)::int as rows,
        encode(sha256(convert_to(coalesce(string_agg(line, E'\n' order by line collate "C"), ''), 'UTF8')), 'hex') as sha256
      from (select ${line} as line from ${sql.table(table)} where statement_id = ${statementId}::integer) as frozen`;
  });
  const { rows } = await sql<FrozenDigest & { name: string }>`${sql.join(tables, sql` union all `)}`.execute(db);
  return Object.fromEntries(rows.map(({ name, rows: count, sha256 }) => [name, { rows: count, sha256 }]));
}

function textOf(column: string): RawBuilder<unknown> {
  return MONEY.has(column) ? sql`trim_scale(${sql.ref(column)})::text` : sql`${sql.ref(column)}::text`;
}

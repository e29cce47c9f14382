/**
 * Cuts the lines of split charges over pods, in PostgreSQL, so that the parts add up both ways to the last decimal: the parts of a line
 * to the line, and a pod's parts of all lines of a rollup cell to the pod's part of that cell in the reports (`shared_cost`).
 *
 * Method: the lines of a cell are laid end to end, the smallest first. Of the amount up to a line, the pods up to a pod get what their
 * weights give them, cut at the quantum 10^-max(12, scale); a line's part of a pod is the difference of four such figures. Sums of
 * differences telescope: over the pods to the line, over the lines to the cell, where the reports' own parts stand at the end. So no
 * part is further from its exact share than a few quanta, and a line that costs nothing costs no pod anything.
 */
import type pg from 'pg';
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql,
} from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { vectorStepsSql } from '../attribution/split-weights.ts';
import type { IsoDate } from '../kernel/period.ts';

/** SQL is written with the query builder's tag and run on a client of our own, which knows COPY. */
const compiler = new Kysely<DB>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

const COSTS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'] as const;
const QUANTITIES = ['consumed', 'pricing', 'commitment', 'pricing_currency_cost'] as const;
const SHARE_PLACES = 15;

/** The columns in which split lines come, and in which their parts go. */
export const SPLIT_LINE_COLUMNS: readonly string[] = [
  'file_number',
  'record',
  'origin_id',
  'charge_date',
  'rule_id',
  'billing_currency',
  ...COSTS,
  ...QUANTITIES,
];
export const PART_COLUMNS: readonly string[] = ['file_number', 'record', 'pod_id', 'share', ...COSTS, ...QUANTITIES];

/** Makes the temporary tables; once per session. */
export async function createSplitTables(client: pg.Client): Promise<void> {
  const numerics = [...COSTS, ...QUANTITIES].map((column) => `${column} numeric`).join(', ');
  await client.query(`
    create temp table split_line (file_number integer, record bigint, origin_id bigint, charge_date date, rule_id text,
      billing_currency text, ${numerics});
    create temp table line_part (file_number integer, record bigint, pod_id text, share numeric, ${numerics})`);
}

/** Fills `line_part` from the load's `split_line`, both replaced with every load. */
export async function cutLines(client: pg.Client, loadId: string, content: RulebookContent): Promise<void> {
  await client.query('truncate line_part');
  await client.query('analyze split_line');
  const { rows } = await client.query<{ month: IsoDate }>(
    `select distinct to_char(charge_date, 'YYYY-MM-01') as month from split_line order by 1`,
  );
  if (rows.length === 0) return;
  const months = rows.map((row) => row.month);
  const { sql: text, parameters } = cutSql(loadId, months, content).compile(compiler);
  await client.query(`set local work_mem = '64MB'`);
  await client.query(`set local jit = off`);
  await client.query(text, [...parameters]);
}

function cutSql(loadId: string, months: readonly IsoDate[], content: RulebookContent): RawBuilder<unknown> {
  const ref = sql.ref;
  const each = (names: readonly string[], part: (name: string) => RawBuilder<unknown>) => sql.join(names.map(part));
  const cell = sql`charge_date, rule_id, provider_name, service_name, charge_category, billing_currency`;
  const demand = sql`(select distinct rule_id, (date_trunc('month', charge_date::timestamp))::date as charge_month, charge_date,
    billing_currency from split_line)`;
  const running = (
    name: string,
  ) => sql`sum(${ref(name)}) over smallest_first_${sql.raw(name)} as ${ref(`upto_${name}`)},
    row_number() over greatest_first_${sql.raw(name)} = 1 as ${ref(`ends_${name}`)}`;
  const windows = COSTS.map(
    (name) => sql`smallest_first_${sql.raw(name)} as (partition by cell order by abs(${ref(name)}), file_number, record
        rows unbounded preceding),
      greatest_first_${sql.raw(name)} as (partition by cell order by abs(${ref(name)}) desc, file_number desc, record desc)`,
  );
  return sql`
    insert into line_part (${each(PART_COLUMNS, ref)})
    with ${vectorStepsSql({ months }, content, demand)},
    carrier as materialized (
      select vector, pod_id, weight, sum(weight) over by_pod as upto, sum(weight) over by_pod - weight as below,
        sum(weight) over (partition by vector) as weights
      from participant window by_pod as (partition by vector order by pod_id collate "C" rows unbounded preceding)
    ), line as materialized (
      select split_line.*, vector, dense_rank() over (order by ${sql.raw('charge_date, split_line.rule_id, provider_name, service_name, charge_category, split_line.billing_currency')}) as cell,
        provider_name, service_name, charge_category
      from split_line join origin on origin.id = split_line.origin_id
      join dated using (rule_id, charge_date, billing_currency)
    ), cell_part as materialized (
      select numbered.cell, pod_id, ${each(COSTS, (name) => sql`sum(${ref(name)}) as ${ref(name)}`)}
      from shared_cost
      join (select distinct cell, ${cell} from line) as numbered using (charge_date, rule_id, billing_currency)
      where load_id = ${loadId}::bigint and pod_id is not null
        and shared_cost.provider_name is not distinct from numbered.provider_name
        and shared_cost.service_name is not distinct from numbered.service_name
        and shared_cost.charge_category is not distinct from numbered.charge_category
      group by numbered.cell, pod_id
    ), running as (
      select line.*, ${each(COSTS, running)} from line window ${sql.join(windows)}
    ), scaled as (
      select running.*, ${each(
        COSTS,
        (name) => sql`${scaledSql(ref(`upto_${name}`), `upto_${name}`)},
        ${scaledSql(sql`${ref(`upto_${name}`)} - ${ref(name)}`, `before_${name}`)}`,
      )},
        ${each(QUANTITIES, (name) => scaledSql(ref(name), name))}
      from running offset 0
    )
    select scaled.file_number, scaled.record, carrier.pod_id, trim_scale(round(weight / weights, ${sql.lit(SHARE_PLACES)})),
      ${each(
        COSTS,
        (name) => sql`case when scaled.${ref(name)} = 0 then 0 else trim_scale(
          case when ${ref(`ends_${name}`)} then coalesce(cell_part.${ref(name)}, 0) else ${shareSql(`upto_${name}`)} end
          - ${shareSql(`before_${name}`)}) end`,
      )},
      ${each(QUANTITIES, (name) => sql`trim_scale(${shareSql(name)})`)}
    from scaled join carrier using (vector)
    left join cell_part on cell_part.cell = scaled.cell and cell_part.pod_id = carrier.pod_id`;
}

/** An amount as whole units and their quantum. */
function scaledSql(amount: RawBuilder<unknown>, name: string): RawBuilder<unknown> {
  const places = sql`greatest(12, min_scale(${amount}))`;
  return sql`(${amount}) * ('1e' || ${places})::numeric as ${sql.ref(`units_${name}`)},
    ('1e-' || ${places})::numeric as ${sql.ref(`quantum_${name}`)}`;
}

/** What of a scaled amount the pod gets: up to it, less up to the pod before it. All pods' make the amount. */
function shareSql(name: string): RawBuilder<unknown> {
  const units = sql.ref(`units_${name}`);
  return sql`(div(${units} * upto, weights) - div(${units} * below, weights)) * ${sql.ref(`quantum_${name}`)}`;
}

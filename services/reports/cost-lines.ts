/**
 * The lines of cost that the explorer groups: direct and unattributed cost, and the parts of split cost, each with its dimensions.
 * Where their months keep every asked dimension these are read, of open months in one currency; where the rollups do, they; else the charges of the current loads with their origins. What a
 * split does not keep (a resource, a tag) is null on its parts. Either way the sum is the same, to the last decimal. Closed days are made of
 * the loads, the rulebook and the shares of their statements.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { createWhenScope, type WhenScope } from '../attribution/compile-when.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { AppError } from '../kernel/errors.ts';
import { type CostDimension, isKeptByMonth, isKeptByRollup } from './cost-dimensions.ts';
import { type DateRange, liesIn, openRanges, wholeMonths } from '../periods/closed-months.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { ReportFrame } from './report-frame.ts';

export interface CostLines {
  /** A query of rows (statement_id, load_id, charge_date, kind, pod_id, rule_id, billing_currency, four metrics, kept and asked origin columns). */
  readonly rows: RawBuilder<unknown>;
  /** The column of a row that holds a tag. */
  readonly tagColumn: (key: string) => string;
  readonly foldsTags: boolean;
}

const COSTS = sql`billed_cost, effective_cost, list_cost, contracted_cost`;
const KEPT = ['provider_name', 'service_name', 'charge_category'];
const NO_TAGS: RulebookContent['tags'] = { fold: true, keys: {} };

/** Days whose lines have one origin: the current figures (no statement), or what a statement froze. */
interface Part {
  readonly statementId: number | null;
  readonly days: readonly DateRange[];
  readonly rulebookId: number;
  readonly loadIds: readonly string[];
}

/**
 * Prepares the lines of the frame's whole period. `converts`: figures are given in the frame's currency, not each in its own.
 * @throws AppError forbidden where the reading role may not see charges and a dimension needs them.
 */
export async function costLines(
  db: Kysely<DB>,
  frame: ReportFrame,
  given: { dimensions: readonly CostDimension[]; converts: boolean },
): Promise<CostLines> {
  const { dimensions } = given;
  const isFast = dimensions.every(isKeptByRollup);
  const needsRulebook = dimensions.some((one) => one.place === 'tag');
  await refuseUnreadable(db, [
    ...(isFast ? [] : ['charge', 'origin', 'attributed_origin']),
    ...(needsRulebook ? ['rulebook'] : []),
  ]);
  const open = openRanges(frame.period, frame.closed);
  const { months, days } = dimensions.every(isKeptByMonth)
    ? wholeMonths(open, given.converts ? foreignMonths(frame) : new Set())
    : { months: [], days: open };
  const parts = await listParts(db, frame, days);
  if (isFast) {
    const none = () => '';
    const byMonth = months.length === 0 && parts.length > 0 ? [] : [monthRows(months)];
    return {
      rows: unionOf([...byMonth, ...parts.flatMap((part) => [rollupRows(part), sharedRows(part, [])])]),
      tagColumn: none,
      foldsTags: true,
    };
  }
  const tags = needsRulebook ? await readTags(db, frame.rulebook) : NO_TAGS;
  const scope = createWhenScope(tags, 'bound.texts');
  const tagColumns = [...new Set(dimensions.flatMap((one) => (one.place === 'tag' ? [scope.tag(one.key)] : [])))];
  const columns = [
    ...new Set(dimensions.flatMap((one) => (one.place === 'origin' && !one.isKept ? [one.column] : []))),
  ];
  return {
    rows: unionOf(
      parts.flatMap((part) => [
        chargeRows(part, { columns, tagColumns, scope }),
        sharedRows(part, [...columns, ...tagColumns]),
      ]),
    ),
    tagColumn: (key) => scope.tag(key),
    foldsTags: tags.fold,
  };
}

async function listParts(db: Kysely<DB>, frame: ReportFrame, open: readonly DateRange[]): Promise<Part[]> {
  const parts: Part[] = [];
  if (open.length > 0) {
    const loadIds = await listLoadsOf(db, frame);
    parts.push({ statementId: null, days: open, rulebookId: frame.rulebook, loadIds });
  }
  for (const { statementId, start, end, rulebookId } of frame.closed) {
    const { rows } = await sql<{ id: string }>`
      select load_id::text as id from statement_load where statement_id = ${statementId} order by load_id
    `.execute(db);
    parts.push({ statementId, days: [{ start, end }], rulebookId, loadIds: rows.map((row) => row.id) });
  }
  return parts;
}

function unionOf(queries: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return sql.join([...queries], sql` union all `);
}

function statementOf(part: Part): RawBuilder<unknown> {
  return sql`${part.statementId}::integer as statement_id`;
}

/** Of open months: their first day for the charge date, and no load or rule, which nobody asked for. */
function monthRows(months: readonly IsoDate[]): RawBuilder<unknown> {
  return sql`
    select null::integer as statement_id, null::bigint as load_id, charge_month as charge_date, kind, pod_id, null::text as rule_id,
      provider_name, service_name, charge_category, billing_currency, ${COSTS}
    from cost_month where charge_month = any(${[...months]}::date[])
  `;
}

/** Months with cost in another currency than the report's: each of their days has its own rate. */
function foreignMonths(frame: ReportFrame): ReadonlySet<IsoDate> {
  return new Set(frame.billed.flatMap(({ month, currency }) => (currency === frame.currency ? [] : [month])));
}

function rollupRows(part: Part): RawBuilder<unknown> {
  return sql`
    select ${statementOf(part)}, load_id, charge_date, 'direct' as kind, pod_id, rule_id, provider_name, service_name, charge_category,
      billing_currency, ${COSTS}
    from rollup_cost
    where load_id = any(${[...part.loadIds]}::bigint[]) and rulebook_id = ${part.rulebookId} and kind <> 'to_split'
      and ${liesIn('charge_date', part.days)}
  `;
}

function chargeRows(
  part: Part,
  asked: { columns: readonly string[]; tagColumns: readonly string[]; scope: WhenScope },
): RawBuilder<unknown> {
  const { columns, scope } = asked;
  const originColumns = [...KEPT, ...columns].map((column) => sql.ref(`origin.${column}`));
  const tagColumns = asked.tagColumns.map(
    (column) => sql`${sql.raw(scope.columns.get(column) ?? 'null')} as ${sql.ref(column)}`,
  );
  return sql`
    select ${statementOf(part)}, charge.load_id, charge.charge_date, 'direct' as kind, attribution.pod_id, attribution.rule_id,
      ${sql.join(originColumns.slice(0, KEPT.length))}, charge.billing_currency, ${COSTS}
      ${withCommas([...originColumns.slice(KEPT.length), ...tagColumns])}
    from charge
    join attributed_origin as attribution on attribution.rulebook_id = ${part.rulebookId} and attribution.origin_id = charge.origin_id
      and attribution.valid_from <= charge.charge_date and attribution.valid_until > charge.charge_date
    join origin on origin.id = charge.origin_id
    cross join (select ${[...scope.texts]}::text[] as texts) as bound
    where charge.load_id = any(${[...part.loadIds]}::bigint[]) and attribution.kind <> 'split'
      and ${liesIn('charge.charge_date', part.days)}
  `;
}

function sharedRows(part: Part, lostColumns: readonly string[]): RawBuilder<unknown> {
  const source =
    part.statementId === null
      ? sql`shared_cost where true`
      : sql`statement_shared_cost where statement_id = ${part.statementId}`;
  return sql`
    select ${statementOf(part)}, load_id, charge_date, 'shared', pod_id, rule_id, provider_name, service_name, charge_category,
      billing_currency, ${COSTS} ${withCommas(lostColumns.map(() => sql`null::text`))}
    from ${source} and ${liesIn('charge_date', part.days)}
  `;
}

function withCommas(columns: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return columns.length === 0 ? sql`` : sql`, ${sql.join([...columns])}`;
}

/** Bound as an array, so that partitions are pruned by it (pod_cost_load_id_rulebook_id_charge_date_idx finds them). */
export async function listLoadsOf(db: Kysely<DB>, frame: ReportFrame): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id::text as id from load where state = 'published' and exists (
      select from rollup_cost where load_id = load.id and rulebook_id = ${frame.rulebook}
        and charge_date >= ${frame.period.start} and charge_date < ${frame.period.end})
  `.execute(db);
  return rows.map((row) => row.id);
}

async function readTags(db: Kysely<DB>, rulebook: number): Promise<RulebookContent['tags']> {
  const { rows } = await sql<{ tags: RulebookContent['tags'] }>`
    select content -> 'tags' as tags from rulebook where id = ${rulebook}
  `.execute(db);
  return rows[0]?.tags ?? NO_TAGS;
}

async function refuseUnreadable(db: Kysely<DB>, tables: readonly string[]): Promise<void> {
  if (tables.length === 0) return;
  const { rows } = await sql<{ readable: boolean }>`
    select bool_and(has_table_privilege(name, 'select')) as readable from unnest(${[...tables]}::text[]) as asked (name)
  `.execute(db);
  if (rows[0]?.readable === true) return;
  const message =
    'A pod’s token sees its cost by pod, portfolio, owner, cost centre, rule, source, day, month, billing period, currency, kind, provider, service and charge category. Ask finance for other dimensions.';
  throw new AppError('forbidden', message);
}

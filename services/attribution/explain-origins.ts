/**
 * The origins behind a cell, in three steps that each read only what the step before left: whose stretches of charge dates are the
 * cell's (from the attribution, never from charges); which of these weigh most (from the months of `load_origin`, a sixth of the
 * charges, unless the cell cuts a month); and, for those few, the exact sums from their charges, found by the index.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { dimensionSql } from '../reports/cost-dimensions.ts';
import { filterSql } from '../reports/cost-filters.ts';
import { createWhenScope } from './compile-when.ts';
import { type Cell, filtersOfLines, filtersOfOrigins, isOfWholeMonths } from './explain-scope.ts';
import type { ExplainedMoney } from './explain-sources.ts';
import { sumsAsText } from './explain-sources.ts';

export interface CellOrigin extends ExplainedMoney {
  readonly originId: string;
  readonly ruleId: string | null;
  readonly kind: 'direct' | 'shared';
  readonly lineCount: string;
  readonly loadId: string;
  readonly providerName: string | null;
  readonly subAccountId: string | null;
  readonly serviceName: string | null;
  readonly resourceId: string | null;
  readonly resourceName: string | null;
  readonly chargeCategory: string | null;
  readonly tags: Readonly<Record<string, string | null>>;
}

/** Arrays as PostgreSQL writes them: a cell may have a hundred thousand origins, which pass through here unread. */
interface OwnOrigins {
  /** Those that are the cell's during the whole period. */
  readonly whole: string;
  /** The others, with the dates of each stretch. */
  readonly parts: string;
  readonly starts: string;
  readonly ends: string;
  readonly hasParts: boolean;
  /** So many that reading all months of the loads in their order is faster than looking each origin up. */
  readonly isMany: boolean;
}

const ORIGINS_MAX = 20;
/** Ranked by whole months, added up exactly: those that a pod had only a part of a month fall back, so more are taken. */
const CANDIDATES_MAX = 60;
/** Of all origins: a page holds about as many months as this, so from this part on looking up touches every page, out of order. */
const MANY_PART = 100;

/**
 * The stretches of charge dates in which an origin's charges are the cell's: (origin_id, valid_from, valid_until, kind, rule_id).
 * Of split rules those of `splitRuleIds`; with `originIds` only of these origins.
 */
export function stretchesSql(
  cell: Cell,
  splitRuleIds: readonly (string | null)[],
  originIds?: readonly string[],
): RawBuilder<unknown> {
  const own = cell.podId === null ? sql`kind = 'unattributed'` : sql`pod_id = ${cell.podId}::text`;
  const isOfCell =
    splitRuleIds.length === 0 ? own : sql`(${own} or kind = 'split' and rule_id = any(${splitRuleIds}::text[]))`;
  const listed = originIds === undefined ? sql`` : sql`and origin_id = any(${originIds}::bigint[])`;
  return sql`(
    select attribution.origin_id, attribution.valid_from, attribution.valid_until, attribution.kind, attribution.rule_id
    from (
      select * from attributed_origin where rulebook_id = ${cell.rulebookId} and ${isOfCell} ${listed}
        and valid_from < ${cell.period.end}::date and valid_until > ${cell.period.start}::date
    ) as attribution ${passOrigins(cell)})`;
}

/** The origins of the greatest amounts in the ranking metric, either sign; of split cost those of the whole. */
export async function readCellOrigins(
  db: Kysely<DB>,
  cell: Cell,
  rules: readonly { readonly ruleId: string | null; readonly kind: string }[],
): Promise<CellOrigin[]> {
  const splitRuleIds = rules.filter((rule) => rule.kind === 'shared').map((rule) => rule.ruleId);
  const candidates = await rankOrigins(db, cell, await readOwnOrigins(db, cell, splitRuleIds));
  const { rows } = await sql<CellOrigin>`
    with stretch as materialized ${stretchesSql(cell, splitRuleIds, candidates)}, top as (
      select line.origin_id, stretch.rule_id, stretch.kind, line.billing_currency, ${sumsAsText('line')},
        sum(line.line_count)::text as "lineCount", max(line.load_id) as load_id, abs(sum(line.${sql.ref(cell.metric)})) as weight
      from charge as line
      join stretch on stretch.origin_id = line.origin_id
        and line.charge_date >= stretch.valid_from and line.charge_date < stretch.valid_until
      where line.origin_id = any(${candidates}::bigint[]) and line.load_id = any(${cell.loadIds}::bigint[])
        and line.charge_date >= ${cell.period.start}::date and line.charge_date < ${cell.period.end}::date and ${passLines(cell)}
      group by line.origin_id, stretch.rule_id, stretch.kind, line.billing_currency
      order by weight desc, line.origin_id limit ${ORIGINS_MAX}
    )
    select top.origin_id as "originId", top.rule_id as "ruleId",
      case top.kind when 'split' then 'shared' else 'direct' end as kind, top.billing_currency as "billingCurrency",
      "billedCost", "effectiveCost", "listCost", "contractedCost", "lineCount", top.load_id as "loadId",
      provider_name as "providerName", sub_account_id as "subAccountId", service_name as "serviceName",
      resource_id as "resourceId", resource_name as "resourceName", charge_category as "chargeCategory", tags
    from top join origin on origin.id = top.origin_id order by top.weight desc, top.origin_id
  `.execute(db);
  return rows;
}

async function readOwnOrigins(
  db: Kysely<DB>,
  cell: Cell,
  splitRuleIds: readonly (string | null)[],
): Promise<OwnOrigins> {
  const { rows } = await sql<OwnOrigins>`
    select coalesce(array_agg(origin_id) filter (where is_whole), '{}')::text as whole,
      coalesce(array_agg(origin_id) filter (where not is_whole), '{}')::text as parts,
      coalesce(array_agg(valid_from) filter (where not is_whole), '{}')::text as starts,
      coalesce(array_agg(valid_until) filter (where not is_whole), '{}')::text as ends,
      count(*) filter (where not is_whole) > 0 as "hasParts",
      count(*) * ${MANY_PART} > (select reltuples from pg_class where oid = 'origin'::regclass) as "isMany"
    from (
      select *, valid_from <= ${cell.period.start}::date and valid_until >= ${cell.period.end}::date as is_whole
      from ${stretchesSql(cell, splitRuleIds)} as stretch
    ) as stretch
  `.execute(db);
  return rows[0] ?? { whole: '{}', parts: '{}', starts: '{}', ends: '{}', hasParts: false, isMany: false };
}

/** The ids of the origins that may weigh most. The arrays are known when the statement is planned, so their number is too. */
async function rankOrigins(db: Kysely<DB>, cell: Cell, own: OwnOrigins): Promise<string[]> {
  const { start, end } = cell.period;
  const metric = sql.ref(cell.metric);
  const loads = sql`load_id = any(${cell.loadIds}::bigint[])`;
  const spent = isOfWholeMonths(cell)
    ? sql`(select origin_id, charge_month as charge_date, (charge_month + interval '1 month')::date as until_date, billing_currency, ${metric}
        from load_origin where ${loads} and charge_month >= ${start}::date and charge_month < ${end}::date)`
    : sql`(select origin_id, charge_date, charge_date + 1 as until_date, billing_currency, ${metric}
        from charge where charge_date >= ${start}::date and charge_date < ${end}::date and ${loads})`;
  // The sum hides the column from the index that would look up each.
  const originId = own.isMany ? sql`line.origin_id + 0` : sql`line.origin_id`;
  const inPart = sql`
    union all
    select line.origin_id, line.billing_currency, line.${metric}
    from unnest(${own.parts}::bigint[], ${own.starts}::date[], ${own.ends}::date[]) as part (origin_id, starts, ends)
    join ${spent} as line on line.origin_id = part.origin_id and part.starts < line.until_date and part.ends > line.charge_date
    where ${passLines(cell)}`;
  const { rows } = await sql<{ origin_id: string }>`
    select origin_id from (
      select line.origin_id, line.billing_currency, line.${metric}
      from ${spent} as line where ${passLines(cell)} and ${originId} = any(${own.whole}::bigint[])
      ${own.hasParts ? inPart : sql``}
    ) as spent
    group by origin_id, billing_currency order by abs(sum(${metric})) desc, origin_id limit ${CANDIDATES_MAX}
  `.execute(db);
  return [...new Set(rows.map((row) => row.origin_id))];
}

/** Filters that a row of charges or of their months can be told by. */
export function passLines(cell: Cell): RawBuilder<unknown> {
  return filterSql(filtersOfLines(cell), (dimension) => dimensionSql(dimension, () => ''), cell.tags.fold);
}

/** Filters that an origin, or the rule that won for it, can be told by. */
function passOrigins(cell: Cell): RawBuilder<unknown> {
  const filters = filtersOfOrigins(cell);
  if (filters.length === 0) return sql``;
  const scope = createWhenScope(cell.tags, 'bound.texts');
  const condition = filterSql(filters, (one) => dimensionSql(one, (key) => scope.tag(key)), cell.tags.fold);
  const tags = [...scope.columns].map(([name, text]) => sql`, ${sql.raw(text)} as ${sql.ref(name)}`);
  const won = sql`attribution.rule_id, case attribution.kind when 'split' then 'shared' else 'direct' end as kind`;
  if (filters.every(({ dimension }) => dimension.place === 'own')) {
    return sql`join lateral (select ${won}) as line on ${condition}`;
  }
  return sql`
    join origin on origin.id = attribution.origin_id
    cross join (select ${[...scope.texts]}::text[] as texts) as bound
    join lateral (select origin.*, ${won} ${tags.length === 0 ? sql`` : sql.join(tags, sql` `)}) as line on ${condition}`;
}

/**
 * The origins behind a cell, in three steps that each read only what the step before left: whose stretches of charge dates are the
 * cell's (from the attribution, never from charges); which of these weigh most (see rank-origins.ts); and, for those few, the exact
 * sums from their charges, found by the index.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import { type CellRuleKey, passLines, stretchesOf, stretchesSql } from './cell-stretches.ts';
import { type Cell, isInParts } from './explain-scope.ts';
import type { ExplainedMoney } from './explain-sources.ts';
import { sumsAsText } from './explain-sources.ts';
import { rankOrigins } from './rank-origins.ts';
import { ratedSql } from './ranking-rates.ts';

/** An origin of the cell, and of which charge dates its lines are to be shown; null: the load has no others of it. */
export interface FoundOrigin {
  readonly origin: CellOrigin;
  readonly dates: { readonly start: IsoDate; readonly end: IsoDate } | null;
}

export interface CellOrigin extends ExplainedMoney {
  readonly originId: string;
  readonly rulebook: number;
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

const ORIGINS_MAX = 20;

/** The origins of the greatest amounts in the ranking metric, either sign; of split cost those of the whole. */
export async function readCellOrigins(
  db: Kysely<DB>,
  cell: Cell,
  rules: readonly CellRuleKey[],
): Promise<FoundOrigin[]> {
  const all = stretchesOf(cell, rules);
  if (all.length === 0) return [];
  const candidates = await rankOrigins(db, cell, all);
  const spent = all.map(
    (one) => sql`
      select line.*, ${one.of.rulebookId}::integer as rulebook_id, stretch.rule_id, stretch.kind
      from charge as line
      join (select * from ${stretchesSql(cell, one, candidates)} as found offset 0) as stretch on stretch.origin_id = line.origin_id
        and line.charge_date >= stretch.valid_from and line.charge_date < stretch.valid_until
      where line.origin_id = any(${candidates}::bigint[]) and ${isInParts(one.of.parts, 'line')} and ${passLines(cell)}`,
  );
  const { rows } = await sql<CellOrigin & { firstDate: IsoDate; lastDate: IsoDate; hasOthers: boolean }>`
    with spent as (${sql.join(spent, sql` union all `)}), top as (
      select spent.origin_id, rulebook_id, rule_id, kind, billing_currency, ${sumsAsText('spent')},
        sum(line_count)::text as "lineCount", max(load_id) as load_id,
        abs(sum(${sql.ref(cell.metric)})) * ${ratedSql(cell.rates, sql`billing_currency`)} as weight
      from spent group by spent.origin_id, rulebook_id, rule_id, kind, billing_currency
      order by weight desc, spent.origin_id, rulebook_id limit ${ORIGINS_MAX}
    )
    select top.origin_id as "originId", top.rulebook_id as rulebook, top.rule_id as "ruleId",
      case top.kind when 'split' then 'shared' else 'direct' end as kind, top.billing_currency as "billingCurrency",
      "billedCost", "effectiveCost", "listCost", "contractedCost", "lineCount", top.load_id as "loadId",
      dated.first_date as "firstDate", dated.last_date as "lastDate",
      exists (select from charge where charge.load_id = top.load_id and charge.origin_id = top.origin_id
        and (charge_date < dated.first_date or charge_date > dated.last_date)) as "hasOthers",
      provider_name as "providerName", sub_account_id as "subAccountId", service_name as "serviceName",
      resource_id as "resourceId", resource_name as "resourceName", charge_category as "chargeCategory", tags
    from top join origin on origin.id = top.origin_id
    cross join lateral (
      select min(charge_date) as first_date, max(charge_date) as last_date from spent
      where spent.load_id = top.load_id and spent.origin_id = top.origin_id and spent.rule_id is not distinct from top.rule_id
        and spent.rulebook_id = top.rulebook_id
    ) as dated
    order by top.weight desc, top.origin_id, top.rulebook_id
  `.execute(db);
  return rows.map(({ firstDate, lastDate, hasOthers, ...origin }) => ({
    origin,
    dates: hasOthers ? { start: firstDate, end: addDays(lastDate, 1) } : null,
  }));
}

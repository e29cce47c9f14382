/**
 * Which of a period's charges the rules gave to somebody, by account and month, and of what is left the reasons, the biggest
 * origins and the facts that rules could be made from. All of it is one statement, for adding up the amounts is the costly part.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { foldSql } from '../attribution/compile-when.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { amountSteps, COSTS, type CoveragePart, type CoverageScope } from './coverage-cells.ts';
import type { DateRange } from '../periods/closed-months.ts';
import { METRIC_COLUMNS, type ReportFrame } from './report-frame.ts';

export interface MetricSums {
  readonly billedCost: Decimal;
  readonly effectiveCost: Decimal;
  readonly listCost: Decimal;
  readonly contractedCost: Decimal;
}

export interface AccountSums {
  readonly provider: string | null;
  readonly billingAccountId: string | null;
  readonly subAccountId: string | null;
  readonly subAccountName: string | null;
  /** YYYY-MM. */
  readonly month: string;
  readonly isAttributed: boolean;
  readonly costs: MetricSums;
}

/** Why a charge is nobody's: no rule matches, a rule says so, or nobody could carry the split of one. */
export type LeftOverKind = 'no-rule' | 'rule' | 'split';

export interface LeftOverReason extends MetricSums {
  readonly kind: LeftOverKind;
  readonly ruleId: string | null;
  readonly lines: number;
  readonly origins: number;
}

export interface LeftOverOrigin extends MetricSums {
  readonly originId: string;
  readonly kind: LeftOverKind;
  readonly ruleId: string | null;
  readonly provider: string | null;
  readonly billingAccountId: string | null;
  readonly subAccountId: string | null;
  readonly subAccountName: string | null;
  readonly serviceName: string | null;
  readonly regionId: string | null;
  readonly resourceId: string | null;
  readonly resourceName: string | null;
  readonly chargeCategory: string | null;
  readonly tags: Readonly<Record<string, string | null>>;
  readonly lines: number;
}

/** What no rule matches, by everything a suggested rule tests. */
export interface LeftOverFact {
  readonly provider: string | null;
  readonly billingAccountId: string | null;
  readonly subAccountId: string | null;
  readonly subAccountName: string | null;
  readonly serviceName: string | null;
  /** The resource's name up to and with its first separator: `checkout-`. */
  readonly namePrefix: string | null;
  /** Values by key as rules see them; keys that tell single resources apart are left out. */
  readonly tags: Readonly<Record<string, string>>;
  /** In the report's metric and currency. */
  readonly cost: Decimal;
  readonly lines: number;
  readonly origins: number;
}

export interface LeftOver {
  readonly reasons: readonly LeftOverReason[];
  readonly origins: readonly LeftOverOrigin[];
  /** The largest, at most 20,000. */
  readonly facts: readonly LeftOverFact[];
  /** What the other facts are together; null where there are none. */
  readonly smallFacts: SmallFacts | null;
}

/** In the report's metric and currency. */
export interface SmallFacts {
  readonly cost: Decimal;
  readonly lines: number;
  readonly origins: number;
}

export interface CoverageFigures extends LeftOver {
  readonly accounts: readonly AccountSums[];
}

export const ORIGINS_SHOWN_MAX = 20;
/** A key with more values than these names resources, not teams, unless one of the values is a pod. */
const TAG_VALUES_MAX = 200;
const FACTS_MAX = 20_000;

type Part = 'account' | 'reason' | 'origin' | 'fact' | 'small';

/**
 * Reads all of it; lists come as JSON with every figure as text, accounts in the order of their keys and the rest by their cost.
 * @throws AppError missing_exchange_rate.
 */
export async function readCoverageFigures(db: Kysely<DB>, scope: CoverageScope): Promise<CoverageFigures> {
  const metric = sql.ref(METRIC_COLUMNS[scope.frame.costMetric]);
  const costs = sql.join(
    COSTS.flatMap((column) => [
      sql`${sql.lit(camelCase(column))}::text`,
      sql`trim_scale(coalesce(sum(${sql.ref(column)}), 0))::text`,
    ]),
  );
  const sums = sql.join(COSTS.map((column) => sql`sum(${sql.ref(column)}) as ${sql.ref(column)}`));
  const { rows } = await sql<{ part: Part; missing: number; content: object }>`
    with ${amountSteps(scope)}, left_over as materialized (
      select origin_id, case when kind = 'split' then 'split' when rule_id is null then 'no-rule' else 'rule' end as kind, rule_id, ${sums},
        sum(line_count) as line_count
      from amount where not is_attributed group by 1, 2, 3
    ), biggest as materialized (
      select * from left_over order by abs(${metric}) desc, origin_id limit ${ORIGINS_SHOWN_MAX}
    ), ${factSteps(scope, metric)}
    select 'account' as part, row_number() over (order by provider_name collate "C" nulls last, billing_account_id collate "C" nulls last,
        sub_account_id collate "C" nulls last, charge_month, is_attributed) as place, count(*) filter (where is_missing) as missing,
      jsonb_build_object('provider', provider_name, 'billingAccountId', billing_account_id, 'subAccountId', sub_account_id,
        'subAccountName', max(sub_account_name), 'month', to_char(charge_month, 'YYYY-MM'), 'isAttributed', is_attributed,
        'costs', jsonb_build_object(${costs})) as content
    from amount join origin on origin.id = amount.origin_id
    group by provider_name, billing_account_id, sub_account_id, charge_month, is_attributed
    union all
    select 'reason', row_number() over (order by abs(sum(${metric})) desc, rule_id nulls first, kind), 0,
      jsonb_build_object('kind', kind, 'ruleId', rule_id, ${costs}, 'lines', sum(line_count), 'origins', count(*))
    from left_over group by kind, rule_id
    union all
    select 'origin', row_number() over (order by abs(sum(${metric})) desc, origin.id), 0,
      jsonb_build_object('originId', origin.id::text, 'kind', kind, 'ruleId', rule_id, 'provider', provider_name,
        'billingAccountId', billing_account_id, 'subAccountId', sub_account_id, 'subAccountName', sub_account_name,
        'serviceName', service_name, 'regionId', region_id, 'resourceId', resource_id, 'resourceName', resource_name,
        'chargeCategory', charge_category, 'tags', tags, ${costs}, 'lines', sum(line_count))
    from biggest join origin on origin.id = biggest.origin_id group by origin.id, kind, rule_id
    union all
    select 'fact', place, 0, jsonb_build_object('provider', provider_name, 'billingAccountId', billing_account_id,
      'subAccountId', sub_account_id, 'subAccountName', sub_account_name, 'serviceName', service_name, 'namePrefix', name_prefix,
      'tags', kept_tags, 'cost', trim_scale(cost)::text, 'lines', line_count, 'origins', origin_count)
    from fact where place <= ${FACTS_MAX}
    union all
    select 'small', 1, 0, jsonb_build_object('cost', trim_scale(sum(cost))::text, 'lines', sum(line_count), 'origins', sum(origin_count))
    from fact where place > ${FACTS_MAX} having count(*) > 0
    order by part, place
  `.execute(db);
  if (rows.some((row) => row.missing > 0)) await requireRates(db, scope.frame, scope.parts);
  const listOf = <Item>(part: Part) => rows.flatMap((row) => (row.part === part ? [row.content as Item] : []));
  return {
    accounts: listOf('account'),
    reasons: listOf('reason'),
    origins: listOf('origin'),
    facts: listOf('fact'),
    smallFacts: listOf<SmallFacts>('small')[0] ?? null,
  };
}

/** Names are those of the last part: what a rule would ask for from then on. */
export function contentOf({ parts }: CoverageScope): RulebookContent {
  const last = parts.at(-1);
  if (last === undefined) throw new Error('a period has days');
  return last.content;
}

/** From cells to facts: the keys worth keeping, then each origin's values of them. */
function factSteps(scope: CoverageScope, metric: RawBuilder<unknown>): RawBuilder<unknown> {
  const { tags, pods } = contentOf(scope);
  const names = pods.flatMap((pod) => [pod.id, ...pod.aliases]);
  const asSeen = (text: string) => (tags.fold ? sql.raw(foldSql(text)) : sql.raw(text));
  const column = tags.fold ? sql`origin.folded_tags` : sql`origin.tags`;
  // The key spelled exactly as a rule would ask for it wins over the others that fold to it.
  const value = tags.fold
    ? sql`coalesce(nullif(btrim(origin.tags ->> tag.key), ''), btrim(tag.value))`
    : sql`tag.value`;
  return sql`
    open_tag as materialized (
      select origin.id as origin_id, tag.key, tag.value as seen, ${value} as value
      from left_over join origin on origin.id = left_over.origin_id cross join lateral jsonb_each_text(${column}) as tag
      where left_over.kind = 'no-rule' and tag.value <> ''
    ), kept_key as materialized (
      select key from (select key, seen from open_tag group by key, seen) as tag group by key
      having count(*) <= ${TAG_VALUES_MAX}
        or bool_or(${asSeen('seen')} in (select ${asSeen('name')} from unnest(${names}::text[]) as name))
    ), tagged as materialized (
      select origin_id, jsonb_object_agg(key, value) as kept_tags from open_tag where key in (select key from kept_key) group by origin_id
    ), named as materialized (
      select origin.id, provider_name, billing_account_id, sub_account_id, sub_account_name, service_name,
        substring(resource_name from '^[A-Za-z][A-Za-z0-9]{2,}[-_./]') as name_prefix, ${metric} as cost, line_count
      from left_over join origin on origin.id = left_over.origin_id where left_over.kind = 'no-rule'
    ), fact as materialized (
      select *, row_number() over (order by abs(cost) desc, provider_name, billing_account_id, sub_account_id, service_name,
        name_prefix, kept_tags) as place
      from (
        select provider_name, billing_account_id, sub_account_id, max(sub_account_name) as sub_account_name, service_name, name_prefix,
          coalesce(kept_tags, '{}') as kept_tags, sum(cost) as cost, sum(line_count) as line_count, count(*) as origin_count
        from named left join tagged on tagged.origin_id = named.id
        group by provider_name, billing_account_id, sub_account_id, service_name, name_prefix, coalesce(kept_tags, '{}')
      ) as summed
    )`;
}

/**
 * Says which rate of the period's charges is missing.
 * @throws AppError missing_exchange_rate.
 */
export async function requireRates(
  db: Kysely<DB>,
  frame: ReportFrame,
  parts: readonly (DateRange & Pick<CoveragePart, 'loadIds'>)[],
): Promise<void> {
  const need = parts.map(
    ({ loadIds, start, end }) => sql`select billing_currency as from_currency, charge_date as on_date from charge
      where load_id = any(${[...loadIds]}::bigint[]) and charge_date >= ${start} and charge_date < ${end}`,
  );
  await requireConversionRates(db, { need: sql.join(need, sql` union all `), to: frame.currency });
}

function camelCase(column: string): string {
  return column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Which of a period's charges the rules gave to somebody, read once by origin: sums by account and month, and of what is left the
 * reasons, the biggest origins and the facts that rules could be made from. Charges are read, because only they know their accounts.
 *
 * Shared cost counts as attributed where somebody carries it. Who carries a split depends on its rule, the charge date and the
 * currency alone, so a charge of a split is left over exactly where `shared_cost` has no pod for these three.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { foldSql } from '../attribution/compile-when.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { requireConversionRates } from '../fx/conversion.ts';
import type { Decimal } from '../kernel/decimal.ts';
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
  readonly facts: readonly LeftOverFact[];
}

export const ORIGINS_SHOWN_MAX = 20;
/** A key with more values than these names resources, not teams, unless one of the values is a pod. */
const TAG_VALUES_MAX = 200;
const FACTS_MAX = 50_000;
const COSTS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'] as const;

/** What is read: the loads that hold the frame's charges, and the rulebook's names. */
export interface CoverageScope {
  readonly frame: ReportFrame;
  readonly loadIds: readonly string[];
  readonly content: RulebookContent;
}

/**
 * Sums per account, month and whether attributed, in the order of their keys.
 * @throws AppError missing_exchange_rate.
 */
export async function readAccountSums(db: Kysely<DB>, scope: CoverageScope): Promise<AccountSums[]> {
  const isAttributed = sql`attribution.kind = 'pod' or (attribution.kind = 'split' and uncarried.rule_id is null)`;
  const month = sql`to_char(charge.charge_date, 'YYYY-MM')`;
  const { rows } = await sql<AccountRow>`
    with uncarried as materialized (${uncarriedSql(scope.frame)}), cell as materialized (
      select charge.origin_id, ${month} as charge_month, ${isAttributed} as is_attributed, ${convertedSums(scope.frame)}
      from ${attributedCharges(scope)} group by 1, 2, 3
    )
    select provider_name, billing_account_id, sub_account_id, max(sub_account_name) as sub_account_name, charge_month, is_attributed,
      ${sql.join(COSTS.map((metric) => sql`trim_scale(coalesce(sum(${sql.ref(metric)}), 0)) as ${sql.ref(metric)}`))},
      sum(missing)::int as missing
    from cell join origin on origin.id = cell.origin_id
    group by provider_name, billing_account_id, sub_account_id, charge_month, is_attributed
    order by provider_name collate "C" nulls last, billing_account_id collate "C" nulls last,
      sub_account_id collate "C" nulls last, charge_month, is_attributed
  `.execute(db);
  if (rows.some((row) => row.missing > 0)) await requireRates(db, scope);
  return rows.map((row) => ({
    provider: row.provider_name,
    billingAccountId: row.billing_account_id,
    subAccountId: row.sub_account_id,
    subAccountName: row.sub_account_name,
    month: row.charge_month,
    isAttributed: row.is_attributed,
    costs: {
      billedCost: row.billed_cost,
      effectiveCost: row.effective_cost,
      listCost: row.list_cost,
      contractedCost: row.contracted_cost,
    },
  }));
}

interface AccountRow {
  readonly provider_name: string | null;
  readonly billing_account_id: string | null;
  readonly sub_account_id: string | null;
  readonly sub_account_name: string | null;
  readonly charge_month: string;
  readonly is_attributed: boolean;
  readonly billed_cost: Decimal;
  readonly effective_cost: Decimal;
  readonly list_cost: Decimal;
  readonly contracted_cost: Decimal;
  readonly missing: number;
}

/**
 * What belongs to nobody, from one pass over its charges. Three lists of rows come as JSON, with every figure as text. The facts are
 * the largest 50,000.
 */
export async function readLeftOver(db: Kysely<DB>, scope: CoverageScope): Promise<LeftOver> {
  const { frame } = scope;
  const metric = sql.ref(METRIC_COLUMNS[frame.costMetric]);
  const costs = sql.join(
    COSTS.flatMap((column) => [
      sql`${sql.lit(camelCase(column))}::text`,
      sql`trim_scale(sum(${sql.ref(column)}))::text`,
    ]),
  );
  const kind = sql`case when attribution.kind = 'split' then 'split' when attribution.rule_id is null then 'no-rule' else 'rule' end`;
  const { rows } = await sql<{ part: 'reason' | 'origin' | 'fact'; content: object }>`
    with uncarried as materialized (${uncarriedSql(frame)}), cell as materialized (
      select charge.origin_id, ${kind} as kind, attribution.rule_id, ${convertedSums(frame)}, sum(charge.line_count) as line_count
      from ${attributedCharges(scope)}
      where attribution.kind = 'unattributed' or uncarried.rule_id is not null
      group by 1, 2, 3
    ), ${factSteps(scope, metric)}
    select part, content from (
      select 'reason' as part, sum(${metric}) as weight, jsonb_build_object('kind', kind, 'ruleId', rule_id, ${costs},
        'lines', sum(line_count), 'origins', count(distinct origin_id)) as content
      from cell group by kind, rule_id
      union all
      (select 'origin', sum(${metric}), jsonb_build_object('originId', cell.origin_id::text, 'kind', kind, 'ruleId', rule_id,
        'provider', provider_name, 'billingAccountId', billing_account_id, 'subAccountId', sub_account_id,
        'subAccountName', sub_account_name, 'serviceName', service_name, 'regionId', region_id, 'resourceId', resource_id,
        'resourceName', resource_name, 'chargeCategory', charge_category, 'tags', tags, ${costs}, 'lines', sum(line_count))
      from cell join origin on origin.id = cell.origin_id group by origin.id, cell.origin_id, kind, rule_id
      order by abs(sum(${metric})) desc, cell.origin_id limit ${ORIGINS_SHOWN_MAX})
      union all
      (select 'fact', sum(cost), jsonb_build_object('provider', provider_name, 'billingAccountId', billing_account_id,
        'subAccountId', sub_account_id, 'subAccountName', max(sub_account_name), 'serviceName', service_name,
        'namePrefix', name_prefix, 'tags', kept_tags, 'cost', trim_scale(sum(cost))::text, 'lines', sum(line_count), 'origins', count(*))
      from fact group by provider_name, billing_account_id, sub_account_id, service_name, name_prefix, kept_tags
      order by abs(sum(cost)) desc, provider_name, sub_account_id, service_name, name_prefix, kept_tags limit ${FACTS_MAX})
    ) as listed order by part, abs(weight) desc, content::text
  `.execute(db);
  const listOf = <Item>(part: string) => rows.flatMap((row) => (row.part === part ? [row.content as Item] : []));
  return { reasons: listOf('reason'), origins: listOf('origin'), facts: listOf('fact') };
}

/** From cells to facts: the keys worth keeping, then each origin's values of them. */
function factSteps(scope: CoverageScope, metric: RawBuilder<unknown>): RawBuilder<unknown> {
  const { tags, pods } = scope.content;
  const names = pods.flatMap((pod) => [pod.id, ...pod.aliases]);
  const asSeen = (text: string) => (tags.fold ? sql.raw(foldSql(text)) : sql.raw(text));
  const column = tags.fold ? sql`origin.folded_tags` : sql`origin.tags`;
  // The key spelled exactly as a rule would ask for it wins over the others that fold to it.
  const value = tags.fold
    ? sql`coalesce(nullif(btrim(origin.tags ->> tag.key), ''), btrim(tag.value))`
    : sql`tag.value`;
  return sql`
    open_cell as materialized (
      select origin.*, ${metric} as cost, cell.line_count from cell join origin on origin.id = cell.origin_id where cell.kind = 'no-rule'
    ), kept_key as materialized (
      select tag.key from open_cell as origin, jsonb_each_text(${column}) as tag where tag.value <> ''
      group by tag.key
      having count(distinct tag.value) <= ${TAG_VALUES_MAX}
        or bool_or(${asSeen('tag.value')} in (select ${asSeen('name')} from unnest(${names}::text[]) as name))
    ), fact as (
      select origin.*, substring(origin.resource_name from '^[A-Za-z][A-Za-z0-9]{2,}[-_./]') as name_prefix, (
        select coalesce(jsonb_object_agg(tag.key, ${value}), '{}') from jsonb_each_text(${column}) as tag
        where tag.value <> '' and tag.key in (select key from kept_key)) as kept_tags
      from open_cell as origin
    )`;
}

/** charge, attribution, uncarried and conversion of the frame's period, as a FROM clause. */
function attributedCharges({ frame, loadIds }: CoverageScope): RawBuilder<unknown> {
  return sql`(
      select charge.* from charge where charge.load_id = any(${[...loadIds]}::bigint[])
        and charge.charge_date >= ${frame.period.start} and charge.charge_date < ${frame.period.end}
    ) as charge
    join attributed_origin as attribution on attribution.rulebook_id = ${frame.rulebook} and attribution.origin_id = charge.origin_id
      and attribution.valid_from <= charge.charge_date and attribution.valid_until > charge.charge_date
    left join uncarried on attribution.kind = 'split' and uncarried.rule_id = attribution.rule_id
      and uncarried.charge_date = charge.charge_date and uncarried.billing_currency = charge.billing_currency
    ${conversionJoin(frame)}`;
}

/** The rate of a charge whose currency is another than the report's. */
export function conversionJoin(frame: ReportFrame): RawBuilder<unknown> {
  return sql`left join conversion_rate as conversion on charge.billing_currency <> ${frame.currency}
      and conversion.from_currency = charge.billing_currency and conversion.to_currency = ${frame.currency}
      and conversion.on_date = charge.charge_date`;
}

/** One metric of a charge in the report's currency: null where the rate is missing. */
export function convertedCost(frame: ReportFrame, column: string): RawBuilder<unknown> {
  const cost = sql.ref(`charge.${column}`);
  return sql`case when charge.billing_currency = ${frame.currency} then ${cost} else ${cost} * conversion.rate end`;
}

function convertedSums(frame: ReportFrame): RawBuilder<unknown> {
  const sums = COSTS.map((metric) => sql`sum(${convertedCost(frame, metric)}) as ${sql.ref(metric)}`);
  return sql`${sql.join(sums)}, count(*) filter (where charge.billing_currency <> ${frame.currency} and conversion.rate is null) as missing`;
}

function uncarriedSql(frame: ReportFrame): RawBuilder<unknown> {
  return sql`select distinct rule_id, charge_date, billing_currency from shared_cost
    where pod_id is null and charge_date >= ${frame.period.start} and charge_date < ${frame.period.end}`;
}

/**
 * Says which rate of the period's charges is missing.
 * @throws AppError missing_exchange_rate.
 */
export async function requireRates(db: Kysely<DB>, { frame, loadIds }: Omit<CoverageScope, 'content'>): Promise<void> {
  const need = sql`select billing_currency as from_currency, charge_date as on_date from charge
    where load_id = any(${[...loadIds]}::bigint[]) and charge_date >= ${frame.period.start} and charge_date < ${frame.period.end}`;
  await requireConversionRates(db, { need, to: frame.currency });
}

function camelCase(column: string): string {
  return column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

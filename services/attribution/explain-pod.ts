/**
 * Why a pod has the cost it has in a period: by rule, by the origins that weigh most, with rates, loads, files and sample lines.
 * Direct cost is the pod's own; of shared cost the pod carries a share, and the origins shown are those of the whole.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { LoadView } from '../billing/describe-load.ts';
import { type Decimal, isZero, ratio } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type FiscalCalendar, type IsoDate, type Period, parsePeriod } from '../kernel/period.ts';
import { METRIC_COLUMN } from './check-conservation.ts';
import {
  describeSources,
  type ExplainedLine,
  type ExplainedMoney,
  type ExplainedRate,
  type LinesQuery,
  readCurrentLoadIds,
  readRates,
  sampleLines,
  sumsAsText,
} from './explain-sources.ts';
import type { CostMetric, Rule } from './rulebook.ts';
import { currentRulebook } from './store-rulebook.ts';

export interface ExplainedRule extends ExplainedMoney {
  /** Null: no rule matched. */
  readonly ruleId: string | null;
  readonly kind: 'direct' | 'shared';
  readonly rule: Rule | null;
  /** The pod's part of the rule's whole in the reporting metric, to 4 decimals; null for direct cost or a whole of zero. */
  readonly share: string | null;
  /** Lines of the whole, before any split. */
  readonly lineCount: string;
}

export interface ExplainedOrigin extends ExplainedMoney {
  readonly originId: string;
  readonly ruleId: string | null;
  readonly kind: 'direct' | 'shared';
  /** As of its rule: the money here is the whole origin's. */
  readonly share: string | null;
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

export interface PodExplanation {
  readonly subject: 'pod';
  readonly podId: string | null;
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate };
  readonly rulebook: number;
  readonly reportingCurrency: string;
  readonly costMetric: CostMetric;
  readonly rules: readonly ExplainedRule[];
  /** The origins of the greatest amounts in the reporting metric, either sign. */
  readonly origins: readonly ExplainedOrigin[];
  readonly rates: readonly ExplainedRate[];
  readonly loads: readonly LoadView[];
  readonly lines: readonly ExplainedLine[];
  /** Why no lines are shown, where the archive could not be read. */
  readonly linesNote: string | null;
}

interface Setting extends FiscalCalendar {
  readonly reportingCurrency: string;
  readonly costMetric: CostMetric;
}

interface PodScope {
  readonly podId: string | null;
  readonly period: Period;
  readonly rulebookId: number;
  readonly loadIds: readonly string[];
  readonly metric: string;
}

const ORIGINS_MAX = 20;
const ORIGINS_WITH_LINES = 3;

/**
 * Explains a pod's cost of a period (`null`: the unattributed cost).
 * @throws AppError not_found for a pod that neither the rulebook nor a figure knows; invalid_period.
 */
export async function explainPod(
  db: Kysely<DB>,
  podId: string | null,
  periodName: string,
  query: LinesQuery,
): Promise<PodExplanation> {
  const setting = await readSetting(db);
  const rulebook = await currentRulebook(db);
  const scope: PodScope = {
    podId,
    period: parsePeriod(periodName, setting),
    rulebookId: rulebook.id,
    loadIds: await readCurrentLoadIds(db),
    metric: METRIC_COLUMN[setting.costMetric],
  };
  await refuseUnknownPod(
    db,
    podId,
    rulebook.content.pods.some((pod) => pod.id === podId),
  );
  const found = await readRules(db, scope);
  const rules = found.map(({ part, whole, ...row }) => ({
    ...row,
    rule: rulebook.content.rules.find((rule) => rule.id === row.ruleId) ?? null,
    share: row.kind === 'direct' || isZero(whole) ? null : ratio(part, whole),
  }));
  const origins = (await readOrigins(db, scope, rules)).map((origin) => ({
    ...origin,
    share: rules.find((rule) => isOfRule(origin, rule))?.share ?? null,
  }));
  const charged = await readCharged(db, scope);
  return {
    subject: 'pod',
    podId,
    period: { id: scope.period.id, start: scope.period.start, end: scope.period.end },
    rulebook: rulebook.id,
    reportingCurrency: setting.reportingCurrency,
    costMetric: setting.costMetric,
    rules,
    origins,
    rates: await readRates(db, charged),
    loads: await describeSources(db, [...new Set(charged.map((one) => one.loadId))]),
    ...(await sampleLines(db, origins.slice(0, ORIGINS_WITH_LINES), query)),
  };
}

async function readSetting(db: Kysely<DB>): Promise<Setting> {
  const { rows } = await sql<Setting>`
    select reporting_currency as "reportingCurrency", cost_metric as "costMetric",
      fiscal_year_start_month as "fiscalYearStartMonth", fiscal_year_named_by as "fiscalYearNamedBy" from organisation
  `.execute(db);
  const [setting] = rows;
  if (setting === undefined) throw new Error('the organisation row is missing; the migrations insert it');
  return setting;
}

async function refuseUnknownPod(db: Kysely<DB>, podId: string | null, isInRulebook: boolean): Promise<void> {
  if (podId === null || isInRulebook) return;
  const { rows } = await sql`
    select from pod where id = ${podId} union all (select from pod_day where pod_id = ${podId} limit 1)
  `.execute(db);
  if (rows.length > 0) return;
  throw new AppError('not_found', `There is no pod "${podId}". The organisation file lists the pods by id.`);
}

/** The scope's condition on a table that has load_id, charge_date and pod_id. */
function inScope(scope: PodScope, table: string) {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  return sql`${column('load_id')} = any(${scope.loadIds}::bigint[])
    and ${column('charge_date')} >= ${scope.period.start}::date and ${column('charge_date')} < ${scope.period.end}::date
    and ${column('pod_id')} is not distinct from ${scope.podId}::text`;
}

async function readRules(
  db: Kysely<DB>,
  scope: PodScope,
): Promise<(Omit<ExplainedRule, 'rule' | 'share'> & { part: Decimal; whole: Decimal })[]> {
  const part = sql`sum(${sql.ref(scope.metric)})::text`;
  const { rows } = await sql<Omit<ExplainedRule, 'rule' | 'share'> & { part: Decimal; whole: Decimal }>`
    select rule_id as "ruleId", 'direct' as kind, billing_currency as "billingCurrency", ${sumsAsText('rollup_cost')},
      sum(line_count)::text as "lineCount", ${part} as part, ${part} as whole
    from rollup_cost
    where ${inScope(scope, 'rollup_cost')} and rulebook_id = ${scope.rulebookId} and kind in ('direct', 'unattributed')
    group by rule_id, billing_currency
    union all
    select carried.*, whole.line_count, ${sql.ref('carried_part.part')}, whole.part
    from (
      select rule_id as "ruleId", 'shared' as kind, billing_currency as "billingCurrency", ${sumsAsText('shared_cost')}
      from shared_cost where ${inScope(scope, 'shared_cost')} group by rule_id, billing_currency
    ) as carried
    join (
      select rule_id, billing_currency, ${part} as part
      from shared_cost where ${inScope(scope, 'shared_cost')} group by rule_id, billing_currency
    ) as carried_part on carried_part.rule_id = carried."ruleId"
      and carried_part.billing_currency = carried."billingCurrency"
    join (
      select rule_id, billing_currency, sum(line_count)::text as line_count, ${part} as part from rollup_cost
      where load_id = any(${scope.loadIds}::bigint[]) and rulebook_id = ${scope.rulebookId} and kind = 'to_split'
        and charge_date >= ${scope.period.start}::date and charge_date < ${scope.period.end}::date
      group by rule_id, billing_currency
    ) as whole on whole.rule_id = carried."ruleId" and whole.billing_currency = carried."billingCurrency"
    order by 2, 3, 1
  `.execute(db);
  return rows;
}

async function readOrigins(
  db: Kysely<DB>,
  scope: PodScope,
  rules: readonly { ruleId: string | null; kind: string }[],
): Promise<Omit<ExplainedOrigin, 'share'>[]> {
  const splitRuleIds = rules.filter((rule) => rule.kind === 'shared').map((rule) => rule.ruleId);
  const { rows } = await sql<Omit<ExplainedOrigin, 'share'>>`
    with top as (
      select charge.origin_id, attribution.rule_id, attribution.kind, charge.billing_currency, ${sumsAsText('charge')},
        sum(charge.line_count)::text as "lineCount", max(charge.load_id) as load_id,
        abs(sum(charge.${sql.ref(scope.metric)})) as weight
      from charge
      join attributed_origin as attribution on attribution.rulebook_id = ${scope.rulebookId} and attribution.origin_id = charge.origin_id
        and charge.charge_date >= attribution.valid_from and charge.charge_date < attribution.valid_until
      where charge.load_id = any(${scope.loadIds}::bigint[])
        and charge.charge_date >= ${scope.period.start}::date and charge.charge_date < ${scope.period.end}::date
        and (attribution.kind = 'split' and attribution.rule_id = any(${splitRuleIds}::text[])
          or attribution.kind <> 'split' and attribution.pod_id is not distinct from ${scope.podId}::text)
      group by charge.origin_id, attribution.rule_id, attribution.kind, charge.billing_currency
      order by weight desc, charge.origin_id limit ${ORIGINS_MAX}
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

/** The loads, dates and currencies in which the pod's cost was charged. */
async function readCharged(
  db: Kysely<DB>,
  scope: PodScope,
): Promise<{ loadId: string; date: IsoDate; currency: string }[]> {
  const { rows } = await sql<{ loadId: string; date: IsoDate; currency: string }>`
    select load_id as "loadId", charge_date as date, billing_currency as currency from rollup_cost
    where ${inScope(scope, 'rollup_cost')} and rulebook_id = ${scope.rulebookId} and kind in ('direct', 'unattributed')
    union
    select load_id, charge_date, billing_currency from shared_cost where ${inScope(scope, 'shared_cost')}
    order by 1, 2, 3
  `.execute(db);
  return rows;
}

function isOfRule(
  origin: { ruleId: string | null; kind: string; billingCurrency: string },
  rule: { ruleId: string | null; kind: string; billingCurrency: string },
): boolean {
  return origin.ruleId === rule.ruleId && origin.kind === rule.kind && origin.billingCurrency === rule.billingCurrency;
}

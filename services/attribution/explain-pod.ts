/**
 * Why a pod has the cost it has in a cell of a report: a period, narrowed by any of the explorer's filters. By rule, by the origins that
 * weigh most, with rates, loads, files and sample lines. Direct cost is the pod's own; of shared cost the pod carries a share, with the
 * weights it is worked out from, and the origins shown are those of the whole.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { LoadView } from '../billing/describe-load.ts';
import type { ArchivedLine } from '../billing/read-lines.ts';
import { isZero, ratio, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type FiscalCalendar, type IsoDate, parsePeriod } from '../kernel/period.ts';
import { parseFilters } from '../reports/cost-filters.ts';
import { METRIC_COLUMN } from './check-conservation.ts';
import { readCellCharged, readCellRules } from './explain-cell.ts';
import { readCellOrigins } from './explain-origins.ts';
import { type Cell, readCellLoadIds, refuseForeignFilters } from './explain-scope.ts';
import {
  describeSources,
  type ExplainedMoney,
  type ExplainedRate,
  type LinesQuery,
  readRates,
  sampleLines,
} from './explain-sources.ts';
import type { CostMetric, Rule } from './rulebook.ts';
import { readSplitWeights } from './split-weights.ts';
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
  /** How a share is worked out, on the first charge date of the cell; null for direct cost. */
  readonly split: ExplainedSplit | null;
}

export interface ExplainedSplit {
  readonly method: string;
  /** What the weights count: a unit, a cost metric, or null where they are plain weights. */
  readonly measure: string | null;
  readonly per: 'day' | 'month' | null;
  readonly onDate: IsoDate;
  /** The pod's share of each amount is its weight ÷ the sum. */
  readonly weight: string;
  readonly sum: string;
  readonly podCount: number;
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
  readonly where: readonly string[];
  readonly rules: readonly ExplainedRule[];
  /** The origins of the greatest amounts in the reporting metric, either sign. */
  readonly origins: readonly ExplainedOrigin[];
  readonly rates: readonly ExplainedRate[];
  readonly loads: readonly LoadView[];
  readonly lines: readonly ArchivedLine[];
  /** Why no lines are shown, where the archive could not be read. */
  readonly linesNote: string | null;
}

interface Setting extends FiscalCalendar {
  readonly reportingCurrency: string;
  readonly costMetric: CostMetric;
}

const ORIGINS_WITH_LINES = 3;

/**
 * Explains a pod's cost of a period (`null`: the unattributed cost).
 * @throws AppError not_found for a pod that neither the rulebook nor a figure knows; invalid_period.
 */
export async function explainPod(
  db: Kysely<DB>,
  { podId, period: periodName, where = [] }: { podId: string | null; period: string; where?: readonly string[] },
  query: LinesQuery,
): Promise<PodExplanation> {
  const setting = await readSetting(db);
  const rulebook = await currentRulebook(db);
  const filters = parseFilters(where);
  refuseForeignFilters(filters);
  const asked = { period: parsePeriod(periodName, setting), rulebookId: rulebook.id, filters };
  const scope: Cell = {
    ...asked,
    podId,
    tags: rulebook.content.tags,
    loadIds: await readCellLoadIds(db, asked),
    reportingCurrency: setting.reportingCurrency,
    metric: METRIC_COLUMN[setting.costMetric],
  };
  await refuseUnknownPod(
    db,
    podId,
    rulebook.content.pods.some((pod) => pod.id === podId),
  );
  const found = await readCellRules(db, scope);
  const charged = await readCellCharged(db, scope);
  const rules: ExplainedRule[] = [];
  for (const { part, whole, ...row } of found) {
    rules.push({
      ...row,
      rule: rulebook.content.rules.find((rule) => rule.id === row.ruleId) ?? null,
      share: row.kind === 'direct' || isZero(whole) ? null : ratio(part, whole),
      split: row.kind === 'direct' ? null : await readSplit(db, podId, row, charged),
    });
  }
  const origins = (await readCellOrigins(db, scope, rules)).map((origin) => ({
    ...origin,
    share: rules.find((rule) => isOfRule(origin, rule))?.share ?? null,
  }));
  return {
    subject: 'pod',
    podId,
    period: { id: scope.period.id, start: scope.period.start, end: scope.period.end },
    rulebook: rulebook.id,
    reportingCurrency: setting.reportingCurrency,
    costMetric: setting.costMetric,
    where,
    rules,
    origins,
    rates: await readRates(db, charged),
    loads: await describeSources(db, [...new Set(charged.map((one) => one.loadId))]),
    ...(await sampleLines(db, origins.slice(0, ORIGINS_WITH_LINES), query)),
  };
}

/** What names of periods and figures of explanations go by. */
export async function readSetting(db: Kysely<DB>): Promise<Setting> {
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

/** The weights by which the rule is split on the first date on which the pod carries a part of it in this currency. */
async function readSplit(
  db: Kysely<DB>,
  podId: string | null,
  { ruleId, billingCurrency }: { ruleId: string | null; billingCurrency: string },
  charged: readonly { date: IsoDate; currency: string }[],
): Promise<ExplainedSplit | null> {
  const dates = charged.filter(({ currency }) => currency === billingCurrency).map(({ date }) => date);
  const { rows } = await sql<{ date: IsoDate }>`
    select min(charge_date) as date from shared_cost
    where rule_id = ${ruleId} and pod_id is not distinct from ${podId}::text and billing_currency = ${billingCurrency}
      and charge_date = any(${[...new Set(dates)]}::date[])
  `.execute(db);
  const onDate = rows[0]?.date;
  if (onDate === undefined || onDate === null || ruleId === null) return null;
  const { method, measure, per, pods, sum } = await readSplitWeights(db, {
    ruleId,
    date: onDate,
    currency: billingCurrency,
  });
  const weight = pods.find((pod) => pod.podId === podId)?.weight ?? ZERO;
  return { method, measure, per, onDate, weight, sum, podCount: pods.length };
}

function isOfRule(
  origin: { ruleId: string | null; kind: string; billingCurrency: string },
  rule: { ruleId: string | null; kind: string; billingCurrency: string },
): boolean {
  return origin.ruleId === rule.ruleId && origin.kind === rule.kind && origin.billingCurrency === rule.billingCurrency;
}

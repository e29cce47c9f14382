/** Usage metrics as they are known: their series with span and gaps, what splits by them, and every quantity with its history. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { currentRulebook } from '../attribution/store-rulebook.ts';
import { type Decimal, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import type { IsoDate } from '../kernel/period.ts';

export interface UsageMetric {
  readonly metricId: string;
  /** Null for a metric that rules split by and that has no quantities yet: what they share falls to unattributed. */
  readonly unit: string | null;
  /** What the quantities are stated by; `mixed`: some by day, some by month. */
  readonly grain: 'day' | 'month' | 'mixed' | null;
  readonly from: IsoDate | null;
  readonly until: IsoDate | null;
  readonly pods: number;
  readonly quantities: number;
  readonly total: Decimal;
  /** Dates within the span (half-open) for which no pod has a quantity. */
  readonly gaps: readonly { readonly from: IsoDate; readonly until: IsoDate }[];
  /** Rules in force that split by it. */
  readonly rules: readonly string[];
  /** Shared cost of these rules that nobody carries, by month, in EffectiveCost. */
  readonly uncarried: readonly {
    readonly ruleId: string;
    readonly month: string;
    readonly billingCurrency: string;
    readonly effectiveCost: Decimal;
  }[];
}

export interface UsageQuantity {
  /** Rises in the order of recording. */
  readonly quantityId: string;
  readonly podId: string;
  readonly period: string;
  readonly quantity: Decimal;
  readonly knownFrom: string;
  /** Null: it counts now. */
  readonly knownUntil: string | null;
  readonly source: string;
  readonly recordedBy: string;
}

type Series = Omit<UsageMetric, 'rules' | 'uncarried'>;

/** Every metric that has quantities or that a rule in force splits by, by id. */
export async function listMetrics(db: Kysely<DB>): Promise<UsageMetric[]> {
  const series = new Map((await readSeries(db)).map((one) => [one.metricId, one]));
  const rulesOf = await readUsageRules(db);
  const uncarried = await readUncarried(db, [...rulesOf.values()].flat());
  const metricIds = [...new Set([...series.keys(), ...rulesOf.keys()])].sort();
  return metricIds.map((metricId) => {
    const rules = rulesOf.get(metricId) ?? [];
    const none: Series = {
      metricId,
      unit: null,
      grain: null,
      from: null,
      until: null,
      pods: 0,
      quantities: 0,
      total: ZERO,
      gaps: [],
    };
    return {
      ...(series.get(metricId) ?? none),
      rules,
      uncarried: uncarried.filter(({ ruleId }) => rules.includes(ruleId)),
    };
  });
}

/**
 * Quantities of a metric, former ones included, in the order they were recorded; one more than `limit` where more follow. `after` is
 * the `quantityId` of the last one seen.
 * @throws AppError not_found for a metric that has none.
 */
export async function listQuantities(
  db: Kysely<DB>,
  options: { metricId: string; limit: number; after: string | null },
): Promise<UsageQuantity[]> {
  const metric = await db.selectFrom('usage_metric').select('id').where('id', '=', options.metricId).executeTakeFirst();
  if (metric === undefined) {
    throw new AppError(
      'not_found',
      worded`There is no metric "${options.metricId}". ${COMMANDS.metrics} names those there are.`,
    );
  }
  const { rows } = await sql<UsageQuantity>`
    select id as "quantityId", pod_id as "podId", ${PERIOD} as period, trim_scale(quantity)::text as quantity, ${instant('known_from')} as "knownFrom",
      ${instant('known_until')} as "knownUntil", source_name as source, recorded_by as "recordedBy"
    from usage_quantity where metric_id = ${options.metricId}
      and id > ${options.after ?? '0'}::bigint
    order by id limit ${options.limit + 1}
  `.execute(db);
  return rows;
}

const PERIOD = sql`case when valid_until = valid_from + 1 then valid_from::text else to_char(valid_from, 'YYYY-MM') end`;

function instant(column: string) {
  return sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

async function readSeries(db: Kysely<DB>): Promise<Series[]> {
  // Money has no place here, so the gaps may come as JSON.
  const { rows } = await sql<Series>`
    with series as (
      select metric_id, min(valid_from) as first, max(valid_until) as last, count(distinct pod_id)::int as pods, count(*)::int as quantities,
        sum(quantity) as total, bool_and(valid_until = valid_from + 1) as is_daily, bool_or(valid_until = valid_from + 1) as has_days,
        datemultirange(daterange(min(valid_from), max(valid_until))) - range_agg(daterange(valid_from, valid_until)) as gaps
      from usage_quantity where known_until is null group by metric_id
    )
    select usage_metric.id as "metricId", unit, first as "from", last as "until", coalesce(pods, 0) as pods,
      coalesce(quantities, 0) as quantities, coalesce(trim_scale(total), 0)::text as total,
      case when is_daily then 'day' when has_days then 'mixed' when first is not null then 'month' end as grain,
      (select coalesce(jsonb_agg(jsonb_build_object('from', lower(gap), 'until', upper(gap)) order by gap), '[]')
        from unnest(gaps) as gap) as gaps
    from usage_metric left join series on series.metric_id = usage_metric.id
  `.execute(db);
  return rows;
}

/** Rule ids by metric, in the order of the rules. */
async function readUsageRules(db: Kysely<DB>): Promise<Map<string, string[]>> {
  const { content } = await currentRulebook(db);
  const rulesOf = new Map<string, string[]>();
  for (const rule of content.rules) {
    if (!('split' in rule) || rule.split.method !== 'usage') continue;
    rulesOf.set(rule.split.metric, [...(rulesOf.get(rule.split.metric) ?? []), rule.id]);
  }
  return rulesOf;
}

async function readUncarried(db: Kysely<DB>, ruleIds: readonly string[]): Promise<UsageMetric['uncarried']> {
  const { rows } = await sql<UsageMetric['uncarried'][number]>`
    select rule_id as "ruleId", to_char(charge_date, 'YYYY-MM') as month, billing_currency as "billingCurrency",
      trim_scale(sum(effective_cost))::text as "effectiveCost"
    from shared_cost where pod_id is null and rule_id = any(${ruleIds}::text[])
    group by 1, 2, 3 having sum(effective_cost) <> 0 order by 1, 2, 3
  `.execute(db);
  return rows;
}

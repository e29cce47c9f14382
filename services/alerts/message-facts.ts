/**
 * What a message tells beside the crossing itself, for all crossings of an evaluation at once: names, the former limit, the pace
 * of the last 14 complete days, and which services grew. Information only: nothing here triggers anything.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { metricColumn, portfolioMembership } from '../envelopes/envelope-figures.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Crossing } from './record-crossings.ts';

const INCREASES_MAX = 3;
/** Less than this part of the limit explains nothing. */
const INCREASE_MIN = sql`0.01`;

export interface ServiceIncrease {
  readonly serviceName: string | null;
  readonly increase: Decimal;
}

export interface CrossingDetails {
  readonly scopeName: string;
  readonly patternNames: readonly string[];
  readonly formerLimit: Decimal | null;
  /** Whole days of the median pace until the limit; null without a pace, or where the limit is passed. */
  readonly daysToLimit: number | null;
  readonly increases: readonly ServiceIncrease[];
}

/** Details per crossing, in their order. Pace and increases only for those with a complete day and somebody to tell. */
export async function readCrossingDetails(db: Kysely<DB>, crossings: readonly Crossing[]): Promise<CrossingDetails[]> {
  const asked = crossings.map(toAsked);
  const names = await readNames(db, asked);
  const told = asked.filter((each) => each.through !== null && each.is_told);
  const paces = new Map<number, number | null>();
  const increases = new Map<number, ServiceIncrease[]>();
  if (told.length > 0) {
    for (const row of await readPaces(db, told)) paces.set(row.ordinal, row.days_to_limit);
    for (const row of await readIncreases(db, told)) {
      const list = increases.get(row.ordinal) ?? [];
      list.push({ serviceName: row.service_name, increase: row.increase });
      increases.set(row.ordinal, list);
    }
  }
  return asked.map(({ ordinal }) => {
    const name = names.get(ordinal);
    return {
      scopeName: name?.scope_name ?? '',
      patternNames: name?.pattern_names ?? [],
      formerLimit: name?.former_limit ?? null,
      daysToLimit: paces.get(ordinal) ?? null,
      increases: increases.get(ordinal) ?? [],
    };
  });
}

interface Asked {
  ordinal: number;
  envelope_id: string;
  version: number;
  scope_kind: string;
  scope_id: string | null;
  counts: string;
  cost_metric: string;
  currency: string;
  actual: Decimal;
  envelope_limit: Decimal;
  pattern_ids: readonly string[];
  through: IsoDate | null;
  is_told: boolean;
}

function toAsked(crossing: Crossing, ordinal: number): Asked {
  const { figure, freshness } = crossing;
  return {
    ordinal,
    envelope_id: figure.envelopeId,
    version: figure.version,
    scope_kind: figure.scope.kind,
    scope_id: figure.scope.id,
    counts: figure.counts,
    cost_metric: figure.costMetric,
    currency: figure.currency,
    actual: crossing.actual,
    envelope_limit: figure.limit,
    pattern_ids: figure.patternIds,
    through: freshness.through,
    is_told: crossing.delivery !== 'suppressed',
  };
}

function askedRows(asked: readonly Asked[]): RawBuilder<unknown> {
  return sql`jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as asked (ordinal integer, envelope_id bigint, version integer,
    scope_kind text, scope_id text, counts text, cost_metric text, currency text, actual numeric, envelope_limit numeric,
    pattern_ids text[], through date)`;
}

async function readNames(
  db: Kysely<DB>,
  asked: readonly Asked[],
): Promise<Map<number, { scope_name: string; pattern_names: string[]; former_limit: Decimal | null }>> {
  const { rows } = await sql<{
    ordinal: number;
    scope_name: string;
    pattern_names: string[];
    former_limit: Decimal | null;
  }>`
    select asked.ordinal,
      case asked.scope_kind when 'pod' then coalesce(pod.name, asked.scope_id)
        when 'portfolio' then coalesce(portfolio.name, asked.scope_id) else organisation.name end as scope_name,
      array(select pattern.name from pattern where pattern.id = any (asked.pattern_ids) order by pattern.name) as pattern_names,
      (select trim_scale(former.envelope_limit) from envelope_version as former
        where former.envelope_id = asked.envelope_id and former.version = asked.version - 1
          and former.currency = asked.currency) as former_limit
    from ${askedRows(asked)}
    cross join organisation
    left join pod on asked.scope_kind = 'pod' and pod.id = asked.scope_id
    left join portfolio on asked.scope_kind = 'portfolio' and portfolio.id = asked.scope_id
  `.execute(db);
  return new Map(rows.map((row) => [row.ordinal, row]));
}

/** Days without cost count as zero; the median of 14 is the mean of the two in the middle. */
async function readPaces(
  db: Kysely<DB>,
  asked: readonly Asked[],
): Promise<{ ordinal: number; days_to_limit: number | null }[]> {
  const { rows } = await sql<{ ordinal: number; days_to_limit: number | null }>`
    with asked as materialized (select * from ${askedRows(asked)}),
    membership as (${portfolioMembership}),
    line as (
      select charge_date, pod_id, kind, billing_currency, null::text as service_name, billed_cost, effective_cost, list_cost,
        contracted_cost
      from pod_day
      where charge_date between (select min(through) - 13 from asked) and (select max(through) from asked)
    ),
    scoped as (${scopedLines(14)}),
    day_cost as (
      select asked.ordinal, day.day, coalesce(sum(scoped.cost), 0) as cost
      from asked
      cross join lateral generate_series(asked.through - 13, asked.through, interval '1 day') as day (day)
      left join scoped on scoped.ordinal = asked.ordinal and scoped.charge_date = day.day::date
      group by 1, 2
    ),
    pace as (
      select ordinal,
        (percentile_disc(0.5) within group (order by cost) + percentile_disc(0.5) within group (order by cost desc)) / 2 as per_day
      from day_cost group by ordinal
    )
    select asked.ordinal,
      case when pace.per_day > 0 and asked.envelope_limit > asked.actual
        then least(ceil((asked.envelope_limit - asked.actual) / pace.per_day), 10000)::integer end as days_to_limit
    from asked join pace using (ordinal)
  `.execute(db);
  return rows;
}

/** The three largest per crossing that matter beside its limit; shared cost by what the envelope counts, like its figure. */
async function readIncreases(
  db: Kysely<DB>,
  asked: readonly Asked[],
): Promise<{ ordinal: number; service_name: string | null; increase: Decimal }[]> {
  const dates = sql`charge_date between (select min(through) - 27 from asked) and (select max(through) from asked)`;
  const costs = sql`billed_cost, effective_cost, list_cost, contracted_cost`;
  const { rows } = await sql<{ ordinal: number; service_name: string | null; increase: Decimal }>`
    with asked as materialized (select * from ${askedRows(asked)}),
    membership as (${portfolioMembership}),
    line as (
      select charge_date, pod_id, 'direct' as kind, billing_currency, service_name, ${costs} from rollup_cost
      where kind in ('direct', 'unattributed') and ${dates}
        and load_id = any (array(select id from load where state = 'published'))
        and rulebook_id = (select rulebook_id from organisation)
      union all
      select charge_date, pod_id, 'shared', billing_currency, service_name, ${costs} from shared_cost where ${dates}
      union all
      select charge_date, owner_pod_id, 'owned', billing_currency, service_name, ${costs} from shared_cost
      where owner_pod_id is not null and ${dates}
    ),
    scoped as (${scopedLines(28)}),
    growth as (
      select scoped.ordinal, scoped.service_name,
        sum(case when scoped.charge_date > asked.through - 14 then scoped.cost else -scoped.cost end) as increase
      from scoped join asked using (ordinal)
      group by 1, 2
    ),
    ranked as (
      select ordinal, service_name, increase, row_number() over (partition by ordinal order by increase desc, service_name) as place
      from growth join asked using (ordinal) where increase > 0 and increase >= ${INCREASE_MIN} * asked.envelope_limit
    )
    select ordinal, service_name, trim_scale(increase) as increase from ranked
    where place <= ${INCREASES_MAX} order by ordinal, place
  `.execute(db);
  return rows;
}

/**
 * The lines (CTE `line`) in each asked scope (CTE `asked`) of its last `days` days, in the envelope's currency. Lines in a
 * currency without a kept rate are left out: by then the figure itself would be held.
 */
function scopedLines(days: number): RawBuilder<unknown> {
  const columns = sql`asked.ordinal, line.charge_date, line.service_name,
    ${metricColumn('line', sql`asked.cost_metric`)}
      * case when line.billing_currency = asked.currency then 1 else kept.rate end as cost`;
  const inDates = sql`line.charge_date > asked.through - ${days}::integer and line.charge_date <= asked.through`;
  const inCounts = sql`line.kind in ('direct', case asked.counts when 'controlled' then 'owned' else 'shared' end)`;
  const rates = sql`left join envelope_version_rate as kept on kept.envelope_id = asked.envelope_id
    and kept.version = asked.version and kept.from_currency = line.billing_currency`;
  return sql`
    select ${columns} from asked join line on line.pod_id = asked.scope_id and ${inDates} and ${inCounts} ${rates}
    where asked.scope_kind = 'pod'
    union all
    select ${columns} from asked
    join membership on membership.portfolio_id = asked.scope_id
    join line on line.pod_id = membership.pod_id and line.charge_date >= membership.valid_from
      and line.charge_date < membership.valid_until and ${inDates} and ${inCounts} ${rates}
    where asked.scope_kind = 'portfolio'
    union all
    select ${columns} from asked join line on ${inDates} and line.kind in ('direct', 'shared') ${rates}
    where asked.scope_kind = 'organisation'
    union all
    select ${columns} from asked join line on ${inDates} and line.kind in ('direct', 'shared') and line.pod_id is null ${rates}
    where asked.scope_kind = 'unattributed'
  `;
}

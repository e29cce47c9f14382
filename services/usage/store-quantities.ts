/**
 * Stores stated quantities of usage metrics and splits anew what they share. History is kept: a changed quantity ends its former row.
 * Figures and quantities change together, in the caller's transaction; quantities that nobody's cost goes by change no figure.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { lockChargeMonths, lockRulebookInForce } from '../attribution/locks.ts';
import { rebuildMonths } from '../attribution/rebuild-months.ts';
import { currentRulebook } from '../attribution/store-rulebook.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { evaluateEnvelopes } from '../envelopes/evaluate-envelopes.ts';
import { USAGE_QUANTITY_LOCK } from '../kernel/advisory-locks.ts';
import type { Principal } from '../kernel/ports.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import type { StatedQuantity } from './check-quantities.ts';

export type QuantityChange = 'added' | 'changed' | 'withdrawn' | 'unchanged';

export interface QuantityChanges {
  readonly counts: Readonly<Record<QuantityChange, number>>;
  /** Metrics with a difference, by id. */
  readonly metrics: readonly { readonly metricId: string; readonly from: IsoDate; readonly until: IsoDate }[];
  /** The charge months (`2026-09`) that rules in force share by them: these are split anew. */
  readonly months: readonly string[];
}

/** One writer of quantities at a time: call it before reading what is there. */
export async function lockQuantities(trx: Transaction<DB>): Promise<void> {
  await lockRulebookInForce(trx, 'shared');
  await sql`select pg_advisory_xact_lock(${USAGE_QUANTITY_LOCK})`.execute(trx);
}

/** What storing them would change; the caller holds lockQuantities. */
export async function planQuantities(
  trx: Transaction<DB>,
  stated: readonly StatedQuantity[],
): Promise<QuantityChanges> {
  const { rows } = await sql<{
    metricId: string;
    month: IsoDate;
    change: QuantityChange;
    count: number;
    from: IsoDate;
    until: IsoDate;
  }>`
    select stated.metric_id as "metricId", date_trunc('month', stated.valid_from::timestamp)::date as month,
      ${changeSql()} as change, count(*)::int as count, min(stated.valid_from) as "from", max(stated.valid_until) as "until"
    from ${statedSql(stated)} left join ${currentSql()}
    group by 1, 2, 3 order by 1, 2
  `.execute(trx);
  const counts = { added: 0, changed: 0, withdrawn: 0, unchanged: 0 };
  for (const { change, count } of rows) counts[change] += count;
  const moved = rows.filter(({ change }) => change !== 'unchanged');
  const metrics = [...new Set(moved.map(({ metricId }) => metricId))].map((metricId) => {
    const own = moved.filter((one) => one.metricId === metricId);
    const from = own.map((one) => one.from).sort()[0] ?? '';
    return {
      metricId,
      from,
      until:
        own
          .map((one) => one.until)
          .sort()
          .at(-1) ?? '',
    };
  });
  const used = await metricsInForce(trx);
  const months = moved.filter(({ metricId }) => used.has(metricId)).map(({ month }) => monthOf(month).id);
  return { counts, metrics, months: [...new Set(months)].sort() };
}

/**
 * Stores them and splits anew what goes by them; the caller holds lockQuantities and gives the units of all metrics stated.
 * @throws AppError conservation_broken.
 */
export async function storeQuantities(
  trx: Transaction<DB>,
  given: {
    stated: readonly StatedQuantity[];
    units: ReadonlyMap<string, string>;
    changes: QuantityChanges;
    sourceName: string;
    principal: Principal;
    at: Date;
  },
): Promise<void> {
  const { stated, units, changes, sourceName, principal, at } = given;
  if (changes.metrics.length === 0) return;
  const now = at.toISOString();
  await sql`
    insert into usage_metric (id, unit, created_at, created_by)
    select id, unit, ${now}::timestamptz, ${principal.id} from unnest(${[...units.keys()]}::text[], ${[...units.values()]}::text[]) as metric (id, unit)
    where id = any(${changes.metrics.map(({ metricId }) => metricId)}::text[])
    on conflict (id) do nothing
  `.execute(trx);
  await sql`
    update usage_quantity as former set known_until = greatest(former.known_from, ${now}::timestamptz)
    from (select former.metric_id, former.pod_id, former.valid_from, former.valid_until
      from ${statedSql(stated)} join ${currentSql()} where ${changeSql()} in ('changed', 'withdrawn')) as ended
    where (former.metric_id, former.pod_id, former.valid_from, former.valid_until)
      = (ended.metric_id, ended.pod_id, ended.valid_from, ended.valid_until) and former.known_until is null
  `.execute(trx);
  await sql`
    insert into usage_quantity (metric_id, pod_id, valid_from, valid_until, quantity, known_from, source_name, recorded_by)
    select stated.metric_id, stated.pod_id, stated.valid_from, stated.valid_until, stated.quantity, ${now}::timestamptz,
      ${sourceName}, ${principal.id}
    from ${statedSql(stated)} left join ${currentSql()} where ${changeSql()} in ('added', 'changed')
  `.execute(trx);
  await splitAnew(
    trx,
    changes.months.map((month) => `${month}-01`),
    at,
  );
  await recordAudit(trx, {
    at,
    principal,
    action: 'record-quantities',
    subjectKind: 'usage-metric',
    subjectId: changes.metrics.map(({ metricId }) => metricId).join(', '),
    details: { ...changes.counts, source: sourceName, months: changes.months },
  });
}

async function splitAnew(trx: Transaction<DB>, months: readonly IsoDate[], at: Date): Promise<void> {
  if (months.length === 0) return;
  await lockChargeMonths(trx, months);
  await rebuildMonths(trx, months);
  await raiseFiguresVersion(trx, { months });
  // Nothing was spent, shares moved: a crossing by that alone is held for finance, as one by new rules is.
  await evaluateEnvelopes(trx, { at, cause: 'rulebook' });
}

/** The metrics that rules in force split by. */
async function metricsInForce(trx: Transaction<DB>): Promise<Set<string>> {
  const { content } = await currentRulebook(trx);
  return new Set(
    content.rules.flatMap((rule) => ('split' in rule && rule.split.method === 'usage' ? [rule.split.metric] : [])),
  );
}

function statedSql(stated: readonly StatedQuantity[]) {
  return sql`(
    select * from unnest(${stated.map((one) => one.metricId)}::text[], ${stated.map((one) => one.podId)}::text[],
      ${stated.map((one) => one.from)}::date[], ${stated.map((one) => one.until)}::date[], ${stated.map((one) => one.quantity)}::text[])
      as raw (metric_id, pod_id, valid_from, valid_until, quantity_text)
    cross join lateral (select quantity_text::numeric as quantity) as read
  ) as stated`;
}

/** What is known now of the same metric, pod and dates, as the right side of a join. */
function currentSql() {
  return sql`usage_quantity as former on former.metric_id = stated.metric_id and former.pod_id = stated.pod_id
    and former.valid_from = stated.valid_from and former.valid_until = stated.valid_until and former.known_until is null`;
}

function changeSql() {
  return sql`case
    when stated.quantity is not distinct from former.quantity then 'unchanged'
    when former.quantity is null then 'added'
    when stated.quantity is null then 'withdrawn'
    else 'changed'
  end`;
}

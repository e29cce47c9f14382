/**
 * Freezes what a pod cost when somebody approved it: the eight weeks before the act. Where the pod is younger than that, the first eight weeks
 * from the act (or from its first cost) on. Where it was drifting already, the last three weeks: who approves has the present cost before them.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type Decimal, decimal } from '../kernel/decimal.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import type { ApprovedAct } from './approved-acts.ts';
import { BASELINE_DAYS, isDrifting, TRAILING_DAYS } from './drift-line.ts';
import { type AskedDays, keepDriftRates, readMedianWeeks } from './median-weeks.ts';

/** A pod whose first cost comes up to this long after the window begins has eight weeks all the same: some cost nothing on some days. */
const GRACE_DAYS = 7;

export type Waiting =
  | { readonly for: 'cost' }
  | { readonly for: 'days'; readonly readyOn: IsoDate }
  | { readonly for: 'rate'; readonly currencies: readonly string[] };

/** Freezes what can be; answers why each other act waits, by pod. `through` is the last complete day. */
export async function freezeBaselines(
  trx: Transaction<DB>,
  acts: readonly ApprovedAct[],
  { through, at }: { through: IsoDate; at: Date },
): Promise<Map<string, Waiting>> {
  const open = acts.filter((act) => act.baseline === null);
  const waiting = new Map<string, Waiting>();
  if (open.length === 0) return waiting;
  const firsts = await readFirstDays(trx, open, through);
  const ready: AskedDays[] = [];
  for (const act of open) {
    const days = windowOf(act, firsts.get(act.podId));
    if (days === null) waiting.set(act.podId, { for: 'cost' });
    else if (days.until > addDays(through, 1)) waiting.set(act.podId, { for: 'days', readyOn: days.until });
    else ready.push(days);
  }
  const missing = await keepDriftRates(trx, ready);
  for (const [podId, currencies] of missing) waiting.set(podId, { for: 'rate', currencies });
  await insertBaselines(
    trx,
    ready.filter(({ act }) => !missing.has(act.podId)),
    at,
  );
  return waiting;
}

function windowOf(act: ApprovedAct, first: IsoDate | undefined): AskedDays | null {
  if (first === undefined) return null;
  const before = addDays(act.actOn, -BASELINE_DAYS);
  if (first < addDays(before, GRACE_DAYS)) return { act, from: before, until: act.actOn };
  const from = first > act.actOn ? first : act.actOn;
  return { act, from, until: addDays(from, BASELINE_DAYS) };
}

async function readFirstDays(
  db: Kysely<DB>,
  acts: readonly ApprovedAct[],
  through: IsoDate,
): Promise<Map<string, IsoDate>> {
  const { rows } = await sql<{ pod_id: string; first: IsoDate }>`
    select asked.pod_id, min(pod_day.charge_date) as first
    from unnest(${acts.map((act) => act.podId)}::text[], ${acts.map((act) => addDays(act.actOn, -BASELINE_DAYS))}::date[])
      as asked (pod_id, days_from)
    join pod_day on pod_day.pod_id = asked.pod_id and pod_day.charge_date >= asked.days_from and pod_day.charge_date <= ${through}::date
    group by 1
  `.execute(db);
  return new Map(rows.map((row) => [row.pod_id, row.first]));
}

async function insertBaselines(trx: Transaction<DB>, ready: readonly AskedDays[], at: Date): Promise<void> {
  const lasts = ready.map(({ act, until }) => ({ act, from: addDays(until, -TRAILING_DAYS), until }));
  const medians = await readMedianWeeks(trx, [...ready, ...lasts]);
  const rows = ready.map((days, index) => {
    const whole = medians[index] ?? decimal('0');
    const last: Decimal = medians[ready.length + index] ?? whole;
    const last3 = lasts[index] ?? days;
    // Of a pod that is new the last weeks are no approval.
    const isBefore = days.until === days.act.actOn;
    const isGrown = isBefore && isDrifting(last, whole, true);
    const { act, from, until } = isGrown ? last3 : days;
    return {
      pod_id: act.podId,
      act: act.act,
      act_on: act.actOn,
      approved_by: act.approvedBy,
      counts: act.counts,
      cost_metric: act.costMetric,
      currency: act.currency,
      days_from: from,
      days_until: until,
      per_week: isGrown ? last : whole,
    };
  });
  if (rows.length === 0) return;
  await sql`
    insert into drift_baseline (pod_id, act, act_on, approved_by, counts, cost_metric, currency, rulebook_id, days_from, days_until, per_week, set_at)
    select pod_id, act, act_on, approved_by, counts, draft.cost_metric, currency, organisation.rulebook_id, days_from, days_until, per_week,
      ${at.toISOString()}
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as draft (pod_id text, act text, act_on date, approved_by text, counts text,
      cost_metric text, currency text, days_from date, days_until date, per_week numeric)
    cross join organisation
    on conflict on constraint drift_baseline_key do nothing
  `.execute(trx);
}

/**
 * Looks for slow drift after every publication and every hour: freezes baselines that became ready, compares the three weeks that end with the
 * last complete day, opens and closes episodes. In a transaction of its own: nothing waits for it, and whoever is killed is followed by the next.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { readSourceReach } from '../envelopes/data-freshness.ts';
import { DRIFT_LOCK } from '../kernel/advisory-locks.ts';
import { type Decimal, decimal } from '../kernel/decimal.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import { type ApprovedAct, readApprovedActs } from './approved-acts.ts';
import { lastCompleteDay } from './complete-day.ts';
import { isDrifting, TRAILING_DAYS } from './drift-line.ts';
import { readDriftServices } from './drift-services.ts';
import { freezeBaselines, type Waiting } from './freeze-baselines.ts';
import { type AskedDays, keepDriftRates, readMedianWeeks } from './median-weeks.ts';

/** How far back the first day above the line is looked for. */
const START_DAYS_MAX = 182;

export interface DriftLook {
  readonly judged: number;
  readonly found: number;
  readonly closed: number;
}

/** One look at every pod. */
export async function judgeDrift(trx: Transaction<DB>, at: Date): Promise<DriftLook> {
  await sql`select pg_advisory_xact_lock(${DRIFT_LOCK})`.execute(trx);
  const through = lastCompleteDay(await readSourceReach(trx));
  if (through === null) return { judged: 0, found: 0, closed: 0 };
  const known = await readApprovedActs(trx, at);
  const waiting = await freezeBaselines(trx, known, { through, at });
  const isFrozenNow = known.some(({ podId, baseline }) => baseline === null && !waiting.has(podId));
  const acts = isFrozenNow ? await readApprovedActs(trx, at) : known;
  const asked = acts.filter((act) => act.baseline !== null).map((act) => trailing(act, through));
  for (const [podId, currencies] of await keepDriftRates(trx, asked)) waiting.set(podId, { for: 'rate', currencies });
  const judgeable = asked.filter(({ act }) => !waiting.has(act.podId));
  const medians = await readMedianWeeks(trx, judgeable);
  const judged = judgeable.flatMap(({ act }, index): Judged[] => {
    const perWeek = medians[index];
    if (perWeek === undefined || act.baseline === null) return [];
    return [{ act, baselineId: act.baseline.baselineId, baseline: decimal(act.baseline.perWeek), perWeek }];
  });
  await storeStandings(trx, acts, { judged, waiting, through, at });
  const closed = await closeEpisodes(trx, acts, judged, at);
  const found = await openEpisodes(trx, judged, { through, at });
  await moveEpisodes(trx, judged, through);
  return { judged: judged.length, found, closed };
}

interface Judged {
  readonly act: ApprovedAct;
  readonly baselineId: string;
  readonly baseline: Decimal;
  readonly perWeek: Decimal;
}

function trailing(act: ApprovedAct, through: IsoDate): AskedDays {
  return { act, from: addDays(through, 1 - TRAILING_DAYS), until: addDays(through, 1) };
}

async function storeStandings(
  trx: Transaction<DB>,
  acts: readonly ApprovedAct[],
  look: { judged: readonly Judged[]; waiting: ReadonlyMap<string, Waiting>; through: IsoDate; at: Date },
): Promise<void> {
  const perWeek = new Map(look.judged.map((one) => [one.act.podId, one.perWeek]));
  const rows = acts.map((act) => {
    const waits = look.waiting.get(act.podId);
    return {
      pod_id: act.podId,
      act: act.act,
      act_on: act.actOn,
      baseline_id: act.baseline?.baselineId ?? null,
      waits_for: waits?.for ?? null,
      missing_rates: waits?.for === 'rate' ? waits.currencies : [],
      ready_on: waits?.for === 'days' ? waits.readyOn : null,
      through: look.through,
      per_week: perWeek.get(act.podId) ?? null,
    };
  });
  const columns = sql`pod_id, act, act_on, baseline_id, waits_for, missing_rates, ready_on, through, per_week`;
  await sql`delete from drift_standing where not pod_id = any (${acts.map((act) => act.podId)}::text[])`.execute(trx);
  await sql`
    insert into drift_standing (${columns}, judged_at)
    select ${columns}, ${look.at.toISOString()} from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as looked (pod_id text, act text, act_on date,
      baseline_id bigint, waits_for text, missing_rates text[], ready_on date, through date, per_week numeric)
    on conflict (pod_id) do update set act = excluded.act, act_on = excluded.act_on, baseline_id = excluded.baseline_id,
      waits_for = excluded.waits_for, missing_rates = excluded.missing_rates, ready_on = excluded.ready_on, through = excluded.through,
      per_week = excluded.per_week, judged_at = excluded.judged_at
  `.execute(trx);
}

/** Of pods that came down, that somebody approved as they are, or that are no more. */
async function closeEpisodes(
  trx: Transaction<DB>,
  acts: readonly ApprovedAct[],
  judged: readonly Judged[],
  at: Date,
): Promise<number> {
  const fallen = judged.filter((one) => !isDrifting(one.perWeek, one.baseline, true)).map((one) => one.act.podId);
  const { numAffectedRows } = await sql`
    update drift set closed_at = ${at.toISOString()},
      closed_because = case when standing.pod_id is null then 'ended' when standing.act_on <> baseline.act_on then 'approved' else 'fell' end
    from drift_baseline as baseline
    left join unnest(${acts.map((act) => act.podId)}::text[], ${acts.map((act) => act.actOn)}::date[]) as standing (pod_id, act_on)
      on standing.pod_id = baseline.pod_id
    where drift.closed_at is null and baseline.id = drift.baseline_id
      and (standing.pod_id is null or standing.act_on <> baseline.act_on or drift.pod_id = any (${fallen}::text[]))
  `.execute(trx);
  return Number(numAffectedRows ?? 0n);
}

async function openEpisodes(
  trx: Transaction<DB>,
  judged: readonly Judged[],
  { through, at }: { through: IsoDate; at: Date },
): Promise<number> {
  const open = await readOpen(trx);
  const found = judged.filter((one) => !open.has(one.act.podId) && isDrifting(one.perWeek, one.baseline, false));
  if (found.length === 0) return 0;
  const starts = await readStarts(trx, found, through);
  const rows = found.map((one) => ({
    pod_id: one.act.podId,
    baseline_id: one.baselineId,
    started_on: starts.get(one.act.podId) ?? through,
    per_week: one.perWeek,
  }));
  await sql`
    insert into drift (pod_id, baseline_id, started_on, found_on, found_at, through, per_week)
    select pod_id, baseline_id, started_on, ${through}::date, ${at.toISOString()}, '-infinity', per_week
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as found (pod_id text, baseline_id bigint, started_on date, per_week numeric)
  `.execute(trx);
  return found.length;
}

async function readOpen(db: Kysely<DB>): Promise<Set<string>> {
  const rows = await db.selectFrom('drift').select('pod_id').where('closed_at', 'is', null).execute();
  return new Set(rows.map((row) => row.pod_id));
}

/** The first day of the run above the line that ends with `through`: bills of weeks may have come at once. */
async function readStarts(db: Kysely<DB>, found: readonly Judged[], through: IsoDate): Promise<Map<string, IsoDate>> {
  const looks = found.flatMap((one) => {
    const earliest = addDays(through, 1 - START_DAYS_MAX);
    const ends: IsoDate[] = [];
    for (let day = through; day >= earliest && day >= one.act.actOn; day = addDays(day, -1)) ends.push(day);
    return ends.map((day) => ({ one, day }));
  });
  const medians = await readMedianWeeks(
    db,
    looks.map(({ one, day }) => trailing(one.act, day)),
  );
  const starts = new Map<string, IsoDate>();
  const over = new Set<string>();
  for (const [index, { one, day }] of looks.entries()) {
    const { podId } = one.act;
    if (over.has(podId)) continue;
    const median = medians[index];
    if (median !== undefined && isDrifting(median, one.baseline, false)) starts.set(podId, day);
    else over.add(podId);
  }
  return starts;
}

/** Open episodes say how it is, and which services are behind it, whenever another day is complete. */
async function moveEpisodes(trx: Transaction<DB>, judged: readonly Judged[], through: IsoDate): Promise<void> {
  const rows = judged.map((one) => ({ pod_id: one.act.podId, baseline_id: one.baselineId, per_week: one.perWeek }));
  const { rows: moved } = await sql<{ id: string; pod_id: string; is_later: boolean }>`
    with former as (select id, through from drift where closed_at is null)
    update drift set through = ${through}::date, per_week = looked.per_week, baseline_id = looked.baseline_id
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as looked (pod_id text, baseline_id bigint, per_week numeric), former
    where former.id = drift.id and drift.pod_id = looked.pod_id and drift.closed_at is null
    returning drift.id, drift.pod_id, former.through < ${through}::date as is_later
  `.execute(trx);
  const later = moved.filter((row) => row.is_later);
  if (later.length === 0) return;
  const ids = later.map((row) => row.id);
  await sql`delete from drift_service where drift_id = any (${ids}::bigint[])`.execute(trx);
  const services = await readDriftServices(trx, ids);
  await sql`
    insert into drift_service (drift_id, place, service_name, per_month)
    select drift_id, place, service_name, per_month from jsonb_to_recordset(${JSON.stringify(services)}::jsonb)
      as behind (drift_id bigint, place integer, service_name text, per_month numeric)
  `.execute(trx);
}

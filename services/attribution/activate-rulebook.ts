/**
 * Puts a rulebook in force. The long part, attribution of all origins and rollups of all current loads, is prepared and committed
 * beforehand, piece by piece; the switch is then one transaction that only catches up with what was published meanwhile.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { Principal, Progress } from '../kernel/ports.ts';
import { attributeOriginsBetween, listOriginParts } from './attribute-origins.ts';
import { chooseSource, deriveAttribution, type Source } from './derive-attribution.ts';
import { raiseFiguresVersion } from './figures-version.ts';
import { lockChargeMonths, lockRulebookInForce } from './locks.ts';
import { listCurrentLoadIds, rebuildMonths } from './rebuild-months.ts';
import { ensureRollUp, rollUpLoad } from './roll-up.ts';
import { currentRulebook, readRulebook } from './store-rulebook.ts';

/** About a second of work: what a killed preparation can lose. */
const ORIGINS_PER_STEP = 50_000;
/** Each takes a connection; a pool has five. */
const STEPS_AT_ONCE = 2;

/**
 * Attributes all origins and rolls up all current loads under a stored rulebook, in many transactions. Changes no figure; may be
 * killed, repeated, and run beside ingestion.
 * @throws AppError not_found, conservation_broken.
 */
export async function prepareRulebook(db: Kysely<DB>, rulebookId: number, progress: Progress): Promise<void> {
  const { told, left } = await db.transaction().execute((trx) => deriveForLoads(trx, rulebookId));
  // These loads' origins are all there, so the walk over the origins attributes every one of them; activation sees to later loads.
  if (left.some(({ isTold }) => !isTold)) await attributeInSteps(db, rulebookId, progress);
  for (const [done, { loadId, isTold }] of left.entries()) {
    progress.report({ label: 'Rolling up loads', done, total: left.length, unit: 'loads' });
    await db.transaction().execute((trx) => rollUpLoad(trx, loadId, rulebookId, isTold ? told : undefined));
    faultPoint('prepare-rulebook-after-load');
  }
  progress.report({ label: 'Rolling up loads', done: left.length, total: left.length, unit: 'loads' });
}

/**
 * Puts a stored rulebook in force and rebuilds every charge month under it; gives whether it was not in force before. Loads that
 * were published since the preparation are rolled up here. The caller evaluates the envelopes.
 * @throws AppError not_found, conservation_broken.
 */
export async function activateRulebook(
  trx: Transaction<DB>,
  rulebookId: number,
  { at, principal }: { at: Date; principal: Principal },
): Promise<{ activated: boolean }> {
  await lockRulebookInForce(trx, 'exclusive');
  await readRulebook(trx, rulebookId);
  const former = await currentRulebook(trx);
  if (former.id === rulebookId) return { activated: false };
  const loadIds = await ensureRulebookReady(trx, rulebookId);
  const months = await listChargeMonths(trx, loadIds, rulebookId);
  await lockChargeMonths(trx, months);
  await sql`update organisation set rulebook_id = ${rulebookId}`.execute(trx);
  await sql`
    insert into rulebook_activation (rulebook_id, activated_at, activated_by)
    values (${rulebookId}, ${at.toISOString()}::timestamptz, ${principal.id})
  `.execute(trx);
  faultPoint('activate-rulebook-after-switch');
  await rebuildMonths(trx, months);
  await raiseFiguresVersion(trx, { months });
  faultPoint('activate-rulebook-before-commit');
  return { activated: true };
}

/**
 * Attributes and rolls up every current load under a stored rulebook, within one transaction; gives the loads' ids. Changes no figure. What
 * was prepared before is found and kept; a plan makes everything here and takes it back with its transaction.
 * @throws AppError not_found, conservation_broken.
 */
export async function ensureRulebookReady(trx: Transaction<DB>, rulebookId: number): Promise<string[]> {
  const { told, left } = await deriveForLoads(trx, rulebookId);
  for (const { loadId, isTold } of left) {
    if (isTold) await rollUpLoad(trx, loadId, rulebookId, told);
    else await ensureRollUp(trx, loadId, rulebookId);
  }
  return listCurrentLoadIds(trx);
}

/** The current loads that are not rolled up under a rulebook. */
interface LeftLoads {
  /** What the rulebook's attribution and rollups are told from, where there is such a rulebook. */
  readonly told: Source | undefined;
  /** `isTold`: rolled up under that source, so that their origins are attributed from it by now. */
  readonly left: readonly { readonly loadId: string; readonly isTold: boolean }[];
}

/** Lays the rulebook where that was not done yet, and attributes the origins of those loads that its source knows. */
async function deriveForLoads(trx: Transaction<DB>, rulebookId: number): Promise<LeftLoads> {
  const told = await chooseSource(trx, rulebookId);
  const { rows: left } = await sql<{ loadId: string; isTold: boolean }>`
    select id::text as "loadId",
      exists (select from load_rollup where load_id = load.id and rulebook_id = ${told?.source.id ?? null}) as "isTold"
    from load where state = 'published'
      and not exists (select from load_rollup where load_id = load.id and rulebook_id = ${rulebookId})
    order by id
  `.execute(trx);
  const loadIds = left.flatMap(({ loadId, isTold }) => (isTold ? [loadId] : []));
  if (told !== undefined && loadIds.length > 0) await deriveAttribution(trx, told, loadIds);
  return { told, left };
}

/**
 * The months (`YYYY-MM-01`, ascending) in which these loads have charges. Goes from month to month along the index of the rollup that
 * holds all of a load's cells: the one under the rulebook itself, or the lowest that it is laid upon.
 */
export async function listChargeMonths(
  trx: Transaction<DB>,
  loadIds: readonly string[],
  rulebookId: number,
): Promise<IsoDate[]> {
  const { rows } = await sql<{ charge_month: IsoDate }>`
    with recursive whole as (
      select load_id, coalesce(
        (select layer_id from rollup_layer as layer where layer.load_id = asked.load_id and rulebook_id = ${rulebookId}
          order by cardinality(nearer_ids) desc limit 1), ${rulebookId}) as layer_id
      from unnest(${loadIds}::bigint[]) as asked (load_id)
    ), found as (
      select load_id, layer_id, (select date_trunc('month', min(charge_date)::timestamp)::date from pod_cost
        where pod_cost.load_id = whole.load_id and rulebook_id = layer_id) as charge_month
      from whole
      union all
      select load_id, layer_id, (select date_trunc('month', min(charge_date)::timestamp)::date from pod_cost
        where pod_cost.load_id = found.load_id and rulebook_id = layer_id
          and charge_date >= (found.charge_month + interval '1 month')::date)
      from found where charge_month is not null
    )
    select distinct charge_month from found where charge_month is not null order by 1
  `.execute(trx);
  return rows.map((row) => row.charge_month);
}

/** In parts side by side, a transaction each: a killed preparation keeps what it had, and the server has work for two processors. */
async function attributeInSteps(db: Kysely<DB>, rulebookId: number, progress: Progress): Promise<void> {
  const parts = await listOriginParts(db, ORIGINS_PER_STEP);
  let begun = 0;
  let done = 0;
  const report = () => progress.report({ label: 'Attributing origins', done, total: parts.length, unit: 'parts' });
  const work = async () => {
    for (let part = parts[begun++]; part !== undefined; part = parts[begun++]) {
      const origins = part;
      await db.transaction().execute((trx) => attributeOriginsBetween(trx, rulebookId, origins));
      done += 1;
      report();
      faultPoint('prepare-rulebook-after-step');
    }
  };
  report();
  await Promise.all(Array.from({ length: STEPS_AT_ONCE }, work));
}

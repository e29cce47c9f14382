/**
 * Publishing: one small transaction in which a staged, rolled-up load becomes the current one of its billing period, the charge
 * months it touches are rebuilt, and the envelopes are judged on the new figures. It can be killed at any instruction: before the
 * commit nothing has happened, after it everything has, and publishing again changes nothing.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { listChargeMonths } from '../attribution/activate-rulebook.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { lockBillingPeriod, lockChargeMonths, lockRulebookInForce } from '../attribution/locks.ts';
import { rebuildMonths } from '../attribution/rebuild-months.ts';
import { ensureRollUp } from '../attribution/roll-up.ts';
import { currentRulebook } from '../attribution/store-rulebook.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { evaluateEnvelopes } from '../envelopes/evaluate-envelopes.ts';
import { AppError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import { recordOverlaps } from './load-overlaps.ts';

export interface PublishOptions {
  readonly at: Date;
  readonly principal: Principal;
}

export interface Publication {
  /** `superseded`: a later delivery of the billing period is current already; this load never counted, or counts no more. */
  readonly state: 'published' | 'superseded';
  /** The load that this one replaced, where this call did so. */
  readonly supersededLoadId: string | null;
}

interface LoadRow {
  readonly id: string;
  readonly source_id: string;
  readonly billing_period_start: IsoDate;
  readonly billing_period_end: IsoDate;
  readonly state: 'staging' | 'staged' | 'published' | 'superseded' | 'failed';
  readonly delivered_at: Date;
}

/**
 * Makes a staged load current. Its charges are attached already, in a transaction of their own. Doing it again is harmless.
 * @throws AppError not_found; conflict where the load is not staged; conservation_broken (nothing is changed).
 */
export async function publishLoad(db: Kysely<DB>, loadId: string, options: PublishOptions): Promise<Publication> {
  faultPoint('publish-before-transaction');
  const publication = await db.transaction().execute((trx) => publish(trx, loadId, options));
  faultPoint('publish-after-commit');
  return publication;
}

async function publish(trx: Transaction<DB>, loadId: string, { at, principal }: PublishOptions): Promise<Publication> {
  await lockRulebookInForce(trx, 'shared');
  const named = await readLoad(trx, loadId);
  await lockBillingPeriod(trx, {
    sourceId: named.source_id,
    start: named.billing_period_start,
    end: named.billing_period_end,
  });
  // Read again: only under the period's lock does the state stay what it is.
  const load = await readLoad(trx, loadId);
  if (load.state === 'published' || load.state === 'superseded') return { state: load.state, supersededLoadId: null };
  if (load.state !== 'staged') throw notStaged(load);

  const current = await readCurrentLoad(trx, load);
  if (current !== undefined && isLater(current, load)) {
    await markSuperseded(trx, load.id, at);
    await recordPublication(trx, load, { at, principal }, { state: 'superseded', laterLoadId: current.id });
    return { state: 'superseded', supersededLoadId: null };
  }

  const rulebook = await currentRulebook(trx);
  await ensureRollUp(trx, load.id, rulebook.id);
  const touchedLoadIds = current === undefined ? [load.id] : [current.id, load.id];
  const months = await listChargeMonths(trx, touchedLoadIds, rulebook.id);
  await lockChargeMonths(trx, months);
  faultPoint('publish-after-locks');

  if (current !== undefined) await markSuperseded(trx, current.id, at);
  faultPoint('publish-between-states');
  await sql`update load set state = 'published', published_at = ${at.toISOString()}::timestamptz where id = ${load.id}::bigint`.execute(
    trx,
  );
  faultPoint('publish-after-states');
  await rebuildMonths(trx, months);
  faultPoint('publish-after-figures');
  const overlappedLoadIds = await recordOverlaps(trx, load.id);
  await raiseFiguresVersion(trx, { months });
  await evaluateEnvelopes(trx, { at, cause: 'load', loadId: load.id });
  const supersededLoadId = current?.id ?? null;
  await recordPublication(
    trx,
    load,
    { at, principal },
    {
      state: 'published',
      supersededLoadId,
      rulebookId: rulebook.id,
      ...(overlappedLoadIds.length === 0 ? {} : { overlappedLoadIds }),
    },
  );
  faultPoint('publish-before-commit');
  return { state: 'published', supersededLoadId };
}

async function readLoad(trx: Transaction<DB>, loadId: string): Promise<LoadRow> {
  const { rows } = await sql<LoadRow>`
    select id, source_id, billing_period_start, billing_period_end, state, delivered_at from load
    where id = ${loadId}::bigint
  `.execute(trx);
  const [load] = rows;
  if (load === undefined) throw new AppError('not_found', `There is no load ${loadId}.`);
  return load;
}

async function readCurrentLoad(trx: Transaction<DB>, load: LoadRow): Promise<LoadRow | undefined> {
  const { rows } = await sql<LoadRow>`
    select id, source_id, billing_period_start, billing_period_end, state, delivered_at from load
    where source_id = ${load.source_id} and billing_period_start = ${load.billing_period_start}::date
      and billing_period_end = ${load.billing_period_end}::date and state = 'published'
  `.execute(trx);
  return rows[0];
}

/** Deliveries are ordered by their instant; of two at one instant the one registered later is the later one. */
function isLater(one: LoadRow, other: LoadRow): boolean {
  const difference = one.delivered_at.getTime() - other.delivered_at.getTime();
  return difference === 0 ? BigInt(one.id) > BigInt(other.id) : difference > 0;
}

async function markSuperseded(trx: Transaction<DB>, loadId: string, at: Date): Promise<void> {
  await sql`update load set state = 'superseded', superseded_at = ${at.toISOString()}::timestamptz where id = ${loadId}::bigint`.execute(
    trx,
  );
}

async function recordPublication(
  trx: Transaction<DB>,
  load: LoadRow,
  { at, principal }: PublishOptions,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  await recordAudit(trx, {
    at,
    principal,
    action: 'publish-load',
    subjectKind: 'load',
    subjectId: load.id,
    details: {
      sourceId: load.source_id,
      billingPeriod: billingPeriodName(load.billing_period_start, load.billing_period_end),
      ...details,
    },
  });
}

function notStaged(load: LoadRow): AppError {
  const fix =
    load.state === 'failed'
      ? 'Its bill was refused: correct the file and ingest it again.'
      : 'Its files are still being read: wait for it, or ingest the bill again.';
  return new AppError('conflict', `Load ${load.id} is ${load.state} and cannot be published. ${fix}`, {
    details: { loadId: load.id, state: load.state },
  });
}

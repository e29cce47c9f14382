/**
 * Finance verifies: the whole outcome, or row by row of its schedule, each in full or in part; what was verified may be measured again.
 * Every gate must be passed, and the verifier is neither its claimant, nor its owner, nor of a receiving pod.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { compare, type Decimal, decimal, isDecimalText, sum, ZERO } from '../../kernel/decimal.ts';
import { AppError, countFurther } from '../../kernel/errors.ts';
import { type IsoDate, isIsoDate, utcDate } from '../../kernel/period.ts';
import { option, worded } from '../../kernel/wording.ts';
import { faultOfFigure } from '../statement/check-figure.ts';
import {
  type ActedOutcome,
  type ActedRow,
  beginAct,
  endAct,
  requireReason,
  requireState,
  type SeenAct,
  unchangedBy,
} from './outcome-act.ts';
import { describeMissingRate, findMissingRates } from '../statement/missing-rates.ts';
import { readPodsOf } from '../outcome-context.ts';
import { keepCeilings } from '../pools/pool-ceilings.ts';
import { readGates } from '../gates/read-gates.ts';
import { requireSeen } from './seen-version.ts';
import { dependenceOf, missingForVerification } from '../gates/verification-gates.ts';

/** What the verifier says of one row of the schedule. */
export interface RowVerdict {
  readonly ordinal: number;
  readonly verdict: 'verified' | 'rejected';
  /** Of a verified row, at most what was claimed; all of it if absent. */
  readonly verifiedAmount?: string;
}

export interface VerificationRequest extends SeenAct {
  /** Rows not named stay as they are; without it, every row is verified in full. */
  readonly rows?: readonly RowVerdict[];
  /** Of this day and later it counts as claimed again; as stated if absent. */
  readonly reviewDueOn?: string;
  /** Needed where a row is rejected or verified in part. */
  readonly reason?: string;
}

/** With what came of it, of one that has an amount. */
export interface VerifiedOutcome extends ActedOutcome {
  readonly currency: string | null;
  readonly claimedAmount: string | null;
  readonly verifiedAmount: string | null;
}

interface ScheduleState {
  readonly ordinal: number;
  readonly from: IsoDate;
  readonly until: IsoDate;
  readonly amount: Decimal;
  readonly verdict: 'open' | 'verified' | 'rejected';
  readonly verifiedAmount: Decimal | null;
}

/** @throws AppError forbidden, not_found, conflict with everything that is missing, invalid_input. */
export async function verifyOutcome(trx: Transaction<DB>, request: VerificationRequest): Promise<VerifiedOutcome> {
  const { principal, at } = request;
  const row = await beginAct(trx, request, { roles: ['finance'], does: 'verify an outcome' });
  const fix = 'Claim it first.';
  requireState(row, ['claimed', 'in_review', 'verified', 'partially_verified'], 'verify', fix);
  await requireSeen(trx, row, request.version);
  const obstacle = dependenceOf(principal.id, {
    ownerEmail: row.ownerEmail,
    claimedBy: row.claimants,
    pods: row.pods,
    podsOf: await readPodsOf(trx, at),
  });
  if (obstacle !== null) throw new AppError('forbidden', `${obstacle}. Ask somebody else of role finance.`);
  await requireComplete(trx, row);
  const reviewDueOn = nextReview(row, request);
  const before = await readSchedule(trx, row.id);
  const after = judge(before, request.rows);
  const state = stateOf(after, row);
  const isSame =
    JSON.stringify(before) === JSON.stringify(after) && state === row.state && reviewDueOn === row.reviewDueOn;
  if (isSame) return { ...unchangedBy(row), ...amountsOf(row, after) };
  const isPart = state === 'partially_verified' && request.rows !== undefined;
  const reason = isPart || request.reason !== undefined ? requireReason(request.reason, 'verify a part of') : null;
  await requireRates(trx, row, { rows: after, at });
  await writeVerdicts(trx, { outcomeId: row.id, rows: after });
  await sql`
    update outcome set state = ${state}, verified_by = ${principal.id}, verified_at = ${at.toISOString()}::timestamptz,
      review_due_on = ${reviewDueOn}::date, state_reason = ${reason}
    where id = ${row.id}::bigint`.execute(trx);
  await keepCeilings(trx, [row.id]);
  const details = { rows: after.map(({ ordinal, verdict, verifiedAmount }) => ({ ordinal, verdict, verifiedAmount })) };
  const done = await endAct(trx, request, {
    act: 'verified',
    action: 'verify-outcome',
    reason,
    details,
    figures: true,
  });
  return { ...done, ...amountsOf(row, after) };
}

function amountsOf({ currency }: ActedRow, rows: readonly ScheduleState[]) {
  if (currency === null) return { currency, claimedAmount: null, verifiedAmount: null };
  const claimedAmount = sum(rows.map(({ amount }) => amount));
  return { currency, claimedAmount, verifiedAmount: sum(rows.map((row) => row.verifiedAmount ?? ZERO)) };
}

async function requireComplete(trx: Transaction<DB>, row: ActedRow): Promise<void> {
  const gated = (await readGates(trx, [row.id])).get(row.id);
  const missing = gated === undefined ? [] : missingForVerification(gated);
  const [first] = missing;
  if (first === undefined) return;
  const faults = missing.map(({ gate, reason, fix }) => ({ column: gate, reason, fix }));
  const what = `Outcome ${row.id} cannot be verified yet`;
  const http = `${what}: ${first.reason}. ${first.fix}${countFurther(faults)}`;
  const lines = missing.map(({ reason, fix }) => `  ${reason}. ${fix}`);
  const commandLine = missing.length === 1 ? http : [`${what}:`, ...lines].join('\n');
  throw new AppError('conflict', { commandLine, http }, { faults });
}

/** Of rows that were rejected before and count from now on; what counts already is not asked again. */
async function requireRates(
  trx: Transaction<DB>,
  { id: outcomeId, currency }: ActedRow,
  { rows, at }: { rows: readonly ScheduleState[]; at: Date },
): Promise<void> {
  const schedule = rows.filter(({ verdict }) => verdict === 'verified');
  const missing = (await findMissingRates(trx, new Map([[0, { outcomeId, currency, schedule }]]), at)).get(0);
  if (missing === undefined) return;
  const { reason, fix } = describeMissingRate(missing);
  throw new AppError('conflict', `Outcome ${outcomeId} cannot be verified: ${reason}. ${fix}`, {
    details: { ...missing },
  });
}

/** What was measured is measured again by a later day: one that has come already would verify nothing. */
function nextReview(row: ActedRow, { reviewDueOn, at }: VerificationRequest): string | null {
  const today = utcDate(at);
  if (reviewDueOn !== undefined && (!isIsoDate(reviewDueOn) || reviewDueOn <= today)) {
    const message = `"${reviewDueOn}" is not a day of review: write a day after ${today} as YYYY-MM-DD.`;
    throw new AppError('invalid_input', message);
  }
  const next = reviewDueOn ?? row.reviewDueOn;
  if (next !== null && next <= today) {
    const message = worded`The review of outcome ${row.id} is due since ${next}: say with ${option('reviewDueOn')} when it is measured again.`;
    throw new AppError('conflict', message);
  }
  return next;
}

function judge(rows: readonly ScheduleState[], verdicts: readonly RowVerdict[] | undefined): ScheduleState[] {
  if (verdicts === undefined) return rows.map((row) => ({ ...row, verdict: 'verified', verifiedAmount: row.amount }));
  const byOrdinal = new Map(verdicts.map((verdict) => [verdict.ordinal, verdict]));
  const unknown = verdicts.find(({ ordinal }) => !rows.some((row) => row.ordinal === ordinal));
  if (unknown !== undefined || byOrdinal.size < verdicts.length) {
    const what = unknown === undefined ? 'A row is judged twice' : `The schedule has no row ${unknown.ordinal}`;
    throw new AppError('invalid_input', `${what}. Its rows are 1 to ${rows.length}, in their order; name each once.`);
  }
  return rows.map((row) => {
    const verdict = byOrdinal.get(row.ordinal);
    if (verdict === undefined) return row;
    return { ...row, verdict: verdict.verdict, verifiedAmount: amountOf(row, verdict) };
  });
}

function amountOf(row: ScheduleState, { verdict, verifiedAmount }: RowVerdict): Decimal | null {
  if (verdict === 'rejected') return null;
  if (verifiedAmount === undefined) return row.amount;
  const amount = isDecimalText(verifiedAmount) ? decimal(verifiedAmount) : null;
  if (amount === null || compare(amount, ZERO) < 0 || compare(amount, row.amount) > 0) {
    const message = `"${verifiedAmount}" of row ${row.ordinal} is not from 0 to the ${row.amount} that are claimed. What is worth more is claimed anew.`;
    throw new AppError('invalid_input', message);
  }
  const tooLong = faultOfFigure(amount);
  if (tooLong !== null) {
    throw new AppError('invalid_input', `Of row ${row.ordinal} ${tooLong.reason}. ${tooLong.fix}`);
  }
  return amount;
}

function stateOf(rows: readonly ScheduleState[], row: ActedRow): 'verified' | 'partially_verified' {
  if (row.currency === null) return 'verified';
  if (rows.every(({ verdict, verifiedAmount, amount }) => verdict === 'verified' && verifiedAmount === amount)) {
    return 'verified';
  }
  if (rows.some(({ verifiedAmount }) => verifiedAmount !== null && compare(verifiedAmount, ZERO) > 0)) {
    return 'partially_verified';
  }
  const message = `Nothing of outcome ${row.id} would be verified. Reject it with a reason${row.state === 'claimed' || row.state === 'in_review' ? '' : ', or retract it'}.`;
  throw new AppError('conflict', message);
}

async function readSchedule(trx: Transaction<DB>, outcomeId: string): Promise<ScheduleState[]> {
  const { rows } = await sql<ScheduleState>`
    select ordinal, recognised_from as "from", recognised_until as "until", trim_scale(amount)::text as amount, verdict, trim_scale(verified_amount)::text as "verifiedAmount"
    from outcome_schedule where outcome_id = ${outcomeId}::bigint order by ordinal`.execute(trx);
  return rows;
}

async function writeVerdicts(
  trx: Transaction<DB>,
  { outcomeId, rows }: { outcomeId: string; rows: readonly ScheduleState[] },
): Promise<void> {
  await sql`
    update outcome_schedule as scheduled set verdict = judged.verdict, verified_amount = judged."verifiedAmount"
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as judged (ordinal int, verdict text, "verifiedAmount" numeric)
    where scheduled.outcome_id = ${outcomeId}::bigint and scheduled.ordinal = judged.ordinal`.execute(trx);
}

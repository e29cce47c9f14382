/**
 * Claims a known outcome: a candidate, one that was rejected or retracted, or a claim that is to say more. What is given replaces what is
 * stored, what is absent stays. So a claim takes a minute, and what gates its verification comes after it.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { recordAudit } from '../../audit/record-audit.ts';
import { compare, decimal, isDecimalText } from '../../kernel/decimal.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Principal } from '../../kernel/ports.ts';
import { worded } from '../../kernel/wording.ts';
import { checkOutcome } from '../statement/check-outcome.ts';
import { checkStated, planStated } from './create-outcome.ts';
import { type ActedOutcome, type ActedRow, beginAct, type OutcomeAct, requireState } from './outcome-act.ts';
import type { ClaimInput, OutcomeInput } from '../statement/outcome-input.ts';
import { readDuplicateNotes } from '../duplicates/duplicate-notes.ts';
import { readOutcomeContext } from '../outcome-context.ts';
import { BASES_WITHOUT_MONEY, contentDigest, isSamePerson, type OutcomeContent } from '../outcome.ts';
import { toRaw } from '../statement/raw-outcome.ts';
import { saveOutcomes } from '../save-outcomes.ts';

export interface ClaimRequest extends OutcomeAct {
  readonly input: ClaimInput;
}

/** @throws AppError forbidden, not_found, conflict, invalid_outcomes. */
export async function claimOutcome(trx: Transaction<DB>, request: ClaimRequest): Promise<ActedOutcome> {
  const { principal, at } = request;
  const who = { roles: ['finance', 'operator', 'pod'], does: 'claim an outcome', ofSeveral: true } as const;
  const row = await beginAct(trx, request, who);
  if (principal.role === 'pod') await requireOwn(trx, row, principal);
  requireState(
    row,
    ['candidate', 'claimed', 'in_review', 'verified', 'partially_verified', 'rejected', 'retracted'],
    'claim',
  );
  const standing = await readStatement(trx, row.id);
  const input = await withCurrency(trx, merge(standing, request.input));
  requireRows(row.id, { standing, given: request.input });
  const checked = await checkStated(trx, { input, principal, at });
  const saysNothingNew = await isAsItStands(trx, { standing, content: checked.content, principal, at });
  const claims = { outcomeId: row.id, saysNothingNew };
  const stated = [{ ...checked, state: 'claimed', verifiedBy: null, sheetRow: null, claims }] as const;
  const plan = [await planStated(trx, stated[0], at)];
  const [saved] = await saveOutcomes(trx, { stated, plan, principal, at });
  if (saved === undefined) throw new Error('one statement must give one outcome');
  const { change, version, state } = saved;
  if (change !== 'unchanged' || saved.hasNewEvidence === true) {
    const details = { version, state };
    await recordAudit(trx, {
      at,
      principal,
      action: change === 'unchanged' ? 'add-evidence' : 'claim-outcome',
      subjectKind: 'outcome',
      subjectId: row.id,
      details,
    });
  }
  const asked = { outcomeIds: [row.id], principal };
  const again = change === 'unchanged' ? undefined : await readDuplicateNotes(trx, asked);
  return {
    outcomeId: row.id,
    change: change === 'unchanged' ? 'unchanged' : 'changed',
    version,
    state,
    notes: [...checked.notes, ...saved.notes, ...(again?.get(row.id) ?? [])],
  };
}

/** The record holds more than was stated: the day of review that finance gave while verifying. Saying it again says nothing new. */
async function isAsItStands(
  trx: Transaction<DB>,
  given: { standing: OutcomeInput; content: OutcomeContent; principal: Principal; at: Date },
): Promise<boolean> {
  const { checked } = checkOutcome(toRaw(given.standing), await readOutcomeContext(trx, given));
  return checked !== null && contentDigest(checked.content) === contentDigest(given.content);
}

/** Fields that say one thing together are replaced together: an amount and its schedule, a basis and what only that basis has. */
function merge(stored: OutcomeInput, given: ClaimInput): OutcomeInput {
  const { schedule, grossOrMargin, amount, amountLow, amountHigh, currency, ...rest } = stored;
  const basis = given.basis ?? stored.basis;
  const money = { amount, amountLow, amountHigh, currency };
  return defined<OutcomeInput>({
    ...rest,
    ...(BASES_WITHOUT_MONEY.includes(basis) ? {} : money),
    ...(basis === 'revenue' ? { grossOrMargin } : {}),
    ...scheduleAfter(schedule, amount, given),
    ...given,
  });
}

/** What a pod proposed to others it may say anew until one of them agreed; what others proposed to it they say. @throws AppError forbidden */
async function requireOwn(trx: Transaction<DB>, row: ActedRow, principal: Principal): Promise<void> {
  const others = row.pods.filter((pod) => !principal.pods.includes(pod));
  if (others.length === 0) return;
  const { rows } = await sql<{ pod: string }>`
    select pod_id as pod from outcome_share
    where outcome_id = ${row.id}::bigint and pod_id = any (${others}::text[]) and agreed_by is not null limit 1`.execute(
    trx,
  );
  const [agreed] = rows;
  const isProposal = row.claimants.some((one) => isSamePerson(one, principal.id));
  if (isProposal && agreed === undefined) return;
  const why =
    agreed === undefined ? 'somebody else claimed it' : `pod "${agreed.pod}" agreed to its share as it stands`;
  const message = `Another pod has a share of outcome ${row.id}, and ${why}. Ask finance to claim it anew.`;
  throw new AppError('forbidden', message);
}

/** A candidate has no currency to keep: its first amount is in the reporting currency unless it says another. */
async function withCurrency(trx: Transaction<DB>, input: OutcomeInput): Promise<OutcomeInput> {
  if (input.amount === undefined || input.currency !== undefined) return input;
  const { reporting_currency: currency } = await trx
    .selectFrom('organisation')
    .select('reporting_currency')
    .executeTakeFirstOrThrow();
  return { ...input, currency };
}

/** How another amount spreads over several rows only its claimant knows. @throws AppError invalid_input */
function requireRows(id: string, { standing, given }: { standing: OutcomeInput; given: ClaimInput }): void {
  const { schedule = [], amount } = standing;
  const isSaid = [given.schedule, given.recogniseFrom, given.recogniseUntil].some((field) => field !== undefined);
  if (schedule.length < 2 || isSaid || given.amount === undefined || !isDecimalText(given.amount)) return;
  if (compare(decimal(given.amount), decimal(amount ?? '0')) === 0) return;
  const fix = {
    commandLine: 'Give --from and --until for one row, or every row as "schedule" of --file.',
    http: 'Give "recogniseFrom" and "recogniseUntil" for one row, or every row as "schedule".',
  };
  const message = worded`Outcome ${id} is recognised in ${schedule.length} rows, and an amount alone does not say how it spreads over them. ${fix}`;
  throw new AppError('invalid_input', message);
}

function scheduleAfter(schedule: OutcomeInput['schedule'], amount: string | undefined, given: ClaimInput) {
  const isGiven = [given.schedule, given.recogniseFrom, given.recogniseUntil].some((field) => field !== undefined);
  const [first, ...further] = schedule ?? [];
  if (isGiven || first === undefined || BASES_WITHOUT_MONEY.some((basis) => basis === given.basis)) return {};
  if (given.amount === undefined || given.amount === amount) return { schedule };
  return further.length === 0 ? { recogniseFrom: first.from, recogniseUntil: first.until } : { schedule };
}

/** Without the fields that are undefined. */
function defined<Whole>(fields: { [Key in keyof Whole]: Whole[Key] | undefined }): Whole {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Whole;
}

/** The stored record in the form in which it is stated. */
async function readStatement(trx: Transaction<DB>, outcomeId: string): Promise<OutcomeInput> {
  const { rows } = await sql<{ input: OutcomeInput }>`
    select jsonb_strip_nulls(jsonb_build_object(
      'title', title, 'deliveredOn', delivered_on, 'basis', basis, 'ownerEmail', owner_email, 'outcomeType', outcome_type,
      'quantity', trim_scale(quantity)::text, 'unit', unit, 'grossOrMargin', gross_or_margin, 'amount', trim_scale(amount)::text,
      'amountLow', trim_scale(amount_low)::text, 'amountHigh', trim_scale(amount_high)::text, 'currency', currency, 'effect', effect,
      'baseline', case when num_nonnulls(baseline, baseline_value, is_own_bill_baseline) > 0 then jsonb_build_object(
        'text', baseline, 'value', trim_scale(baseline_value)::text, 'from', baseline_from, 'until', baseline_until,
        'source', baseline_source, 'method', baseline_method, 'isOwnBill', is_own_bill_baseline) end,
      'confidence', case when confidence is not null then jsonb_build_object('grade', confidence, 'reason', confidence_reason) end,
      'pool', pool_id, 'reviewDueOn', review_due_on, 'evidenceUrl', evidence_url,
      'enabledBy', (select jsonb_agg(pod_id order by pod_id) from outcome_enabler where outcome_id = outcome.id),
      'shares', (select jsonb_agg(jsonb_build_object('pod', pod_id, 'basisPoints', basis_points) order by pod_id)
        from outcome_share where outcome_id = outcome.id),
      'schedule', (select jsonb_agg(jsonb_build_object('from', recognised_from, 'until', recognised_until,
        'amount', trim_scale(outcome_schedule.amount)::text) order by ordinal) from outcome_schedule where outcome_id = outcome.id),
      'references', (select jsonb_agg(jsonb_build_object('system', system, 'key', key, 'url', url) order by system, key)
        from outcome_reference where outcome_id = outcome.id)
    )) as input from outcome where id = ${outcomeId}::bigint`.execute(trx);
  const [row] = rows;
  if (row === undefined) throw new Error(`outcome ${outcomeId} was locked and is gone`);
  return row.input;
}

/**
 * Takes one outcome stated as JSON. A reference (system, key) that is known names the stored outcome: the same content again
 * changes nothing, another content is its next version. Without a reference every call makes a new outcome.
 */
import type { Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { recordAudit } from '../../audit/record-audit.ts';
import { type AppError, refuseStatement } from '../../kernel/errors.ts';
import type { Principal } from '../../kernel/ports.ts';
import { checkOutcome } from '../statement/check-outcome.ts';
import { checkPlanned } from '../statement/check-planned.ts';
import type { CheckedOutcome, FieldFault } from '../statement/checked-outcome.ts';
import { readDuplicateNotes } from '../duplicates/duplicate-notes.ts';
import { readOutcomeContext } from '../outcome-context.ts';
import type { OutcomeInput } from '../statement/outcome-input.ts';
import type { StatedOutcome } from '../outcome.ts';
import { type OutcomeChange, type PlannedOutcome, planOutcomes } from '../plan-outcomes.ts';
import { toRaw } from '../statement/raw-outcome.ts';
import { saveOutcomes } from '../save-outcomes.ts';

export interface CreatedOutcome {
  readonly outcomeId: string;
  readonly change: OutcomeChange;
  readonly version: number;
  readonly state: string;
  /** What did not go as asked, such as a verification that lands as a claim. */
  readonly notes: readonly string[];
}

/** Before the faults of a statement. */
export const OUTCOME_NOT_TAKEN = 'The outcome was not taken';

/**
 * Checks and writes the outcome in the caller's transaction. `input` has the form of OUTCOME_INPUT.
 * @throws AppError invalid_outcomes with every fault by field; conflict where its references name two outcomes, or a pool is full.
 */
export async function createOutcome(
  trx: Transaction<DB>,
  options: {
    input: OutcomeInput;
    principal: Principal;
    at: Date;
    /** The outcome whose place it takes, in the same breath. */
    replaces?: { readonly outcomeId: string; readonly reason: string };
  },
): Promise<CreatedOutcome> {
  const { principal, at, replaces } = options;
  const checked = await checkStated(trx, options);
  // A successor is a new outcome, and what leads to the former one leads to it.
  const content = replaces === undefined ? checked.content : { ...checked.content, references: [] };
  const stated = [{ ...checked, content, sheetRow: null }] as const;
  const plan = [await planStated(trx, stated[0], at)];
  const replacing = replaces === undefined ? {} : { replaces };
  const [saved] = await saveOutcomes(trx, { stated, plan, principal, at, ...replacing });
  if (saved === undefined || saved.outcomeId === null) throw new Error('one statement must give one outcome');
  const { outcomeId, change, version, state } = saved;
  if (change !== 'unchanged' || saved.hasNewEvidence === true) {
    const changed = change === 'unchanged' ? 'add-evidence' : 'change-outcome';
    const action = change === 'created' ? 'create-outcome' : changed;
    const details = { version, state };
    await recordAudit(trx, { at, principal, action, subjectKind: 'outcome', subjectId: outcomeId, details });
  }
  const notes = change === 'unchanged' && state === 'verified' ? [] : [...checked.notes];
  const again =
    change === 'unchanged' ? undefined : await readDuplicateNotes(trx, { outcomeIds: [outcomeId], principal });
  return { outcomeId, change, version, state, notes: [...notes, ...saved.notes, ...(again?.get(outcomeId) ?? [])] };
}

/** @throws AppError invalid_outcomes with every fault by field. */
export async function checkStated(
  trx: Transaction<DB>,
  { input, principal, at }: { input: OutcomeInput; principal: Principal; at: Date },
): Promise<CheckedOutcome> {
  const context = await readOutcomeContext(trx, { principal, at });
  const { checked, faults } = checkOutcome(toRaw(input), context);
  if (checked !== null) return checked;
  throw refused(faults);
}

/** What one statement comes to. @throws AppError invalid_outcomes with every fault by field, conflict where its references name two. */
export async function planStated(trx: Transaction<DB>, stated: StatedOutcome, at: Date): Promise<PlannedOutcome> {
  const [planned] = await planOutcomes(trx, [stated]);
  if (planned === undefined) throw new Error('one statement must have one plan');
  const faults = (await checkPlanned(trx, { stated: [stated], plan: [planned], at })).get(0) ?? [];
  if (faults.length > 0) throw refused(faults);
  return planned;
}

function refused(faults: readonly FieldFault[]): AppError {
  const located = faults.map(({ field, reason, fix, shareIndex }) => ({
    column: shareIndex === undefined ? field : `shares[${shareIndex}].${field}`,
    reason,
    fix,
  }));
  return refuseStatement('invalid_outcomes', OUTCOME_NOT_TAKEN, located);
}

/**
 * Takes one outcome stated as JSON. A reference (system, key) that is known names the stored outcome: the same content again
 * changes nothing, another content is its next version. Without a reference every call makes a new outcome.
 */
import type { Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError, describeFault } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { checkOutcome, type RawOutcome } from './check-outcome.ts';
import { readOutcomeContext } from './outcome-context.ts';
import type { OutcomeInput } from './outcome-input.ts';
import { type OutcomeChange, planOutcomes, saveOutcomes } from './save-outcomes.ts';

export interface CreatedOutcome {
  readonly outcomeId: string;
  readonly change: OutcomeChange;
  readonly version: number;
  readonly state: string;
  /** What did not go as asked, such as a verification that lands as a claim. */
  readonly notes: readonly string[];
}

/**
 * Checks and writes the outcome in the caller's transaction. `input` has the form of OUTCOME_INPUT.
 * @throws AppError invalid_outcomes with every fault by field; conflict where its references name two outcomes.
 */
export async function createOutcome(
  trx: Transaction<DB>,
  options: { input: OutcomeInput; principal: Principal; at: Date },
): Promise<CreatedOutcome> {
  const { input, principal, at } = options;
  const context = await readOutcomeContext(trx, { principal, needsRiskRange: true });
  const { checked, faults } = checkOutcome(toRaw(input), context);
  if (checked === null) {
    const located = faults.map(({ field, reason, fix, shareIndex }) => ({
      column: shareIndex === undefined ? field : `shares[${shareIndex}].${field}`,
      reason,
      fix,
    }));
    const sentences = located.map((fault) => describeFault(fault).replace(/^column /, '')).join(' ');
    throw new AppError('invalid_outcomes', `The outcome was not taken: ${sentences}`, { faults: located });
  }
  const stated = [{ content: checked.content, state: checked.state, verifiedBy: checked.verifiedBy, sheetRow: null }];
  const plan = await planOutcomes(trx, stated);
  const [saved] = await saveOutcomes(trx, { stated, plan, principal, at });
  if (saved === undefined || saved.outcomeId === null) throw new Error('one statement must give one outcome');
  const { outcomeId, change, version, state, note } = saved;
  if (change !== 'unchanged') {
    const action = change === 'created' ? 'create-outcome' : 'change-outcome';
    const details = { version, state };
    await recordAudit(trx, { at, principal, action, subjectKind: 'outcome', subjectId: outcomeId, details });
  }
  const notes = change === 'unchanged' && state === 'verified' ? [] : [...checked.notes];
  return { outcomeId, change, version, state, notes: note === null ? notes : [...notes, note] };
}

function toRaw(input: OutcomeInput): RawOutcome {
  const text = (value: string | undefined) => value?.trim() ?? '';
  return {
    title: text(input.title),
    outcomeType: text(input.outcomeType),
    quantity: text(input.quantity),
    unit: text(input.unit),
    basis: input.basis,
    grossOrMargin: text(input.grossOrMargin),
    amount: text(input.amount),
    amountLow: text(input.amountLow),
    amountHigh: text(input.amountHigh),
    currency: text(input.currency),
    deliveredOn: text(input.deliveredOn),
    recogniseFrom: text(input.recogniseFrom),
    recogniseUntil: text(input.recogniseUntil),
    schedule: input.schedule ?? [],
    shares: input.shares.map((share) => ({ pod: share.pod, basisPoints: String(share.basisPoints) })),
    ownerEmail: text(input.ownerEmail),
    baseline: text(input.baseline),
    evidenceUrl: text(input.evidenceUrl),
    references: (input.references ?? []).map(({ system, key, url }) => ({ system, key, url: url ?? null })),
    state: text(input.state),
    verifiedBy: text(input.verifiedBy),
  };
}

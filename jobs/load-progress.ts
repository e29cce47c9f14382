/**
 * Moves a load through its states whatever happens: a step of a load that is past it does nothing, a refusal marks the load
 * failed with its reasons and keeps what was published, and everything else is left for another try.
 */
import { failLoad } from '../services/billing/fail-load.ts';
import { AppError, type ErrorCode } from '../services/kernel/errors.ts';
import type { JobContext } from './job-context.ts';

/** Refusals that the same load can never recover from: a corrected delivery makes a new load. */
const FINAL_REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'invalid_bill',
  'bill_unreadable',
  'bill_changed_while_read',
  'would_drop_account',
  'control_total_mismatch',
  'conservation_broken',
]);

/** Runs one step where the load is in the state the step expects; a final refusal fails the load and is thrown on. */
export async function failingLoad(
  context: JobContext,
  loadId: string,
  expected: 'staging' | 'staged',
  step: () => Promise<unknown>,
): Promise<void> {
  const load = await context.db.selectFrom('load').select('state').where('id', '=', loadId).executeTakeFirst();
  if (load === undefined) throw new AppError('not_found', `There is no load ${loadId}.`);
  if (load.state !== expected) return;
  try {
    await step();
  } catch (error) {
    if (error instanceof AppError && FINAL_REFUSALS.has(error.code)) {
      await context.db.transaction().execute((trx) => failLoad(trx, loadId, error, context.clock.now()));
    }
    throw error;
  }
}

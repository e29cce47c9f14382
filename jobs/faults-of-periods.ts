/** What is wrong with one billing period does not keep a look from the others; anything else would meet them too, so it ends the look. */
import { AppError, type ErrorCode } from '../services/kernel/errors.ts';

const FAULTS_OF_ONE_PERIOD: ReadonlySet<ErrorCode> = new Set([
  'invalid_bill',
  'bill_unreadable',
  'bill_changed_while_read',
  'invalid_input',
  'would_drop_account',
  'control_total_mismatch',
  'conservation_broken',
  'conflict',
  'source_changed',
  // Of one object: moved to an archive class, encrypted with another key. What nobody may list is refused before.
  'source_refused',
]);

export interface CollectedFaults {
  /** In the order met. */
  readonly failures: readonly AppError[];
  /** @throws what is not the fault of one period. */
  attempt(step: () => Promise<void>): Promise<void>;
}

export function collectFaults(): CollectedFaults {
  const failures: AppError[] = [];
  return {
    failures,
    async attempt(step) {
      try {
        await step();
      } catch (error) {
        if (!(error instanceof AppError) || !FAULTS_OF_ONE_PERIOD.has(error.code)) throw error;
        failures.push(error);
      }
    },
  };
}

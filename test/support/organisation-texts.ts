/** Texts of organisation files for tests that look at one of their lines, and the refusals that such texts meet. */
import { AppError } from '../../services/kernel/errors.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';

export const TWO_PODS = 'organisation: Acme\npods:\n  - { id: checkout, aliases: [check-out] }\n  - { id: search }\n';

/** The two pods, and this rule on line 6. */
export function withRule(rule: string): string {
  return `${TWO_PODS}rules:\n  - ${rule}\n`;
}

/** The refusal of a file; null where it is without faults. */
export function refusalOf(text: string): AppError | null {
  try {
    parseOrganisation(text);
    return null;
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_organisation') return error;
    throw error;
  }
}

/** Its faults as the reader of the refusal has them, one a line. */
export function faultsOf(text: string): string[] {
  return refusalOf(text)?.message.split('\n') ?? [];
}

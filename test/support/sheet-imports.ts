/** Imports of one workbook of outcomes, and what they left. */
import type { Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import { FINANCE } from './outcome-sheets.ts';

export const AT = new Date('2026-09-20T08:00:00Z');

/** The sheet of one workbook, as FINANCE unless somebody else is named. */
export function importSheet(trx: Transaction<DB>, sheet: string, principal: Principal = FINANCE, dryRun = false) {
  return importOutcomes(trx, {
    sheet,
    workbook: 'benefits-2026',
    fileName: 'benefits.csv',
    principal,
    dryRun,
    at: AT,
  });
}

/** The first one first. */
export async function stored(trx: Transaction<DB>) {
  const { outcomes } = await listOutcomes(trx, { limit: 100 });
  return [...outcomes].reverse();
}

/** outturn outcomes: what the pods delivered, from a sheet or claim by claim, and what became of it. */
import { parse } from 'node:path';
import type { Command } from 'commander';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import { AppError } from '../../services/kernel/errors.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { renderOutcomeImport } from '../render/outcome-import.ts';
import { addSheetImport } from '../sheet-import.ts';
import type { Runtime } from '../runtime.ts';
import { addOutcomeActs } from './outcome-acts.ts';
import { addOutcomeClaims } from './outcome-claims.ts';
import { addOutcomeLists } from './outcome-lists.ts';
import { addEvidenceCommands } from './outcome-evidence.ts';
import { addOutcomePools } from './outcome-pools.ts';
import { addOutcomeTemplate } from './outcome-template.ts';

export function outcomesCommand(program: Command): void {
  const outcomes = program.command('outcomes').description('business outcomes the pods delivered');
  addSheetImport(outcomes, {
    noun: 'outcomes',
    description: 'import outcomes from a sheet, all or nothing; importing it again changes nothing',
    argument: 'the sheet, as CSV or XLSX',
    options: [['--workbook <name>', 'the sheet’s name, which its row ids belong to (default: the file’s name)']],
    examples: [
      'outturn outcomes import outcomes.csv --dry-run',
      'outturn outcomes import q3.xlsx --workbook value-register --sheet September',
    ],
    take: async (runtime, sheet, { workbook }) =>
      importOutcomes(runtime.db, {
        ...sheet,
        principal: await importingPrincipal(runtime),
        workbook: typeof workbook === 'string' ? workbook : parse(sheet.fileName).name,
      }),
    render: renderOutcomeImport,
  });
  addOutcomeTemplate(outcomes);
  addOutcomeClaims(outcomes);
  addOutcomeLists(outcomes);
  addOutcomeActs(outcomes);
  addEvidenceCommands(outcomes);
  addOutcomePools(outcomes);
}

/** As over HTTP: a row verifies where the token is of finance, and a pod claims its outcomes one by one. */
async function importingPrincipal(runtime: Runtime): Promise<Principal> {
  const principal = await actingPrincipal(runtime);
  if (['finance', 'operator', 'ingest'].includes(principal.role)) return principal;
  const message = `A token of role ${principal.role} imports no sheet; finance, operator and ingest do. A pod claims with outturn outcomes claim.`;
  throw new AppError('forbidden', message);
}

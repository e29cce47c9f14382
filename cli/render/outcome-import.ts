/** What an import of outcomes did, or would do, for the terminal: the counts, then every note of a row. */
import { withThousands } from './figures.ts';
import type { OutcomeImport } from '../../services/outcomes/sheets/import-outcomes.ts';

export function renderOutcomeImport(result: OutcomeImport): string {
  const would = result.dryRun ? 'Dry run, nothing was written. It would be: ' : '';
  const counts = `${result.created} created, ${result.changed} changed, ${result.unchanged} unchanged (workbook ${result.workbook}).`;
  const sums = result.verified.amounts.map(({ currency, amount }) => `${currency} ${withThousands(amount)}`);
  const verified =
    result.verified.outcomes === 0
      ? []
      : [
          `Verified: ${[`${result.verified.outcomes} of them`, ...sums].join(', ')} (of every basis, dis-benefits taken off).`,
        ];
  const notes = result.outcomes.flatMap((outcome) =>
    outcome.notes.map((note) => `  line ${outcome.line} (${outcome.sourceRowId}): ${note}`),
  );
  return [`${would}${counts}`, ...verified, ...notes].join('\n');
}

/** outturn report enabling: platform pods, which have no return of their own, and whom they served. */
import type { Command } from 'commander';
import { enablingAs } from '../../services/access/shared-facts.ts';
import { enablingTable } from '../../services/enabling/enabling-table.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { renderEnabling } from '../render/enabling.ts';
import { type ReportOptions, runReport, withPeriod } from '../report-command.ts';

/** Adds the report to `outturn report`. */
export function addEnablingReport(report: Command): void {
  const command = withPeriod(
    report
      .command('enabling')
      .description('platform pods: whom they served, by outcomes that name them and shared cost'),
  ).action((options: ReportOptions) =>
    runReport(options, async (runtime) => {
      const found = await enablingAs(runtime.db, await actingPrincipal(runtime), { period: options.period });
      return { found, sheet: () => enablingTable(found), table: () => renderEnabling(found) };
    }),
  );
  withExamples(withJson(command), 'outturn report enabling --period 2026-Q3');
}

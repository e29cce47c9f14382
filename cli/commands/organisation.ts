/** outturn plan and apply: what the organisation file would change, and making it so. */
import type { Command } from 'commander';
import { watchFigures } from '../../jobs/watch-figures.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { type ApplyResult, applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { describePlan } from '../../services/organisation/describe-plan.ts';
import { planInMoney } from '../../services/organisation/plan-in-money.ts';
import { readFxFiles } from '../../services/organisation/read-fx-files.ts';
import { readOrganisationFile } from '../../services/organisation/read-organisation-file.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { envelopeLines } from '../render/plan-envelopes.ts';
import { renderPlanMoney } from '../render/plan-money.ts';
import { terminalProgress } from '../progress.ts';
import { withRuntime } from '../runtime.ts';

export function planCommand(program: Command): void {
  const command = program
    .command('plan')
    .description('show what the organisation file would change, in money per pod and month; nothing is changed')
    .action(async (options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn plan' }, async (runtime) => {
        const file = await readOrganisationFile(runtime.settings.configPath);
        const rates = await readFxFiles(file);
        const plan = await planInMoney(runtime.db, { file, rates, at: runtime.clock.now() });
        if (options.json === true) printJson(plan);
        else printText(`${describePlan(plan)}\n\n${renderPlanMoney(plan.money)}${envelopeLines(plan)}`);
      });
    });
  withExamples(withJson(command), 'outturn plan', 'OUTTURN_CONFIG=acme.yaml outturn plan --json');
}

export function applyCommand(program: Command): void {
  const command = program
    .command('apply')
    .description('make the organisation file so: rules, pods, envelopes, rates')
    .action(async (options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn apply' }, async (runtime) => {
        const file = await readOrganisationFile(runtime.settings.configPath);
        const progress = terminalProgress();
        try {
          const result = await applyOrganisation(runtime.db, {
            file,
            principal: localOperator,
            at: runtime.clock.now(),
            progress,
          });
          // What drifts is seen against the rates and rules of now; a worker would look within the hour.
          await watchFigures(runtime.jobContext(progress), false);
          progress.stop();
          if (options.json === true) printJson(result);
          else
            printText(
              result.unchanged
                ? 'There is nothing to change.'
                : `${describePlan(result.plan)}\n${movedLines(result)}Applied. Rulebook ${result.rulebookId} is in force.`,
            );
        } finally {
          progress.stop();
        }
      });
    });
  withExamples(withJson(command), 'outturn apply', 'OUTTURN_CONFIG=acme.yaml outturn apply');
}

function movedLines({ money, envelopes }: ApplyResult): string {
  const lines = money === null || money.unchanged ? '' : `\n${renderPlanMoney(money)}\n`;
  const all = `${lines}${envelopeLines({ envelopes })}`;
  return all === '' ? '' : `${all}\n`;
}

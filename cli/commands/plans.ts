/** outturn plans: the plans that were applied, by whom and when, and what they moved. */
import type { Command } from 'commander';
import { describePlan } from '../../services/organisation/describe-plan.ts';
import { listPlans, readPlan } from '../../services/organisation/list-plans.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { envelopeLines } from '../render/plan-envelopes.ts';
import { renderPlanMoney } from '../render/plan-money.ts';
import { renderPlans } from '../render/plans.ts';
import { withRuntime } from '../runtime.ts';

/** Older ones are had from the API, which pages. */
const PLANS_LISTED_MAX = 100;

export function plansCommand(program: Command): void {
  const command = program
    .command('plans')
    .argument('[plan]', 'the number of one plan, to see it whole')
    .description('the plans that were applied: who, when, and what they moved')
    .action(async (planId: string | undefined, options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn plans' }, async (runtime) => {
        if (planId === undefined) {
          const plans = await listPlans(runtime.db, { before: null, limit: PLANS_LISTED_MAX });
          if (options.json === true) printJson(plans);
          else printText(renderPlans(plans));
          return;
        }
        const stored = await readPlan(runtime.db, planId);
        if (options.json === true) printJson(stored);
        else {
          const { appliedAt, appliedBy, rulebook } = stored;
          const applied = `Plan ${stored.planId}, applied at ${appliedAt} by ${appliedBy}; rulebook ${rulebook} came into force.`;
          printText(
            `${applied}\n\n${describePlan(stored.plan)}\n\n${renderPlanMoney(stored.money)}${envelopeLines(stored)}`,
          );
        }
      });
    });
  withExamples(withJson(command), 'outturn plans', 'outturn plans 3');
}

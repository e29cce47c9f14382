/** outturn explain: why a cost is where it is, down to the bill's lines. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { type ExplainRequest, explain } from '../../services/attribution/explain.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderExplanation } from '../render/explanation.ts';
import { interruption, withRuntime } from '../runtime.ts';

interface ExplainOptions {
  readonly pod?: string;
  readonly unattributed?: boolean;
  readonly period?: string;
  readonly origin?: string;
  readonly resource?: string;
  readonly json?: boolean;
}

export function explainCommand(program: Command): void {
  const command = program
    .command('explain')
    .description('why this cost is here: rules, origins, rates, files and lines')
    .option('--pod <id>', 'a pod’s cost of --period')
    .option('--unattributed', 'the cost of --period that no rule gave to a pod')
    .option('--period <period>', '2026-09, 2026-Q3, 2026 or a range')
    .option('--origin <id>', 'one origin, as other explanations name it')
    .option('--resource <id>', 'every origin of one ResourceId')
    .action(async (options: ExplainOptions, self: Command) => {
      const request =
        requestOf(options) ??
        self.error('error: name --pod ID --period P, --unattributed --period P, --origin ID or --resource ID', {
          exitCode: 2,
        });
      await withRuntime({ applicationName: 'outturn explain' }, async (runtime) => {
        const workDir = join(runtime.settings.dataDir, 'work');
        const explanation = await explain(runtime.db, request, { workDir, signal: interruption.signal });
        if (options.json === true) printJson(explanation);
        else printText(renderExplanation(explanation));
      });
    });
  withExamples(
    withJson(command),
    'outturn explain --pod checkout --period 2026-Q3',
    'outturn explain --resource arn:aws:rds:eu-west-1:123456789012:db:orders',
  );
}

function requestOf(options: ExplainOptions): ExplainRequest | undefined {
  if (options.origin !== undefined) return { originId: options.origin };
  if (options.resource !== undefined) return { resourceId: options.resource };
  if (options.period === undefined) return undefined;
  if (options.pod !== undefined) return { podId: options.pod, period: options.period };
  return options.unattributed === true ? { podId: null, period: options.period } : undefined;
}

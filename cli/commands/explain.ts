/** outturn explain: why a cost is where it is, down to the bill's lines. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ExplainRequest, explain } from '../../services/attribution/explain.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderExplanation } from '../render/explanation.ts';
import { withRuntime } from '../runtime.ts';
import { interruption } from '../until-interrupted.ts';

const LINES_MAX = 100;

interface ExplainOptions {
  readonly pod?: string;
  readonly unattributed?: boolean;
  readonly period?: string;
  readonly origin?: string;
  readonly resource?: string;
  readonly outcome?: string;
  readonly service?: string;
  readonly rule?: string;
  readonly day?: string;
  readonly kind?: string;
  readonly where: readonly string[];
  readonly lines?: number;
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
    .option('--outcome <id>', 'an outcome: what it adds to --period, or over its whole schedule')
    .option('--service <name>', 'of the cell: only this ServiceName')
    .option('--rule <id>', 'only what this rule gave')
    .option('--day <date>', 'only this charge date')
    .addOption(new Option('--kind <kind>', 'only direct or only shared cost').choices(['direct', 'shared']))
    .option(
      '--where <filter>',
      'any filter of "report costs": dim=value, dim!=value or dim~glob; repeat for several',
      collect,
      [],
    )
    .option('--lines <count>', 'lines of the bill shown per origin, 0 for none (default: 3)', countOf)
    .action(async (options: ExplainOptions, self: Command) => {
      const request =
        requestOf(options) ??
        self.error(
          'error: name --pod ID --period P, --unattributed --period P, --origin ID, --resource ID or --outcome ID',
          {
            exitCode: 2,
          },
        );
      await withRuntime({ applicationName: 'outturn explain' }, async (runtime) => {
        const workDir = join(runtime.settings.dataDir, 'work');
        const explanation = await explain(runtime.db, request, {
          workDir,
          signal: interruption.signal,
          ...(options.lines === undefined ? {} : { linesPerOrigin: options.lines }),
        });
        if (options.json === true) printJson(explanation);
        else printText(renderExplanation(explanation));
      });
    });
  withExamples(
    withJson(command),
    'outturn explain --pod checkout --period 2026-Q3',
    'outturn explain --pod checkout --period 2026-09 --service AmazonEC2 --where tag.environment=prod',
    'outturn explain --outcome 17 --period 2026-Q3',
    'outturn explain --resource arn:aws:rds:eu-west-1:123456789012:db:orders',
  );
}

function requestOf(options: ExplainOptions): ExplainRequest | undefined {
  if (options.origin !== undefined) return { originId: options.origin };
  if (options.resource !== undefined) return { resourceId: options.resource };
  if (options.outcome !== undefined) {
    return { outcomeId: options.outcome, ...(options.period === undefined ? {} : { period: options.period }) };
  }
  if (options.period === undefined) return undefined;
  const { period } = options;
  const where = [
    ...(options.service === undefined ? [] : [`serviceName=${options.service}`]),
    ...(options.rule === undefined ? [] : [`rule=${options.rule}`]),
    ...(options.day === undefined ? [] : [`day=${options.day}`]),
    ...(options.kind === undefined ? [] : [`kind=${options.kind}`]),
    ...options.where,
  ];
  if (options.pod !== undefined) return { podId: options.pod, period, where };
  return options.unattributed === true ? { podId: null, period, where } : undefined;
}

function collect(value: string, former: readonly string[]): string[] {
  return [...former, value];
}

function countOf(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= LINES_MAX) return Number(text);
  throw new InvalidArgumentError(`Give a number from 0 to ${LINES_MAX}.`);
}

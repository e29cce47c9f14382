/** outturn explain: why a cost is where it is, down to the bill's lines. */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type ExplainRequest, explain } from '../../services/attribution/explain.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { readAsAsked, withAsKnown, withKnownLine } from '../as-known.ts';
import { withExamples, withJson } from '../command.ts';
import { countBetween } from '../count-option.ts';
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
  readonly billed?: boolean;
  readonly asNow?: boolean;
  readonly asKnown?: string;
  readonly lines?: number;
  readonly json?: boolean;
}

export function explainCommand(program: Command): void {
  const command = withAsKnown(program.command('explain'))
    .description('why this cost is here: rules, origins, rates, files and lines')
    .option(
      '--period <period>',
      '2026-09, 2026-Q3, 2026 or a range: everybody’s cost, or that of --pod or --unattributed',
    )
    .option('--pod <id>', 'a pod’s cost and value of --period')
    .option('--unattributed', 'the cost of --period that no rule gave to a pod')
    .option(
      '--billed',
      '--period is of billing periods, whatever the charge dates: what reconciliation and bridge show',
    )
    .option('--as-now', 'closed days as now known, not as their statements say')
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
    .option(
      '--lines <count>',
      'lines of the bill shown per origin, 0 for none (default: 3)',
      countBetween(0, LINES_MAX),
    )
    .action(async (options: ExplainOptions, self: Command) => {
      const request =
        requestOf(options) ??
        self.error(
          'error: name --period P (with --pod ID, --unattributed or neither), --origin ID, --resource ID or --outcome ID',
          {
            exitCode: 2,
          },
        );
      await withRuntime({ applicationName: 'outturn explain' }, async (runtime) => {
        const workDir = join(runtime.settings.dataDir, 'work');
        const period = 'period' in request ? request.period : undefined;
        if (options.asKnown !== undefined && period === undefined) throw needsPeriod();
        const asked = {
          period: period ?? '',
          needsCharges: true,
          ...(options.asKnown === undefined ? {} : { asKnown: options.asKnown }),
        };
        const explanation = await readAsAsked(runtime, asked, async (db, at) => {
          if (period !== undefined) await prepareConversions(db, { period, at });
          return explain(db, request, {
            at,
            workDir,
            signal: interruption.signal,
            ...(options.lines === undefined ? {} : { linesPerOrigin: options.lines }),
          });
        });
        if (options.json === true) printJson(explanation);
        else printText(withKnownLine(explanation, renderExplanation(explanation)));
      });
    });
  withExamples(
    withJson(command),
    'outturn explain --pod checkout --period 2026-Q3',
    'outturn explain --period 2026-09 --rule shared-network',
    'outturn explain --period 2026-09 --billed --where source=aws-main',
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
  return {
    period,
    where,
    ...(options.pod !== undefined ? { podId: options.pod } : options.unattributed === true ? { podId: null } : {}),
    ...(options.billed === true ? { isBilled: true } : {}),
    ...(options.asNow === true ? { asNow: true } : {}),
  };
}

function needsPeriod(): AppError {
  return new AppError(
    'invalid_input',
    'Origins and resources are explained as known now. Add --period to explain a cell or an outcome as it was known then.',
  );
}

function collect(value: string, former: readonly string[]): string[] {
  return [...former, value];
}

/** outturn envelopes and alerts: where each envelope stands, and what was said about it. */
import { type Command, Option } from 'commander';
import { DELIVERY_STATES, listAlerts } from '../../services/alerts/list-alerts.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { alertsCsv, envelopesCsv } from '../../services/reports/envelope-csv.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderAlerts } from '../render/alerts.ts';
import { renderEnvelopes } from '../render/envelopes.ts';
import { withRuntime } from '../runtime.ts';

export function envelopesCommand(program: Command): void {
  const command = program
    .command('envelopes')
    .description('each envelope: limit, actual, used, state, data as of')
    .addOption(formatOption())
    .action(async (options: { format: string; json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn envelopes' }, async (runtime) => {
        const envelopes = await listEnvelopes(runtime.db, { at: runtime.clock.now() });
        if (options.json === true || options.format === 'json') printJson(envelopes);
        else if (options.format === 'csv') process.stdout.write(envelopesCsv(envelopes));
        else printText(renderEnvelopes(envelopes));
      });
    });
  withExamples(withJson(command), 'outturn envelopes', 'outturn envelopes --format csv > envelopes.csv');
}

export function alertsCommand(program: Command): void {
  const command = program
    .command('alerts')
    .description('the outbox and its history')
    .addOption(new Option('--state <state>', 'only alerts in this delivery state').choices(DELIVERY_STATES))
    .addOption(formatOption())
    .action(async (options: { state?: string; format: string; json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn alerts' }, async (runtime) => {
        const alerts = await listAlerts(runtime.db, options.state === undefined ? {} : { state: options.state });
        if (options.json === true || options.format === 'json') printJson(alerts);
        else if (options.format === 'csv') process.stdout.write(alertsCsv(alerts));
        else printText(renderAlerts(alerts));
      });
    });
  withExamples(withJson(command), 'outturn alerts', 'outturn alerts --state pending');
}

function formatOption(): Option {
  return new Option('--format <format>', 'how to print it').choices(['table', 'json', 'csv']).default('table');
}

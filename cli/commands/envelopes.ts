/** outturn envelopes and alerts: where each envelope stands, and what was said about it. */
import { type Command, Option } from 'commander';
import { DELIVERY_STATES, listAlerts } from '../../services/alerts/list-alerts.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderAlerts } from '../render/alerts.ts';
import { renderEnvelopes } from '../render/envelopes.ts';
import { withRuntime } from '../runtime.ts';

export function envelopesCommand(program: Command): void {
  const command = program
    .command('envelopes')
    .description('each envelope: limit, actual, used, state, data as of')
    .action(async (options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn envelopes' }, async (runtime) => {
        const envelopes = await listEnvelopes(runtime.db, { at: runtime.clock.now() });
        if (options.json === true) printJson(envelopes);
        else printText(renderEnvelopes(envelopes));
      });
    });
  withExamples(withJson(command), 'outturn envelopes', 'outturn envelopes --json');
}

export function alertsCommand(program: Command): void {
  const command = program
    .command('alerts')
    .description('the outbox and its history')
    .addOption(new Option('--state <state>', 'only alerts in this delivery state').choices(DELIVERY_STATES))
    .action(async (options: { state?: string; json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn alerts' }, async (runtime) => {
        const alerts = await listAlerts(runtime.db, options.state === undefined ? {} : { state: options.state });
        if (options.json === true) printJson(alerts);
        else printText(renderAlerts(alerts));
      });
    });
  withExamples(withJson(command), 'outturn alerts', 'outturn alerts --state pending');
}

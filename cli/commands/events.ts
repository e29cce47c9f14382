/** outturn events: what the tools of the pods told, and what of it waits for a mapping. */
import { type Command, Option } from 'commander';
import { EVENT_STATES, type EventState, listEvents, listUnmapped } from '../../services/intake/list-events.ts';
import { withExamples, withJson } from '../command.ts';
import { countBetween } from '../count-option.ts';
import { printJson, printText } from '../output.ts';
import { renderEvents, renderUnmapped } from '../render/events.ts';
import { withRuntime } from '../runtime.ts';

const LIMIT_MAX = 1_000;

interface EventOptions {
  readonly state?: EventState;
  readonly source?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export function eventsCommand(program: Command): void {
  const command = program
    .command('events')
    .description('tickets, deployments and incidents that came in, newest first, and what waits for a mapping')
    .addOption(new Option('--state <state>', 'only events in this state').choices(EVENT_STATES))
    .option('--source <source>', 'only of github, jira, linear, pagerduty, or events/SENDER')
    .option('--limit <count>', `how many, 1 to ${LIMIT_MAX}`, countBetween(1, LIMIT_MAX), 50)
    .action(async ({ json, ...filter }: EventOptions) => {
      await withRuntime({ applicationName: 'outturn events' }, async ({ db }) => {
        const events = await listEvents(db, filter);
        if (json === true) printJson(events);
        else if (filter.state === 'unmapped') printText(renderUnmapped(await listUnmapped(db), events));
        else printText(renderEvents(events));
      });
    });
  withExamples(
    withJson(command),
    'outturn events --state unmapped',
    'outturn events --source github --limit 200 --json',
  );
}

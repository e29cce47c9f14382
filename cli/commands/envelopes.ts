/** outturn envelopes and alerts: where each envelope stands, its history, what is asked of it, and what was said about it. */
import { type Command, Option } from 'commander';
import { DELIVERY_STATES, listAlerts } from '../../services/alerts/list-alerts.ts';
import { listActivations } from '../../services/envelopes/activate-pattern.ts';
import { listHeadrooms } from '../../services/envelopes/headroom.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { readEnvelopeHistory } from '../../services/envelopes/list-versions.ts';
import { listRaiseRequests, RAISE_STATES, type RaiseState } from '../../services/envelopes/raise-rows.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { readFiscalCalendar } from '../../services/organisation/read-calendar.ts';
import { alertsTable, envelopesTable } from '../../services/reports/envelope-tables.ts';
import { activationsTable, headroomsTable, historyTable, raisesTable } from '../../services/reports/raise-tables.ts';
import type { ReportTable } from '../../services/sheets/report-table.ts';
import { withExamples, withJson } from '../command.ts';
import { addAlertActs } from './alert-acts.ts';
import { type FormOptions, printReport, withForm } from '../printed-form.ts';
import { renderAlerts } from '../render/alerts.ts';
import { renderEnvelopes } from '../render/envelopes.ts';
import { renderActivations, renderHeadrooms, renderHistory, renderRaises } from '../render/raises.ts';
import { type Runtime, withRuntime } from '../runtime.ts';
import { addEnvelopeActs } from './envelope-acts.ts';

type ListOptions = FormOptions;

export function envelopesCommand(program: Command): void {
  const command = withForm(program.command('envelopes'))
    .description(
      'each envelope: limit, actual, used, state, data as of; what is spent outside any; raises, history, headroom',
    )
    .option('--period <period>', 'only envelopes of exactly this period, and what is spent in it outside any')
    .enablePositionalOptions()
    .action((options: ListOptions & { period?: string }, self: Command) =>
      show(options, self, async ({ db, clock }) => {
        const { period } = options;
        return {
          found: await listEnvelopes(db, {
            at: clock.now(),
            ...(period === undefined ? {} : { period: parsePeriod(period, await readFiscalCalendar(db)) }),
          }),
          toTable: envelopesTable,
          render: renderEnvelopes,
        };
      }),
    );
  withExamples(
    withJson(command),
    'outturn envelopes',
    'outturn envelopes --period 2026-10',
    'outturn envelopes --format csv > envelopes.csv',
    'outturn envelopes raise 12 --limit 14000 --reason "Load test of the new checkout"',
    'outturn envelopes history 12',
  );
  addHistory(command);
  addRequests(command);
  addHeadroom(command);
  addActivations(command);
  addEnvelopeActs(command);
}

function addHistory(envelopes: Command): void {
  const history = withForm(envelopes.command('history'))
    .description('every version of one envelope with its approval, and every raise asked for')
    .argument('<envelope>', 'its id, from outturn envelopes')
    .action((envelopeId: string, options: ListOptions, self: Command) =>
      show(options, self, async ({ db, clock }) => ({
        found: await readEnvelopeHistory(db, envelopeId, clock.now()),
        toTable: historyTable,
        render: renderHistory,
      })),
    );
  withExamples(withJson(history), 'outturn envelopes history 12');
}

function addRequests(envelopes: Command): void {
  const requests = withForm(envelopes.command('requests'))
    .description('raises that were asked for, newest first')
    .addOption(new Option('--state <state>', 'only those').choices(RAISE_STATES))
    .action((options: ListOptions & { state?: RaiseState }, self: Command) =>
      show(options, self, async ({ db, clock }) => ({
        found: await listRaiseRequests(db, {
          at: clock.now(),
          ...(options.state === undefined ? {} : { state: options.state }),
        }),
        toTable: raisesTable,
        render: renderRaises,
      })),
    );
  withExamples(withJson(requests), 'outturn envelopes requests --state pending');
}

function addHeadroom(envelopes: Command): void {
  const headroom = withForm(envelopes.command('headroom'))
    .description('what each portfolio’s envelope has left for its pods')
    .option('--portfolio <id>', 'only this one')
    .option('--period <period>', 'only envelopes of exactly this period')
    .action((options: ListOptions & { portfolio?: string; period?: string }, self: Command) =>
      show(options, self, async ({ db }) => {
        const { portfolio, period } = options;
        return {
          found: await listHeadrooms(db, {
            ...(portfolio === undefined ? {} : { portfolioId: portfolio }),
            ...(period === undefined ? {} : { period: parsePeriod(period, await readFiscalCalendar(db)) }),
          }),
          toTable: headroomsTable,
          render: renderHeadrooms,
        };
      }),
    );
  withExamples(withJson(headroom), 'outturn envelopes headroom --portfolio commerce --period 2026-Q4');
}

function addActivations(envelopes: Command): void {
  const activations = withForm(envelopes.command('activations'))
    .description('pods activated from pre-approved patterns, and the approvals that were not needed')
    .action((options: ListOptions, self: Command) =>
      show(options, self, async ({ db }) => ({
        found: await listActivations(db),
        toTable: activationsTable,
        render: renderActivations,
      })),
    );
  withExamples(withJson(activations), 'outturn envelopes activations');
}

export function alertsCommand(program: Command): void {
  const command = withForm(program.command('alerts'))
    .description('the outbox and its history')
    .addOption(new Option('--state <state>', 'only alerts in this delivery state').choices(DELIVERY_STATES))
    .action((options: ListOptions & { state?: string }, self: Command) =>
      show(options, self, async ({ db }) => ({
        found: await listAlerts(db, options.state === undefined ? {} : { state: options.state }),
        toTable: alertsTable,
        render: renderAlerts,
      })),
    );
  withExamples(withJson(command), 'outturn alerts', 'outturn alerts --state failed');
  addAlertActs(command);
}

/** Prints what was found as it was asked for; --json and --format count on the group and on its commands. */
async function show<Found extends object>(
  options: ListOptions,
  command: Command,
  find: (
    runtime: Runtime,
  ) => Promise<{ found: Found; toTable: (found: Found) => ReportTable; render: (found: Found) => string }>,
): Promise<void> {
  const asked = { ...command.optsWithGlobals<ListOptions>(), ...withoutDefault(options) };
  await withRuntime({ applicationName: 'outturn envelopes' }, async (runtime) => {
    const { found, toTable, render } = await find(runtime);
    await printReport(asked, { found, sheet: () => toTable(found), table: () => render(found) });
  });
}

function withoutDefault(options: ListOptions): Partial<ListOptions> {
  const { format, ...others } = options;
  return { ...(format === 'table' ? {} : { format }), ...others };
}

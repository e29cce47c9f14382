/** outturn alerts acknowledge, snooze, release, dismiss, retry: what people do about an alert, in the name of OUTTURN_TOKEN. */
import type { Command } from 'commander';
import {
  acknowledgeAlert,
  type ActOutcome,
  type Acting,
  dismissAlert,
  releaseAlert,
  snoozeAlert,
} from '../../services/alerts/act-on-alert.ts';
import { retryAlert } from '../../services/alerts/retry-alert.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { isIsoDate } from '../../services/kernel/period.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

const ID = '8c1f6a34-0b5e-4c0e-9d5e-3a1b2c4d5e6f';

interface ActOptions {
  readonly until?: string;
}

interface ActCommand {
  readonly name: string;
  readonly description: string;
  readonly done: string;
  readonly act: (runtime: Runtime, acting: Acting, options: ActOptions) => Promise<ActOutcome>;
  readonly examples: readonly string[];
}

const COMMANDS: readonly ActCommand[] = [
  {
    name: 'acknowledge',
    description: 'somebody of the scope has seen it: it does not escalate',
    done: 'Acknowledged. Its post says so.',
    act: ({ db }, acting) => acknowledgeAlert(db, acting),
    examples: [`outturn alerts acknowledge ${ID}`],
  },
  {
    name: 'snooze',
    description: 'the same rung is not told again until a date; never one at the limit',
    done: 'Snoozed. Its post says so.',
    act: ({ db }, acting, { until }) => snoozeAlert(db, { ...acting, until: dayOf(until) }),
    examples: [`outturn alerts snooze ${ID} --until 2026-10-01`],
  },
  {
    name: 'release',
    description: 'send a held alert to its channel; takes a token of role finance',
    done: 'Released. It is sent to its channel.',
    act: ({ db }, acting) => releaseAlert(db, acting),
    examples: [`OUTTURN_TOKEN=ot_… outturn alerts release ${ID}`],
  },
  {
    name: 'dismiss',
    description: 'keep a held alert from its channel; takes a token of role finance',
    done: 'Dismissed. Its channel is not told.',
    act: ({ db }, acting) => dismissAlert(db, acting),
    examples: [`OUTTURN_TOKEN=ot_… outturn alerts dismiss ${ID}`],
  },
  {
    name: 'retry',
    description: 'deliver again what failed, or whose delivery is unknown, once what was in the way is put right',
    done: 'It is tried again.',
    act: ({ db }, acting) => retryAlert(db, acting),
    examples: ['outturn alerts --state failed', `outturn alerts retry ${ID}`],
  },
];

/** Adds the acts to `outturn alerts`. */
export function addAlertActs(alerts: Command): void {
  for (const { name, description, done, act, examples } of COMMANDS) {
    const command = alerts
      .command(name)
      .description(description)
      .argument('<id>', 'an alert, as "outturn alerts --json" names it')
      .action(async (alertId: string, options: ActOptions, self: Command) => {
        const { json } = self.optsWithGlobals<{ json?: boolean }>();
        await withRuntime({ applicationName: 'outturn alerts' }, async (runtime) => {
          const principal = await actingPrincipal(runtime);
          const acting: Acting = { alertId, principal, via: 'cli', at: runtime.clock.now() };
          const outcome = await act(runtime, acting, options);
          const reason = outcome.kind === 'done' ? null : outcome.reason;
          if (json === true) printJson({ alertId, isDone: reason === null, reason });
          else printText(reason ?? done);
        });
      });
    if (name === 'snooze') command.requiredOption('--until <date>', 'the first day on which it is told again (UTC)');
    withExamples(withJson(command), ...examples);
  }
}

function dayOf(until = ''): Date {
  if (isIsoDate(until)) return new Date(`${until}T00:00:00Z`);
  throw new AppError('invalid_input', `--until ${until} is no date. Write it as 2026-10-01.`);
}

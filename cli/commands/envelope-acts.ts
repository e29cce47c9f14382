/** outturn envelopes set, raise, grant, refuse, activate: what people and pipelines do about envelopes, in the name of OUTTURN_TOKEN. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { COST_METRICS, type CostMetric } from '../../services/attribution/rulebook.ts';
import { activatePattern } from '../../services/envelopes/activate-pattern.ts';
import { decideRaise, requestRaise } from '../../services/envelopes/raise-requests.ts';
import { setEnvelope } from '../../services/envelopes/set-envelope.ts';
import { type Decimal, decimal } from '../../services/kernel/decimal.ts';
import { AppError } from '../../services/kernel/errors.ts';
import type { EnvelopeScope } from '../../services/organisation/organisation.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderActivation, renderOutcome } from '../render/raises.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

interface Json {
  readonly json?: boolean;
}

interface SetOptions extends Json {
  readonly pod?: string;
  readonly portfolio?: string;
  readonly organisation?: boolean;
  readonly unattributed?: boolean;
  readonly period: string;
  readonly limit: Decimal;
  readonly currency: string;
  readonly costMetric?: CostMetric;
  readonly counts?: 'controlled' | 'loaded';
  readonly rungs?: readonly Decimal[];
  readonly approval?: string;
}

interface RaiseOptions extends Json {
  readonly limit: Decimal;
  readonly reason: string;
  readonly until?: string;
}

/** Adds the acts to `outturn envelopes`. */
export function addEnvelopeActs(envelopes: Command): void {
  addSet(envelopes);
  addRaise(envelopes);
  addDecision(envelopes, 'grant');
  addDecision(envelopes, 'refuse');
  addActivate(envelopes);
}

function addSet(envelopes: Command): void {
  const set = envelopes
    .command('set')
    .description('approve a limit yourself, as the scope’s finance partner: a new envelope, or another version of one')
    .option('--pod <id>', 'of this pod')
    .option('--portfolio <id>', 'of this portfolio')
    .option('--organisation', 'of the whole organisation')
    .option('--unattributed', 'of what belongs to no pod')
    .requiredOption('--period <period>', '2026-09, 2026-Q4, 2026 or 2026-09-01..2026-09-15')
    .requiredOption('--limit <amount>', 'what is approved', parseAmount)
    .requiredOption('--currency <code>', 'ISO 4217')
    .addOption(new Option('--cost-metric <metric>', 'which cost counts (default: as it stands)').choices(COST_METRICS))
    .addOption(new Option('--counts <basis>', 'which cost it is').choices(['controlled', 'loaded']))
    .option('--rungs <shares>', 'shares of the limit it speaks at, as 0.8,1,1.5,2', parseRungs)
    .option('--approval <reference>', 'the reference of the approval')
    .action((options: SetOptions, command: Command) =>
      acting(options, command, async (runtime, given) => {
        const {
          pod: _pod,
          portfolio: _portfolio,
          organisation: _organisation,
          unattributed: _none,
          json: _json,
          ...setting
        } = options;
        const done = await setEnvelope(runtime.db, { ...setting, ...given, scope: scopeOf(options) });
        const text =
          done.change === 'unchanged'
            ? `Nothing changed: version ${done.version} of envelope ${done.envelopeId} says so already.`
            : `Envelope ${done.envelopeId} is ${done.change}: version ${done.version}, approved by ${given.principal.id}.`;
        return { done, text };
      }),
    );
  withExamples(
    withJson(set),
    'OUTTURN_TOKEN=ot_… outturn envelopes set --pod checkout --period 2026-Q4 --limit 50000 --currency USD --approval FIN-1234',
    'OUTTURN_TOKEN=ot_… outturn envelopes set --portfolio commerce --period 2026-10 --limit 120000 --currency USD',
  );
}

function addRaise(envelopes: Command): void {
  const raise = envelopes
    .command('raise')
    .description('ask for a higher limit; granted at once where the portfolio delegates it, else an approver decides')
    .argument('<envelope>', 'its id, from outturn envelopes')
    .requiredOption('--limit <amount>', 'the new limit, in the envelope’s currency', parseAmount)
    .requiredOption('--reason <text>', 'what it is needed for')
    .option('--until <date>', 'the last day it is needed; after it finance is reminded in its inbox')
    .action((envelopeId: string, options: RaiseOptions, command: Command) =>
      acting(options, command, async (runtime, given) => {
        const { limit, reason, until } = options;
        const asked = { envelopeId, limit, reason, ...(until === undefined ? {} : { until }), ...given };
        const done = await requestRaise(runtime.db, asked);
        return { done, text: renderOutcome(done) };
      }),
    );
  withExamples(withJson(raise), 'outturn envelopes raise 12 --limit 14000 --reason "Load test of the new checkout"');
}

function addDecision(envelopes: Command, decision: 'grant' | 'refuse'): void {
  const command = envelopes
    .command(decision)
    .description(
      decision === 'grant'
        ? 'grant a raise that waits: the limit holds at once (an approver, never who asked)'
        : 'refuse a raise that waits: the limit stays (an approver, never who asked)',
    )
    .argument('<request>', 'its id, from outturn envelopes requests')
    .option('--reason <text>', 'why; whoever asked reads it')
    .action((requestId: string, options: Json & { reason?: string }, self: Command) =>
      acting(options, self, async (runtime, given) => {
        const { reason } = options;
        const decided = { requestId, decision, ...(reason === undefined ? {} : { reason }), ...given };
        const done = await decideRaise(runtime.db, decided);
        return { done: { requestId, ...done }, text: `Request ${requestId} is ${done.state}.` };
      }),
    );
  withExamples(
    withJson(command),
    `OUTTURN_TOKEN=ot_… outturn envelopes ${decision} 1c9a0f0e-…${decision === 'grant' ? '' : ' --reason "Wait for the quarter"'}`,
  );
}

function addActivate(envelopes: Command): void {
  const activate = envelopes
    .command('activate')
    .description('give a pod the envelope of a pre-approved pattern, at once; again it changes nothing')
    .argument('<pod>', 'its id')
    .argument('<pattern>', 'its id')
    .option('--on <date>', 'the day it was activated (default: today)')
    .action((podId: string, patternId: string, options: Json & { on?: string }, command: Command) =>
      acting(options, command, async (runtime, given) => {
        const { on } = options;
        const done = await activatePattern(runtime.db, {
          podId,
          patternId,
          ...(on === undefined ? {} : { on }),
          ...given,
        });
        return { done, text: renderActivation(done) };
      }),
    );
  withExamples(withJson(activate), 'outturn envelopes activate checkout analytics-environment --on 2026-09-15');
}

type Given = Pick<Parameters<typeof decideRaise>[1], 'principal' | 'via' | 'at'>;

/** Runs an act as whoever OUTTURN_TOKEN is, and prints what it did. */
async function acting(
  options: Json,
  command: Command,
  act: (runtime: Runtime, given: Given) => Promise<{ done: object; text: string }>,
): Promise<void> {
  await withRuntime({ applicationName: 'outturn envelopes' }, async (runtime) => {
    const given = { principal: await actingPrincipal(runtime), via: 'cli', at: runtime.clock.now() } as const;
    const { done, text } = await act(runtime, given);
    if (options.json === true || command.optsWithGlobals<Json>().json === true) printJson(done);
    else printText(text);
  });
}

function scopeOf({ pod, portfolio, organisation, unattributed }: SetOptions): EnvelopeScope {
  const scopes: EnvelopeScope[] = [
    ...(pod === undefined ? [] : [{ kind: 'pod', id: pod } as const]),
    ...(portfolio === undefined ? [] : [{ kind: 'portfolio', id: portfolio } as const]),
    ...(organisation === true ? [{ kind: 'organisation', id: null } as const] : []),
    ...(unattributed === true ? [{ kind: 'unattributed', id: null } as const] : []),
  ];
  const [scope] = scopes;
  if (scope === undefined || scopes.length > 1) {
    throw new AppError(
      'invalid_input',
      'Say whose it is with one of --pod ID, --portfolio ID, --organisation and --unattributed.',
    );
  }
  return scope;
}

function parseAmount(text: string): Decimal {
  if (!/^-?\d+(?:\.\d+)?$/.test(text))
    throw new InvalidArgumentError('Write digits and at most one point, as 12000.00.');
  return decimal(text);
}

function parseRungs(text: string): Decimal[] {
  return text.split(',').map((part) => parseAmount(part.trim()));
}

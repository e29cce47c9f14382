/** outturn outcomes claim, show: what a pod says it delivered, and what became of it, in the name of OUTTURN_TOKEN. */
import { type Command, Option } from 'commander';
import { readAs } from '../../services/access/read-as.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { type IsoDate, isIsoDate, utcDate } from '../../services/kernel/period.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { guardClaim } from '../../services/outcomes/acts/guard-claim.ts';
import type { ClaimInput, OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { BASES, BASIS_POINTS_WHOLE, EFFECTS } from '../../services/outcomes/outcome.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { readOutcomeFile } from '../outcome-file.ts';
import { type ClaimOptions, claimOf, inOptions } from '../outcome-options.ts';
import { printJson, printText } from '../output.ts';
import { renderClaimed, renderShown } from '../render/outcomes.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

/** Adds both to `outturn outcomes`. */
export function addOutcomeClaims(outcomes: Command): void {
  addClaim(outcomes);
  addShow(outcomes);
}

function addClaim(outcomes: Command): void {
  const claim = outcomes
    .command('claim')
    .description('claim what a pod delivered; baseline, evidence and the rest may come later, before it is verified')
    .argument('[outcome]', 'the id of a candidate, or of a claim that is to say more')
    .option('--title <text>', 'what was delivered, in a line')
    .option('--delivered-on <date>', 'the day of delivery (default: today, or --from where that is earlier)')
    .option('--pod <id…>', 'the pod, or pod=basis points, once per pod (default: the pod of your token)', collect)
    .option('--owner <email>', 'who answers for the benefit (default: you)')
    .addOption(new Option('--basis <basis>', 'what kind of value it is').choices(BASES))
    .option('--margin', 'revenue: the amount is margin')
    .option('--gross', 'revenue: the amount is gross')
    .option('--amount <amount>', 'the value in money')
    .option('--currency <code>', 'its currency (default: the reporting currency)')
    .option('--low <amount>', 'the lower end of its range')
    .option('--high <amount>', 'the upper end of its range')
    .addOption(new Option('--effect <effect>', 'a dis_benefit counts below zero').choices(EFFECTS))
    .option('--from <date>', 'the first day it counts (default: the day of delivery)')
    .option('--until <date>', 'the first day it no longer counts (default: the day after)')
    .option('--type <type>', 'what is counted, such as orders')
    .option('--quantity <count>', 'how many')
    .option('--unit <unit>', 'of what')
    .option('--baseline <text>', 'what it is measured against')
    .option('--not-own-bill', 'the baseline is not spend in our own bills')
    .option('--own-bill', 'it is: a smaller bill already shows in the cost')
    .option('--evidence <url…>', 'where it can be seen, once per address', collect)
    .option('--pool <id>', 'a shared metric with a ceiling')
    .option('--enabled-by <pod…>', 'a pod that made it possible, once per pod', collect)
    .option('--confidence <grade=reason>', 'A to D and why, as B="one week only"')
    .option('--review-due-on <date>', 'when it is measured again')
    .option('--reference <system=key…>', 'such as jira=PAY-7: the same again is the same outcome', collect)
    .option('--file <path>', 'a JSON file with the body of POST /api/v1/outcomes; options replace its fields')
    .action((outcomeId: string | undefined, options: ClaimOptions, command: Command) =>
      withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
        const principal = await actingPrincipal(runtime);
        const done = await inOptions(
          outcomeId === undefined
            ? claimNew(runtime, principal, options)
            : claimKnown(runtime, principal, { outcomeId, options }),
        );
        if (command.optsWithGlobals<{ json?: boolean }>().json === true) printJson(done);
        else printText(renderClaimed(done));
      }),
    );
  withExamples(
    withJson(claim),
    'OUTTURN_TOKEN=ot_… outturn outcomes claim --title "Fewer refunds" --basis cost_reduction --amount 1200',
    'outturn outcomes claim 12 --basis revenue --margin --amount 50000 --from 2026-09-01 --until 2026-12-01',
    'outturn outcomes claim 12 --baseline "refunds of Q2" --not-own-bill --evidence https://wiki.example.com/refunds',
  );
}

async function claimNew(runtime: Runtime, principal: Principal, options: ClaimOptions) {
  const at = runtime.clock.now();
  const input = await withDefaults(runtime, principal, {
    ...(await readOutcomeFile(options.file)),
    ...claimOf(options),
  });
  return runtime.db.transaction().execute(async (trx) => {
    const created = await createOutcome(trx, { input, principal, at });
    await guardClaim(trx, principal, created);
    return created;
  });
}

async function claimKnown(
  { db, clock }: Runtime,
  principal: Principal,
  { outcomeId, options }: { outcomeId: string; options: ClaimOptions },
) {
  const { state: _state, verifiedBy: _verifier, ...file } = await readOutcomeFile(options.file);
  const input: ClaimInput = { ...file, ...claimOf(options) };
  const at = clock.now();
  return db.transaction().execute((trx) => claimOutcome(trx, { outcomeId, principal, at, input }));
}

/** What most claims say alike is not asked for. */
async function withDefaults(
  { db, clock }: Runtime,
  principal: Principal,
  given: Partial<OutcomeInput>,
): Promise<OutcomeInput> {
  const { title, basis, shares = sharesOf(principal) } = given;
  if (title === undefined || basis === undefined || shares === undefined) {
    const missing = [
      ...(title === undefined ? ['--title'] : []),
      ...(basis === undefined ? ['--basis'] : []),
      ...(shares === undefined ? ['--pod'] : []),
    ];
    throw new AppError('invalid_input', `A claim needs ${missing.join(', ')}. See outturn outcomes claim --help.`);
  }
  const { reporting_currency: reporting } = await db
    .selectFrom('organisation')
    .select('reporting_currency')
    .executeTakeFirstOrThrow();
  const owner = principal.id.includes('@') ? principal.id : await ownerOf(db, shares[0]?.pod ?? '');
  return {
    ...(given.amount === undefined ? {} : { currency: reporting }),
    deliveredOn: firstOf(given.recogniseFrom, utcDate(clock.now())),
    ownerEmail: owner,
    ...given,
    title,
    basis,
    shares,
  };
}

/** What counts since a day was delivered by then. */
function firstOf(recogniseFrom: string | undefined, today: IsoDate): IsoDate {
  return recogniseFrom !== undefined && isIsoDate(recogniseFrom) && recogniseFrom < today ? recogniseFrom : today;
}

function sharesOf({ pods }: Principal): OutcomeInput['shares'] | undefined {
  const [pod] = pods;
  return pods.length === 1 && pod !== undefined ? [{ pod, basisPoints: BASIS_POINTS_WHOLE }] : undefined;
}

async function ownerOf(db: Runtime['db'], podId: string): Promise<string> {
  const pod = await db.selectFrom('pod').select('owner_email').where('id', '=', podId).executeTakeFirst();
  return pod?.owner_email ?? '';
}

function addShow(outcomes: Command): void {
  const show = outcomes
    .command('show')
    .description('one outcome: what is missing to its verification, its evidence, possible duplicates and history')
    .argument('<outcome>', 'its id, from outturn outcomes list')
    .action((outcomeId: string, _options: object, command: Command) =>
      withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
        const shown = await readAs(runtime.db, await actingPrincipal(runtime), (trx) =>
          showOutcome(trx, outcomeId, runtime.clock.now()),
        );
        if (command.optsWithGlobals<{ json?: boolean }>().json === true) printJson(shown);
        else printText(renderShown(shown));
      }),
    );
  withExamples(withJson(show), 'outturn outcomes show 12');
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

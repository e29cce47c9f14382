/** outturn outcomes review, verify, reject, retract, supersede, agree, answer: what people do about a claim, in the name of OUTTURN_TOKEN. */
import type { Transaction } from 'kysely';
import { Argument, type Command } from 'commander';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { agreeShares } from '../../services/outcomes/acts/agree-shares.ts';
import { answerDuplicate } from '../../services/outcomes/duplicates/answer-duplicate.ts';
import type { ActedOutcome, OutcomeAct } from '../../services/outcomes/acts/outcome-act.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { reviewOutcome } from '../../services/outcomes/acts/review-outcome.ts';
import { supersedeOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import { type RowVerdict, verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { countBetween } from '../count-option.ts';
import { readOutcomeFile } from '../outcome-file.ts';
import { printJson, printText } from '../output.ts';
import { renderActed, renderAnswered, renderReviewed, renderSuperseded, renderVerified } from '../render/outcomes.ts';
import { withRuntime } from '../runtime.ts';

interface ActOptions {
  readonly row?: readonly string[];
  readonly reviewDueOn?: string;
  readonly reason?: string;
  readonly by?: string;
  readonly file?: string;
  readonly pod?: readonly string[];
  readonly note?: string;
  readonly version?: number;
}

const OUTCOME = 'its id, from outturn outcomes list';
const AS_FINANCE = 'OUTTURN_TOKEN=ot_… outturn outcomes';
const VERSION_MAX = 2_147_483_647;
const SEEN_VERSION = [
  '--version <number>',
  'the version that you read, from outturn outcomes show: refused where it changed since',
  countBetween(1, VERSION_MAX),
] as const;

/** Adds the acts to `outturn outcomes`. */
export function addOutcomeActs(outcomes: Command): void {
  addReview(outcomes);
  addVerify(outcomes);
  addRefusals(outcomes);
  addSupersede(outcomes);
  addAgree(outcomes);
  addAnswer(outcomes);
}

function addReview(outcomes: Command): void {
  const review = outcomes
    .command('review')
    .description('take a claim into review, and say what is missing to its verification (finance)')
    .argument('<outcome>', OUTCOME)
    .action((outcomeId: string, _options: ActOptions, command: Command) =>
      acting(command, outcomeId, reviewOutcome, renderReviewed),
    );
  withExamples(withJson(review), `${AS_FINANCE} review 12`);
}

function addVerify(outcomes: Command): void {
  const verify = outcomes
    .command('verify')
    .description('verify a claim, whole or row by row (finance, neither who claimed it nor of its pods)')
    .argument('<outcome>', OUTCOME)
    .option(
      '--row <n=verdict…>',
      'one row of its schedule: 1=verified, 1=800.00 (of what was claimed), 1=rejected',
      collect,
    )
    .option(...SEEN_VERSION)
    .option('--review-due-on <date>', 'when it is measured again: from then on it counts as claimed')
    .option('--reason <text>', 'needed where a row is rejected or verified in part')
    .action((outcomeId: string, { row, reviewDueOn, reason, version }: ActOptions, command: Command) =>
      acting(
        command,
        outcomeId,
        (trx, act) =>
          verifyOutcome(trx, {
            ...act,
            ...(row === undefined ? {} : { rows: row.map(verdictOf) }),
            ...(reviewDueOn === undefined ? {} : { reviewDueOn }),
            ...(reason === undefined ? {} : { reason }),
            ...(version === undefined ? {} : { version }),
          }),
        renderVerified,
      ),
    );
  withExamples(
    withJson(verify),
    `${AS_FINANCE} verify 12 --version 3 --review-due-on 2027-03-01`,
    `${AS_FINANCE} verify 12 --row 1=verified --row 2=800.00 --reason "The second quarter fell short"`,
  );
}

function addRefusals(outcomes: Command): void {
  const refusals = [
    { name: 'reject', work: rejectOutcome, description: 'reject a claim or a candidate (finance)' },
    {
      name: 'retract',
      work: retractOutcome,
      description: 'take back what counts (finance, or the pod itself); closed periods book the difference',
    },
  ] as const;
  for (const { name, work, description } of refusals) {
    const command = outcomes
      .command(name)
      .description(description)
      .argument('<outcome>', OUTCOME)
      .requiredOption('--reason <text>', 'why; whoever claimed it reads it')
      .option(...SEEN_VERSION)
      .action((outcomeId: string, { reason = '', version }: ActOptions, self: Command) =>
        acting(self, outcomeId, (trx, act) =>
          work(trx, { ...act, reason, ...(version === undefined ? {} : { version }) }),
        ),
      );
    withExamples(withJson(command), `${AS_FINANCE} ${name} 12 --reason "The control group did as well"`);
  }
}

function addSupersede(outcomes: Command): void {
  const supersede = outcomes
    .command('supersede')
    .description('let another outcome take its place, in one transaction (finance, or the pod itself)')
    .argument('<outcome>', OUTCOME)
    .requiredOption('--reason <text>', 'why')
    .option('--by <outcome>', 'the id of the one that takes its place')
    .option('--file <path>', 'or a new one: a JSON file with the body of POST /api/v1/outcomes')
    .action((outcomeId: string, { reason = '', by, file }: ActOptions, command: Command) =>
      acting(
        command,
        outcomeId,
        async (trx, act) => {
          if ((by === undefined) === (file === undefined)) {
            throw new AppError('invalid_input', 'Name what takes its place: either --by OUTCOME or --file FILE.json.');
          }
          // The check of a statement names every field that is missing.
          const successor =
            by === undefined ? { statement: (await readOutcomeFile(file)) as OutcomeInput } : { outcomeId: by };
          return supersedeOutcome(trx, { ...act, reason, successor });
        },
        renderSuperseded,
      ),
    );
  withExamples(
    withJson(supersede),
    `${AS_FINANCE} supersede 12 --by 15 --reason "Measured anew over the whole year"`,
    `${AS_FINANCE} supersede 12 --file measured.json --reason "Measured anew over the whole year"`,
  );
}

function addAgree(outcomes: Command): void {
  const agree = outcomes
    .command('agree')
    .description('agree to the share of a pod: its owner, a token of it, or finance for any')
    .argument('<outcome>', OUTCOME)
    .option('--pod <id…>', 'whose share (default: every one you may speak for)', collect)
    .option(...SEEN_VERSION)
    .action((outcomeId: string, { pod, version }: ActOptions, command: Command) =>
      acting(command, outcomeId, (trx, act) =>
        agreeShares(trx, {
          ...act,
          ...(pod === undefined ? {} : { pods: pod }),
          ...(version === undefined ? {} : { version }),
        }),
      ),
    );
  withExamples(withJson(agree), 'OUTTURN_TOKEN=ot_… outturn outcomes agree 12 --pod search');
}

function addAnswer(outcomes: Command): void {
  const answer = outcomes
    .command('answer')
    .description('answer whether it is another outcome once more (finance); show lists whom it may be')
    .argument('<outcome>', OUTCOME)
    .argument('<other>', 'the id of the other')
    .addArgument(new Argument('<answer>', 'what it is').choices(['distinct', 'duplicate']))
    .option('--note <text>', 'why')
    .action(
      (outcomeId: string, otherId: string, given: 'distinct' | 'duplicate', options: ActOptions, command: Command) =>
        acting(
          command,
          outcomeId,
          (trx, act) =>
            answerDuplicate(trx, {
              ...act,
              otherId,
              answer: given,
              ...(options.note === undefined ? {} : { note: options.note }),
            }),
          renderAnswered,
        ),
    );
  withExamples(withJson(answer), `${AS_FINANCE} answer 12 9 distinct --note "Another market"`);
}

/** Runs an act as whoever OUTTURN_TOKEN is, in one transaction, and prints what it came to. */
async function acting<Done extends ActedOutcome>(
  command: Command,
  outcomeId: string,
  act: (trx: Transaction<DB>, given: OutcomeAct) => Promise<Done>,
  render: (done: Done) => string = renderActed,
): Promise<void> {
  await withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
    const given = { outcomeId, principal: await actingPrincipal(runtime), at: runtime.clock.now() };
    const done = await runtime.db.transaction().execute((trx) => act(trx, given));
    if (command.optsWithGlobals<{ json?: boolean }>().json === true) printJson(done);
    else printText(render(done));
  });
}

function verdictOf(text: string): RowVerdict {
  const [, ordinal = '', verdict = ''] = /^(\d{1,4})=(.+)$/.exec(text) ?? [];
  if (ordinal === '') {
    throw new AppError('invalid_input', `"${text}" is no verdict: write 1=verified, 1=800.00 or 1=rejected.`);
  }
  if (verdict === 'verified' || verdict === 'rejected') return { ordinal: Number(ordinal), verdict };
  return { ordinal: Number(ordinal), verdict: 'verified', verifiedAmount: verdict };
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

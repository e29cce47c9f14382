/** outturn outcomes list, enabled: what was delivered, and what a pod made possible for others. */
import { type Command, Option } from 'commander';
import { readAs } from '../../services/access/read-as.ts';
import { enabledAs } from '../../services/access/shared-facts.ts';
import { listOutcomes, OUTCOMES_PER_PAGE_MAX } from '../../services/outcomes/list-outcomes.ts';
import { outcomesTable } from '../../services/outcomes/sheets/outcome-table.ts';
import { OUTCOME_STATES } from '../../services/outcomes/outcome.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { countBetween } from '../count-option.ts';
import { printJson, printText } from '../output.ts';
import { type FormOptions, printReport, withForm } from '../printed-form.ts';
import { renderEnabled, renderOutcomes } from '../render/outcomes.ts';
import { withRuntime } from '../runtime.ts';

interface ListOptions {
  readonly state?: string;
  readonly pod?: string;
  readonly limit?: number;
}

/** On a terminal; everything else is for programs and sheets, which want all. */
const TERMINAL_LIMIT = 50;
const LIMIT = [
  '--limit <count>',
  `how many, 1 to ${OUTCOMES_PER_PAGE_MAX} (default: ${TERMINAL_LIMIT} on the terminal, else all)`,
  countBetween(1, OUTCOMES_PER_PAGE_MAX),
] as const;

/** Adds both to `outturn outcomes`. */
export function addOutcomeLists(outcomes: Command): void {
  addList(outcomes);
  addEnabled(outcomes);
}

function addList(outcomes: Command): void {
  const list = withForm(outcomes.command('list'))
    .description('outcomes, newest first')
    .addOption(new Option('--state <state>', 'only those in it').choices(OUTCOME_STATES))
    .option('--pod <id>', 'only those this pod has a share of')
    .option(...LIMIT)
    .action((options: ListOptions, command: Command) =>
      withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
        const form = command.optsWithGlobals<FormOptions>();
        const { state, pod: podId } = options;
        const isTable = form.json !== true && form.format === 'table';
        const asked = {
          at: runtime.clock.now(),
          ...(state === undefined ? {} : { state }),
          ...(podId === undefined ? {} : { podId }),
        };
        const page = await readAs(runtime.db, await actingPrincipal(runtime), (trx) =>
          readPages((part) => listOutcomes(trx, { ...asked, ...part }), limitOf(options, isTable)),
        );
        await printReport(form, {
          found: page.outcomes,
          sheet: () => outcomesTable(page.outcomes),
          table: () => renderOutcomes(page, state !== undefined || podId !== undefined),
        });
      }),
    );
  withExamples(withJson(list), 'outturn outcomes list --state claimed', 'outturn outcomes list --pod checkout --json');
}

function addEnabled(outcomes: Command): void {
  const enabled = outcomes
    .command('enabled')
    .description(
      'outcomes that name who made them possible, without money; with the token of a pod, those that name it',
    )
    .option('--pod <id>', 'only those this pod made possible')
    .option(...LIMIT)
    .action((options: ListOptions, command: Command) =>
      withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
        const isTable = command.optsWithGlobals<{ json?: boolean }>().json !== true;
        const principal = await actingPrincipal(runtime);
        const asked = { at: runtime.clock.now(), ...(options.pod === undefined ? {} : { podId: options.pod }) };
        const page = await readPages(
          (part) => enabledAs(runtime.db, principal, { ...asked, ...part }),
          limitOf(options, isTable),
        );
        if (isTable) printText(renderEnabled(page));
        else printJson(page.outcomes);
      }),
    );
  withExamples(
    withJson(enabled),
    'outturn outcomes enabled --pod platform-runtime',
    'OUTTURN_TOKEN=ot_… outturn outcomes enabled',
  );
}

function limitOf({ limit }: ListOptions, isTable: boolean): number | null {
  return limit ?? (isTable ? TERMINAL_LIMIT : null);
}

/** One page of `limit`, or every page where it is null. */
async function readPages<Row>(
  read: (part: { limit: number; after?: string }) => Promise<{ outcomes: readonly Row[]; next: string | null }>,
  limit: number | null,
): Promise<{ outcomes: readonly Row[]; next: string | null }> {
  if (limit !== null) return read({ limit });
  const outcomes: Row[] = [];
  let after: string | null = null;
  do {
    const page: { outcomes: readonly Row[]; next: string | null } = await read({
      limit: OUTCOMES_PER_PAGE_MAX,
      ...(after === null ? {} : { after }),
    });
    outcomes.push(...page.outcomes);
    after = page.next;
  } while (after !== null);
  return { outcomes, next: null };
}

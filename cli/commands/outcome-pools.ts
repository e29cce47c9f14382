/** outturn outcomes pools: what a shared metric may move altogether, and what is left of it. */
import type { Command } from 'commander';
import { poolsAs } from '../../services/access/shared-facts.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { type PoolCeiling, setPool } from '../../services/outcomes/pools/pools.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderPools } from '../render/outcomes.ts';
import { withRuntime } from '../runtime.ts';

interface SetOptions {
  readonly name: string;
  readonly metric: string;
  readonly currency: string;
  readonly ceiling: readonly string[];
}

/** Adds `pools` to `outturn outcomes`. */
export function addOutcomePools(outcomes: Command): void {
  const pools = outcomes
    .command('pools')
    .description('pools that several outcomes draw on, with their ceilings and what is left')
    .action((_options: object, command: Command) =>
      withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
        const found = await poolsAs(runtime.db, await actingPrincipal(runtime));
        if (command.optsWithGlobals<{ json?: boolean }>().json === true) printJson(found);
        else printText(renderPools(found));
      }),
    );
  withExamples(withJson(pools), 'outturn outcomes pools', 'outturn outcomes pools --json');

  const set = pools
    .command('set')
    .description('set a pool and all its ceilings (finance)')
    .argument('<pool>', 'its id: small letters, digits and hyphens')
    .requiredOption('--name <text>', 'its name')
    .requiredOption('--metric <text>', 'what its outcomes share, such as churn')
    .requiredOption('--currency <code>', 'the currency of its amounts')
    .requiredOption(
      '--ceiling <from..until=amount…>',
      'half-open, once per window; what is not named is taken away',
      collect,
    )
    .action((id: string, { name, metric, currency, ceiling }: SetOptions, command: Command) =>
      withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
        const principal = await actingPrincipal(runtime);
        const pool = { id, name, metric, currency, ceilings: ceiling.map(ceilingOf) };
        const done = await runtime.db
          .transaction()
          .execute((trx) => setPool(trx, { pool, principal, at: runtime.clock.now() }));
        if (command.optsWithGlobals<{ json?: boolean }>().json === true) printJson(done);
        else printText(done.change === 'unchanged' ? `Pool ${id} says so already.` : `Pool ${id} is ${done.change}.`);
      }),
    );
  withExamples(
    withJson(set),
    'OUTTURN_TOKEN=ot_… outturn outcomes pools set churn --name Churn --metric "customers kept" --currency USD --ceiling 2026-07-01..2026-10-01=250000',
  );
}

function ceilingOf(text: string): PoolCeiling {
  const [, from, until, ceiling] = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})=(.+)$/.exec(text) ?? [];
  if (from !== undefined && until !== undefined && ceiling !== undefined) return { from, until, ceiling };
  throw new AppError(
    'invalid_input',
    `"${text}" is no ceiling: write 2026-07-01..2026-10-01=250000, the end exclusive.`,
  );
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** outturn inbox and drift: what waits for finance with the command that settles it, and pods against their frozen baselines. */
import { type Command, Option } from 'commander';
import { acceptDrift } from '../../services/drift/accept-drift.ts';
import { listDrift } from '../../services/drift/list-drift.ts';
import { dropMessage } from '../../services/inbox/drop-message.ts';
import { INBOX_KINDS, listInbox } from '../../services/inbox/list-inbox.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { driftTable, inboxTable } from '../../services/reports/inbox-tables.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { type FormOptions, printReport, withForm } from '../printed-form.ts';
import { renderDrift, renderDrifts, renderInbox } from '../render/inbox.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

export function inboxCommand(program: Command): void {
  const inbox = withForm(program.command('inbox'))
    .description(
      'what waits for finance: claims, possible duplicates, reviews, held alerts, raises, deliveries, drift, sources, rates',
    )
    .addOption(new Option('--kind <kind>', 'only things of this kind').choices(INBOX_KINDS))
    .action(async (options: FormOptions & { kind?: string }) => {
      await withRuntime({ applicationName: 'outturn inbox' }, async ({ db, clock }) => {
        const all = await listInbox(db, { at: clock.now() });
        const items = options.kind === undefined ? all : all.filter(({ kind }) => kind === options.kind);
        await printReport(options, {
          found: items,
          sheet: () => inboxTable(items),
          table: () => renderInbox(items, options.kind),
        });
      });
    });
  withExamples(
    withJson(inbox),
    'outturn inbox',
    'outturn inbox --kind drift --json',
    'OUTTURN_TOKEN=ot_… outturn alerts release 5b0c1a52-…',
  );
  const drop = inbox
    .command('drop')
    .description('leave a message that failed, or that may not have arrived: its scope was told otherwise')
    .argument('<message>', 'its id, from outturn inbox')
    .action((messageId: string, _options: object, self: Command) =>
      acting(self, async (runtime, given) => {
        const done = await runtime.db.transaction().execute((trx) => dropMessage(trx, { messageId, ...given }));
        return { done, text: 'It is told to nobody.' };
      }),
    );
  withExamples(withJson(drop), 'OUTTURN_TOKEN=ot_… outturn inbox drop 0f3e8c11-…');
}

export function driftCommand(program: Command): void {
  const drift = withForm(program.command('drift'))
    .description('pods against the cost that was approved: slow drift, its money a month and its services')
    .argument('[pod]', 'only this pod, in detail')
    .action(async (podId: string | undefined, options: FormOptions) => {
      await withRuntime({ applicationName: 'outturn drift' }, async ({ db }) => {
        const drifts = await listDrift(db, podId === undefined ? {} : { podId });
        const [one] = drifts;
        const isOne = podId !== undefined && one !== undefined;
        await printReport(options, {
          found: isOne ? one : drifts,
          sheet: () => driftTable(drifts),
          table: () => (isOne ? renderDrift(one) : renderDrifts(drifts)),
        });
      });
    });
  withExamples(withJson(drift), 'outturn drift', 'outturn drift checkout', 'outturn drift --format csv > drift.csv');
  const accept = drift
    .command('accept')
    .description('say that a pod’s present cost is what is wanted: its baseline from now on')
    .argument('<pod>', 'its id')
    .requiredOption('--reason <text>', 'why')
    .action((podId: string, { reason }: { reason: string }, self: Command) =>
      acting(self, async (runtime, given) => {
        const done = await runtime.db.transaction().execute((trx) => acceptDrift(trx, { podId, reason, ...given }));
        return { done, text: renderDrift(done) };
      }),
    );
  withExamples(
    withJson(accept),
    'OUTTURN_TOKEN=ot_… outturn drift accept checkout --reason "A third shop since August"',
  );
}

/** Runs an act as whoever OUTTURN_TOKEN is, and prints what it did. */
async function acting(
  self: Command,
  act: (
    runtime: Runtime,
    given: { principal: Principal; via: 'cli'; at: Date },
  ) => Promise<{ done: object; text: string }>,
): Promise<void> {
  await withRuntime({ applicationName: 'outturn inbox' }, async (runtime) => {
    const principal = await actingPrincipal(runtime);
    const { done, text } = await act(runtime, { principal, via: 'cli', at: runtime.clock.now() });
    if (self.optsWithGlobals<{ json?: boolean }>().json === true) printJson(done);
    else printText(text);
  });
}

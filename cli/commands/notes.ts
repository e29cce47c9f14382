/** outturn notes: what people say of a period, a pod or a figure, signed with their token. */
import type { Command } from 'commander';
import { readAs } from '../../services/access/read-as.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { listNotes } from '../../services/notes/note.ts';
import { signNote, withdrawNote } from '../../services/notes/sign-note.ts';
import { readFiscalCalendar } from '../../services/organisation/read-calendar.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderNote, renderNotes } from '../render/notes.ts';
import { withRuntime } from '../runtime.ts';

interface NoteOptions {
  readonly period?: string;
  readonly pod?: string;
  readonly figure?: string;
  readonly json?: boolean;
}

export function notesCommand(program: Command): void {
  const notes = program.command('notes').description('signed notes on periods, pods and figures');

  const listing = withSubject(notes.command('list', { isDefault: true }).description('notes, the newest first')).action(
    async ({ period, pod, figure, json }: NoteOptions) => {
      await withRuntime({ applicationName: 'outturn notes' }, async (runtime) => {
        const found = await readAs(runtime.db, await actingPrincipal(runtime), async (trx) => {
          const within = period === undefined ? undefined : parsePeriod(period, await readFiscalCalendar(trx));
          return listNotes(trx, {
            ...(within === undefined ? {} : { within }),
            ...(pod === undefined ? {} : { podId: pod }),
            ...(figure === undefined ? {} : { figure }),
          });
        });
        if (json === true) printJson(found);
        else printText(renderNotes(found));
      });
    },
  );
  withExamples(withJson(listing), 'outturn notes --period 2026-Q3', 'outturn notes list --pod checkout');

  const signing = withSubject(
    notes.command('sign').description('say something, with the name of your token').argument('<text>', 'in your words'),
  ).action(async (text: string, { period, pod, figure, json }: NoteOptions) => {
    await withRuntime({ applicationName: 'outturn notes' }, async (runtime) => {
      const acting = { principal: await actingPrincipal(runtime), at: runtime.clock.now() };
      const draft = {
        text,
        ...(period === undefined ? {} : { period }),
        ...(pod === undefined ? {} : { podId: pod }),
        ...(figure === undefined ? {} : { figure }),
      };
      const signed = await runtime.db.transaction().execute((trx) => signNote(trx, draft, acting));
      if (json === true) printJson(signed);
      else printText(renderNote(signed));
    });
  });
  withExamples(
    withJson(signing),
    'OUTTURN_TOKEN=ot_… outturn notes sign "The load test of August; it does not come back" --pod checkout --period 2026-Q3',
  );

  const withdrawing = notes
    .command('withdraw')
    .description('take a note back by another that says why; both stay')
    .argument('<note>', 'its id')
    .requiredOption('--text <text>', 'why')
    .action(async (noteId: string, { text, json }: { text: string; json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn notes' }, async (runtime) => {
        const acting = { principal: await actingPrincipal(runtime), at: runtime.clock.now() };
        const signed = await runtime.db.transaction().execute((trx) => withdrawNote(trx, { noteId, text }, acting));
        if (json === true) printJson(signed);
        else printText(renderNote(signed));
      });
    });
  withExamples(withJson(withdrawing), 'OUTTURN_TOKEN=ot_… outturn notes withdraw 7 --text "It came back in September"');
}

function withSubject(command: Command): Command {
  return command
    .option('--period <period>', 'a month, quarter, year or days')
    .option('--pod <id>', 'a pod')
    .option('--figure <name>', 'a figure of the reports, such as value.verified');
}

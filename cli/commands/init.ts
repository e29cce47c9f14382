/** outturn init: proposes an organisation file from bills; the file goes to stdout, what it catches to stderr. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { inspectFiles } from '../../jobs/inspect-files.ts';
import { proposeOrganisation } from '../../services/organisation/propose-organisation.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { renderCatches } from '../render/catches.ts';
import { openLogger } from '../runtime.ts';
import { interruption } from '../until-interrupted.ts';
import { readSettings } from '../../services/kernel/settings.ts';

export function initCommand(program: Command): void {
  const command = program
    .command('init')
    .description('propose an organisation file from a bill’s own tags and accounts')
    .requiredOption('--from <bill...>', 'bills or folders of bills')
    .option('--name <name>', 'the organisation’s name')
    .action(async (options: { from: readonly string[]; name?: string; json?: boolean }) => {
      // No database is needed: a proposal only reads.
      const settings = readSettings(process.env, process.cwd());
      const progress = terminalProgress();
      try {
        const given = { settings, logger: openLogger(settings, false), progress, signal: interruption.signal };
        const files = await inspectFiles(options.from, given);
        const proposal = await proposeOrganisation(files, {
          workDir: join(settings.dataDir, 'work'),
          ...(options.name === undefined ? {} : { name: options.name }),
        });
        progress.stop();
        if (options.json === true) {
          printJson(proposal);
          return;
        }
        process.stdout.write(proposal.yaml);
        process.stderr.write(`${renderCatches(proposal)}\n`);
      } finally {
        progress.stop();
      }
    });
  withExamples(
    withJson(command),
    'outturn init --from bill.csv > outturn.yaml',
    'outturn init --from bills/2026-09 --name "Acme"',
  );
}

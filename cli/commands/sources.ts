/** outturn sources: how each source stands, and what one of them lacks. */
import type { Command } from 'commander';
import { checkSource } from '../../jobs/check-source.ts';
import { listSources } from '../../services/sources/list-sources.ts';
import { withExamples, withJson } from '../command.ts';
import { EXIT_FAILED, printJson, printText } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { renderChecks, renderSources } from '../render/sources.ts';
import { withRuntime } from '../runtime.ts';

export function sourcesCommand(program: Command): void {
  const sources = program
    .command('sources')
    .description('how each source stands: last delivery, data as of, estimated or final, next look')
    .action(async (options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn sources' }, async ({ db, clock }) => {
        const listed = await listSources(db, clock.now());
        if (options.json === true) printJson({ sources: listed });
        else printText(renderSources(listed));
      });
    });
  withExamples(withJson(sources), 'outturn sources', 'outturn sources check aws');
  const check = sources
    .command('check')
    .description('check a source: each permission and setting by itself, with the fix')
    .argument('<id>', 'a source of the organisation file')
    .action(async (sourceId: string, _options: object, self: Command) => {
      const { json } = self.optsWithGlobals<{ json?: boolean }>();
      await withRuntime({ applicationName: 'outturn sources' }, async (runtime) => {
        const progress = terminalProgress();
        try {
          const checks = await checkSource(runtime.jobContext(progress), sourceId);
          if (json === true) printJson({ sourceId, checks });
          else printText(renderChecks(checks));
          if (checks.some(({ state }) => state === 'wrong')) process.exitCode = EXIT_FAILED;
        } finally {
          progress.stop();
        }
      });
    });
  withExamples(withJson(check), 'outturn sources check aws', 'outturn sources check gcp --json');
}

/** outturn sources: how each source stands, the looks at one of them, and what it lacks. */
import type { Command } from 'commander';
import { checkSource } from '../../jobs/check-source.ts';
import { hasLiveWorker } from '../../jobs/live-workers.ts';
import { listRuns } from '../../services/sources/list-runs.ts';
import { listSources } from '../../services/sources/list-sources.ts';
import { withExamples, withJson } from '../command.ts';
import { countBetween } from '../count-option.ts';
import { EXIT_FAILED, printJson, printText } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { renderChecks, renderRuns, renderSources } from '../render/sources.ts';
import { withRuntime } from '../runtime.ts';

const NO_WORKER = 'No worker is running, so nobody looks. Start one with "outturn up" or "outturn worker".';

const RUNS_DEFAULT = 20;
const RUNS_MAX = 1_000;

export function sourcesCommand(program: Command): void {
  const sources = program
    .command('sources')
    .description('how each source stands: last delivery, data as of, estimated or final, next look')
    .action(async (options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn sources' }, async (runtime) => {
        const listed = await listSources(runtime.db, runtime.clock.now());
        if (options.json === true) return printJson({ sources: listed });
        printText(renderSources(listed, process.stdout.columns));
        const isScheduled = listed.some(({ state }) => state !== 'manual' && state !== 'notScheduled');
        if (isScheduled && !(await hasLiveWorker(runtime))) printText(NO_WORKER);
      });
    });
  withExamples(withJson(sources), 'outturn sources', 'outturn sources check aws');
  const runs = sources
    .command('runs')
    .description('the looks at a source, newest first: result, files fetched, and what was at fault')
    .argument('<id>', 'a source of the organisation file')
    .option('--limit <count>', `how many, 1 to ${RUNS_MAX}`, countBetween(1, RUNS_MAX), RUNS_DEFAULT)
    .action(async (sourceId: string, { limit }: { limit: number }, self: Command) => {
      const { json } = self.optsWithGlobals<{ json?: boolean }>();
      await withRuntime({ applicationName: 'outturn sources' }, async ({ db }) => {
        const listed = await listRuns(db, { sourceId, before: null, limit });
        if (json === true) printJson({ sourceId, runs: listed });
        else printText(renderRuns(listed));
      });
    });
  withExamples(withJson(runs), 'outturn sources runs aws', 'outturn sources runs aws --limit 200 --json');
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

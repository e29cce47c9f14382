/** outturn up: API and worker in one process. The file of a new installation is applied; later ones are only mentioned. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { localOperator, systemPrincipal } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { hasRulebook } from '../../services/organisation/plan-organisation.ts';
import { readOrganisationFile } from '../../services/organisation/read-organisation-file.ts';
import { withExamples } from '../command.ts';
import { openRuntime, type Runtime } from '../runtime.ts';
import { untilInterrupted } from '../until-interrupted.ts';

export function upCommand(program: Command): void {
  const command = program
    .command('up')
    .description('API and worker in one process; embedded PostgreSQL where DATABASE_URL is unset')
    .action(async () => {
      const runtime = await openRuntime({ applicationName: 'outturn up', isService: true, migrate: true, poolMax: 10 });
      try {
        await applyFirstFile(runtime);
        const [{ serveApi }, { startWorker }] = await Promise.all([
          import('../serve-api.ts'),
          import('../../jobs/worker.ts'),
        ]);
        const api = await serveApi(runtime);
        const worker = await startWorker(
          { ...runtime.jobContext(), principal: systemPrincipal },
          await runtime.queue(),
        );
        await untilInterrupted();
        await api.close();
        await worker.close();
      } finally {
        await runtime.close();
      }
    });
  withExamples(command, 'outturn up', 'DATABASE_URL=postgres://… REDIS_URL=redis://… outturn up');
}

/** A file is applied by itself only where nothing could be overridden by it. */
async function applyFirstFile(runtime: Runtime): Promise<void> {
  const { settings, logger } = runtime;
  if (!existsSync(settings.configPath)) {
    logger.warn(
      { path: settings.configPath },
      'there is no organisation file; all cost is unattributed. "outturn init --from BILL" proposes one',
    );
    return;
  }
  if (await hasRulebook(runtime.db)) {
    logger.info(
      { path: settings.configPath },
      'a rulebook is in force; run "outturn plan" to see what the organisation file would change',
    );
    return;
  }
  const file = await readOrganisationFile(settings.configPath);
  await applyOrganisation(runtime.db, { file, principal: localOperator, at: runtime.clock.now() });
  logger.info({ path: settings.configPath }, 'the organisation file was applied');
}

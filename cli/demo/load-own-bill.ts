/**
 * The demo of a bill of the user's own: an organisation proposed from its tags and accounts, in a folder and a database beside the
 * sample's, so that neither organisation's shared cost is split over the other's pods.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stopUnusedServer } from '../../db/embedded.ts';
import { inspectFiles } from '../../jobs/inspect-files.ts';
import { runIngest } from '../../jobs/run-ingest.ts';
import { localOperator, silentLogger } from '../../services/kernel/ports.ts';
import { billingPeriodName } from '../../services/kernel/period.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { proposeOrganisation } from '../../services/organisation/propose-organisation.ts';
import { readOrganisationFile } from '../../services/organisation/read-organisation-file.ts';
import type { TerminalProgress } from '../progress.ts';
import { openRuntime, type Runtime } from '../runtime.ts';
import { demoEnvironment } from './demo-environment.ts';

export interface OwnBill {
  /** The caller closes it. */
  readonly runtime: Runtime;
  readonly configPath: string;
  /** The billing periods found, as report periods, oldest first. */
  readonly periods: readonly string[];
}

/** @throws AppError as `ingest` does where a file is no FOCUS bill. */
export async function loadOwnBill(
  root: string,
  paths: readonly string[],
  progress: TerminalProgress,
): Promise<OwnBill> {
  const dataDir = join(root, 'data');
  const configPath = join(root, 'outturn.yaml');
  if (existsSync(dataDir)) await stopUnusedServer(dataDir, silentLogger);
  await rm(root, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true });
  const runtime = await openRuntime({
    applicationName: 'outturn demo',
    environment: demoEnvironment(dataDir, configPath),
    poolMax: 10,
  });
  try {
    const context = runtime.jobContext(progress);
    const files = await inspectFiles(paths, context);
    const proposal = await proposeOrganisation(files, { workDir: join(dataDir, 'work') });
    await writeFile(configPath, proposal.yaml);
    const file = await readOrganisationFile(configPath);
    await applyOrganisation(runtime.db, { file, principal: localOperator, at: runtime.clock.now(), progress });
    await runIngest(context, { sourceId: 'files', paths, mayDropAccounts: false });
    const periods = new Set(
      files.flatMap((found) => found.periods.map(({ start, end }) => billingPeriodName(start, end))),
    );
    return { runtime, configPath, periods: [...periods].sort() };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

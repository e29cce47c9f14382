/** outturn doctor: checks everything a working installation needs, and says the fix for what is not right. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { checkChannels } from '../channel-checks.ts';
import { withExamples, withJson } from '../command.ts';
import {
  checkArchive,
  checkDatabase,
  checkOrganisationFile,
  checkOverlaps,
  checkQueue,
  checkSources,
  type Finding,
} from '../doctor-checks.ts';
import { checkIntake } from '../intake-checks.ts';
import { checkSlack } from '../doctor-slack.ts';
import { describeFailure, EXIT_FAILED, printJson, printText } from '../output.ts';
import { withRuntime } from '../runtime.ts';

const MARKS: Readonly<Record<Finding['state'], string>> = { ok: 'ok  ', note: 'note', wrong: 'FIX ' };

export function doctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('check settings, database, queue, sources and channels, and say the fix')
    .action(async (options: { json?: boolean }) => {
      const findings = await examine();
      if (options.json === true) printJson({ findings });
      else
        printText(
          findings.map((finding) => `${MARKS[finding.state]}  ${finding.subject}: ${finding.message}`).join('\n'),
        );
      if (findings.some((finding) => finding.state === 'wrong')) process.exitCode = EXIT_FAILED;
    });
  withExamples(withJson(command), 'outturn doctor', 'outturn doctor --json');
}

/** All findings, the settings' first: where the database cannot be opened, that is the finding. */
async function examine(): Promise<Finding[]> {
  try {
    return await withRuntime({ applicationName: 'outturn doctor' }, async (runtime) => [
      {
        subject: 'settings',
        state: 'ok',
        message: existsSync('.env') ? 'valid (.env is not read; export the variables)' : 'valid',
      },
      ...(await checkDatabase(runtime)),
      await checkQueue(runtime),
      await checkArchive(runtime),
      await checkOrganisationFile(runtime),
      ...(await checkSources(runtime)),
      ...(await checkOverlaps(runtime)),
      ...(await checkIntake(runtime)),
      ...(await checkSlack(runtime)),
      ...(await checkChannels(runtime)),
    ]);
  } catch (error) {
    return [{ subject: 'start', state: 'wrong', message: describeFailure(error) }];
  }
}

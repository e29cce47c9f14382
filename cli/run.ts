/**
 * The command line: the one place where settings, database, queue and services are put together. This file reads the arguments and
 * turns failures into sentences and exit codes.
 */
import { CommanderError } from 'commander';
import { errorCodeOf } from '../db/sql-state.ts';
import { describeFailure, EXIT_FAILED, EXIT_USAGE, failureDocument, printJson } from './output.ts';
import { buildProgram } from './program.ts';
import { interruption } from './until-interrupted.ts';

async function main(): Promise<number> {
  try {
    const program = await buildProgram(process.argv.slice(2));
    await program.parseAsync(process.argv);
    // A command that did its work and found something wrong, as `doctor` may, has set its exit code.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (process.argv.includes('--json')) printJson(failureDocument(error));
    process.stderr.write(`${describeFailure(error)}\n`);
    return EXIT_FAILED;
  }
}

// The first signal asks for an orderly end; a second one ends at once, which is safe too: every step can be done again.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort();
  });
}
// Who reads our output may stop (`| head`): the rest is not printed, and what was begun is done.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (errorCodeOf(error) !== 'EPIPE') throw error;
  });
}
process.exitCode = await main();

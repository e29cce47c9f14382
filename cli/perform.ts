/**
 * The command line: the one place where settings, database, queue and services are put together. This file reads the arguments and
 * turns failures into sentences and exit codes.
 */
import { CommanderError } from 'commander';
import { describeFailure, EXIT_FAILED, EXIT_USAGE, failureDocument, printJson } from './output.ts';
import { buildProgram } from './program.ts';

/** Does what the arguments ask for and answers the exit code. Throws nothing: a failure is told on stderr. */
export async function perform(args: readonly string[]): Promise<number> {
  try {
    const program = await buildProgram(args);
    await program.parseAsync(args, { from: 'user' });
    // A command that did its work and found something wrong, as `doctor` may, has set its exit code.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (args.includes('--json')) printJson(failureDocument(error));
    process.stderr.write(`${describeFailure(error)}\n`);
    return EXIT_FAILED;
  }
}

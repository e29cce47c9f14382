/** The entry of a process that is one command: its signals, its streams and its exit code. What it does is perform.ts's. */
import { errorCodeOf } from '../db/sql-state.ts';
import { perform } from './perform.ts';
import { interruption } from './until-interrupted.ts';

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
process.exitCode = await perform(process.argv.slice(2));

/**
 * A command in the test's own process, without the half second of processor time that starting one takes: for what needs no folder, no signal
 * and no process of its own.
 */
import { vi } from 'vitest';
import { perform } from '../../cli/perform.ts';
import type { CommandResult, Settings } from './command-line.ts';

/** Performs it with these settings; answers what it printed and its exit code. */
export async function performHere(settings: Settings, ...args: readonly string[]): Promise<CommandResult> {
  const said = { stdout: '', stderr: '' };
  const streams = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    }),
  );
  const former = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  const { exitCode: formerExitCode } = process;
  set(Object.entries(settings));
  process.exitCode = undefined;
  try {
    const exitCode = await perform(args);
    return { exitCode, ...said };
  } finally {
    set(former);
    // What a command found wrong is not the test run's failure.
    process.exitCode = formerExitCode;
    for (const stream of streams) stream.mockRestore();
  }
}

function set(variables: readonly (readonly [name: string, value: string | undefined])[]): void {
  for (const [name, value] of variables) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/**
 * Runs one of PostgreSQL's programs to its end: as the server's user, in a process group of its own (Ctrl-C in the terminal must
 * not reach a server), from a folder that user can enter, and without the caller's PG* variables.
 */
import { spawn } from 'node:child_process';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

export interface ProgramResult {
  /** Null where a signal ended the program. */
  readonly exitCode: number | null;
  /** Standard output and error as they came, trimmed. */
  readonly output: string;
}

/** Runs to the end; kills the program and reports its output so far when it takes longer than `timeoutMs`. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: {
    user: ServerUser | null;
    timeoutMs: number;
    folder?: string;
    variables?: Readonly<Record<string, string>>;
  },
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...(options.user === null ? {} : { uid: options.user.uid, gid: options.user.gid }),
      cwd: options.folder ?? '/',
      detached: true,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...options.variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output: output.trim() }));
  });
}

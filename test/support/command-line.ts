/**
 * The command line as a user runs it: cli/main.ts in a process of its own, in a folder of its own, with only the settings that a test
 * gives. Nothing of the tester's environment gets through but what Node needs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder and the settings of every command that runs in it. */
export interface Workplace {
  readonly folder: string;
  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<CommandResult>;
  /** Runs a command with further settings. */
  runWith(settings: Settings, ...args: readonly string[]): Promise<CommandResult>;
  /** Runs a command with --json; gives the document, or throws with what the command said instead. */
  json(...args: readonly string[]): Promise<unknown>;
  /** Starts a command that goes on until it is stopped. */
  start(settings: Settings, ...args: readonly string[]): RunningCommand;
  /** Ends what still runs and removes the folder. */
  remove(): Promise<void>;
}

/** Settings by name; undefined takes one away. */
export type Settings = Readonly<Record<string, string | undefined>>;

export interface RunningCommand {
  readonly child: ChildProcess;
  /** Resolves when it ends. */
  readonly result: Promise<CommandResult>;
  /** Its log, by line; what is no JSON is left out. */
  logs(): Record<string, unknown>[];
  stdout(): string;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<CommandResult>;
}

/** A new temporary folder whose commands have these settings. The caller removes it. */
export async function makeWorkplace(settings: Settings): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'outturn-cli-'));
  await chmod(folder, 0o755); // As root, the embedded server's user must be able to enter it.
  const given = { OUTTURN_DATA: join(folder, 'data'), ...settings };
  const running = new Set<RunningCommand>();
  const start = (further: Settings, args: readonly string[]): RunningCommand => {
    const command = startCommand(folder, { ...given, ...further }, args);
    running.add(command);
    void command.result.then(() => running.delete(command));
    return command;
  };
  return {
    folder,
    run: (...args) => start({}, args).result,
    runWith: (further, ...args) => start(further, args).result,
    json: async (...args) => documentOf(await start({}, [...args, '--json']).result),
    start: (further, ...args) => start(further, args),
    remove: async () => {
      for (const command of running) await command.end('SIGKILL');
      for (const { pid } of listProcessesOf(folder)) process.kill(pid, 'SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The document of a command that succeeded. */
export function documentOf(result: CommandResult): unknown {
  if (result.exitCode !== 0) throw new Error(`the command ended with ${result.exitCode}: ${result.stderr}`);
  return JSON.parse(result.stdout);
}

/** Processes that were started in the folder or with it as an argument: servers, workers, their children. */
export function listProcessesOf(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
      return command !== '' && (command.includes(folder) || environment.includes(folder))
        ? [{ pid: Number(name), command }]
        : [];
    } catch {
      return []; // No process, or one that ended while we looked, or somebody else's.
    }
  });
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port was given');
  return address.port;
}

function startCommand(folder: string, settings: Settings, args: readonly string[]): RunningCommand {
  const { PATH, HOME, TZ } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { PATH, HOME, TZ, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const result = once(child, 'close').then(() => ({ exitCode: child.exitCode, stdout, stderr }));
  return {
    child,
    result,
    stdout: () => stdout,
    logs: () =>
      stderr
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    end: async (signal) => {
      child.kill(signal);
      return result;
    },
  };
}

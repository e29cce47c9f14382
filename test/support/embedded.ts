/**
 * Runs commands on an embedded database and looks at what they leave: processes by /proc, files in the data folder. Every
 * command is a process of its own, so that a kill -9 is a real one.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import pg from 'pg';
import { listServerProcesses } from '../../db/embedded-processes.ts';
import { noteLeftOut } from './requirements.ts';

const COMMAND = join(import.meta.dirname, 'embedded-command.ts');
const ROOT = join(import.meta.dirname, '../..');
const NOBODY = 65_534;

/** An operating system user that runs commands in a test; null is the one who runs the tests. */
export interface CommandUser {
  readonly name: string;
  readonly uid: number | null;
}

export interface Command {
  readonly child: ChildProcess;
  /** Resolves when the command has the database; rejects with its message when it was refused or killed. */
  readonly ready: Promise<{ url: string; port: number; folder: string }>;
  /** What it logged so far. */
  readonly logs: readonly string[];
  /** Leaves the database and waits for the process to end. */
  release(): Promise<void>;
  /** kill -9, and waits until the process is gone. */
  kill(): Promise<void>;
}

/**
 * As whom the tests run commands: as root also as an ordinary user, where that one can read the repository. An ordinary tester
 * tests as himself.
 */
export function listCommandUsers(): CommandUser[] {
  const self: CommandUser = { name: process.getuid?.() === 0 ? 'root' : 'an ordinary user', uid: null };
  if (self.name !== 'root') return [self];
  if (canRead(NOBODY)) return [self, { name: 'an ordinary user', uid: NOBODY }];
  noteLeftOut('an ordinary user', `the user nobody cannot read ${ROOT}; let it enter the folders above (chmod o+x)`);
  return [self];
}

/** A data folder in a temporary folder (its name would trip up a careless shell), owned by the user; `remove` ends whatever still runs there. */
export async function makeDataFolder(user: CommandUser): Promise<{ dataDir: string; remove(): Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), 'outturn embedded $HOME "ü\'-'));
  await chmod(parent, 0o755);
  if (user.uid !== null) await chown(parent, user.uid, user.uid);
  return {
    dataDir: join(parent, 'outturn'),
    remove: async () => {
      killAll(listServerProcesses(join(parent, 'outturn', 'postgres', 'data')));
      await rm(parent, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Clusters that a command has made and left, one per user, for tests that are not about making one: to copy one takes no second. */
export interface MadeClusters {
  /** Puts the user's cluster into a data folder that has none yet. */
  copyTo(dataDir: string, user: CommandUser): Promise<void>;
  remove(): Promise<void>;
}

export function keepMadeClusters(): MadeClusters {
  const made = new Map<string, ReturnType<typeof makeCluster>>();
  return {
    copyTo: async (dataDir, user) => {
      const cluster = made.get(user.name) ?? makeCluster(user);
      made.set(user.name, cluster);
      await promisify(execFile)('cp', ['-a', (await cluster).dataDir, dataDir]);
    },
    remove: async () => {
      for (const cluster of made.values()) await (await cluster).remove();
    },
  };
}

async function makeCluster(user: CommandUser): ReturnType<typeof makeDataFolder> {
  const folder = await makeDataFolder(user);
  const command = startCommand(folder.dataDir, user);
  await command.ready;
  await command.release();
  return folder;
}

/** Starts a command in a process group of its own, as a terminal does. */
export function startCommand(dataDir: string, user: CommandUser): Command {
  const child = spawn(process.execPath, [COMMAND, dataDir], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(user.uid === null ? {} : { uid: user.uid, gid: user.uid }),
  });
  const exited = once(child, 'exit');
  const logs: string[] = [];
  const ready = new Promise<{ url: string; port: number; folder: string }>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as { log?: string; failed?: string; ready?: Awaited<Command['ready']> };
      if (event.log !== undefined) logs.push(event.log);
      if (event.ready !== undefined) resolve(event.ready);
      if (event.failed !== undefined) reject(new Error(event.failed));
    });
    child.on('exit', () => reject(new Error('the command ended')));
  });
  ready.catch(() => {}); // A test that kills the command does not wait for it.
  return {
    child,
    ready,
    logs,
    release: async () => {
      child.stdin.write('release\n');
      const [exitCode] = (await exited) as [number | null];
      if (exitCode !== 0) throw new Error(`the command ended with ${exitCode}`);
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The postmasters on a cluster: those of its processes that no other of its processes is the parent of. */
export function listPostmasters(folder: string): number[] {
  const pids = listServerProcesses(folder);
  return pids.filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return !pids.includes(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      return false; // It ended while we looked.
    }
  });
}

/** kill -9 of all that still run. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Leftovers in the folder that holds the cluster: anything besides what belongs there between two commands. */
export function listLeftovers(home: string): string[] {
  const users = readdirSync(join(home, 'users')).map((name) => `users/${name}`);
  const files = readdirSync(home).filter((name) => !/^(data|password|server\.log|users|lock\.\d+)$/.test(name));
  const locks = readdirSync(home).filter((name) => name.startsWith('lock.'));
  return [...users, ...files, ...locks.slice(1)];
}

/** Runs one statement in a connection of its own. */
export async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // The tests kill servers under open connections; the query itself then rejects.
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function canRead(uid: number): boolean {
  const program = `await import(${JSON.stringify(join(ROOT, 'db/embedded.ts'))})`;
  const tried = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { uid, gid: uid, cwd: '/' });
  return tried.status === 0;
}

/**
 * Looks at the machine's processes for those of one cluster. PostgreSQL's processes all work in the cluster's folder (initdb is
 * told it), which tells them from a foreign process that merely got a pid found in an old postmaster.pid. Where there is no
 * /proc the pid alone counts, and PostgreSQL's own checks remain.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isPidAlive } from './process-identity.ts';

const PROGRAMS: ReadonlySet<string> = new Set(['postgres', 'initdb']);
const QUIT_WAIT_MS = 3000;
const KILL_WAIT_MS = 10_000;
const POLL_MS = 50;

/** Whether `pid` is a live PostgreSQL server process on the cluster in `folder`. */
export function isPostmasterOf(pid: number, folder: string): boolean {
  if (!isPidAlive(pid)) return false;
  return process.platform !== 'linux' || isServerProcess(pid, folder);
}

/**
 * Ends what is left on a cluster whose postmaster is gone: a backend deep in a query, or an initdb whose command was killed,
 * goes on by itself and would hold the shared memory or the files. Crash recovery makes any kill of theirs safe.
 */
export async function killServerProcesses(folder: string): Promise<void> {
  if (process.platform !== 'linux') return;
  for (const { signal, waitMs } of [
    { signal: 'SIGQUIT', waitMs: QUIT_WAIT_MS },
    { signal: 'SIGKILL', waitMs: KILL_WAIT_MS },
  ] as const) {
    const deadline = Date.now() + waitMs;
    for (const pid of listServerProcesses(folder)) signalIfThere(pid, signal);
    while (listServerProcesses(folder).length > 0 && Date.now() < deadline) await delay(POLL_MS);
  }
}

/** The pids of all live PostgreSQL and initdb processes that work on the cluster in `folder`. */
export function listServerProcesses(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isPidAlive(pid) && isServerProcess(pid, folder));
}

function isServerProcess(pid: number, folder: string): boolean {
  try {
    if (!PROGRAMS.has(readFileSync(`/proc/${pid}/comm`, 'utf8').trim())) return false;
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(`--pgdata=${folder}`)) return true;
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(folder);
  } catch {
    return false; // It ended meanwhile, or belongs to a user whose processes we may not look at and therefore did not start.
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

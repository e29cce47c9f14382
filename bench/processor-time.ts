/**
 * The processor time of processes with all their descendants, living and ended, through /proc. On a machine that others use too, it says
 * more than the time on the wall: a process that waits for its turn spends none. Elsewhere than on Linux it is zero.
 */
import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second for every program (USER_HZ). */
const MS_PER_TICK = 10;
const NS_PER_MS = 1_000_000;
/** In /proc/<pid>/stat after the name in brackets: own user and system time, then that of ended children. */
const TIME_FIELDS = [11, 12, 13, 14];

/** Milliseconds that the processes and their descendants have used so far. */
export function processorMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ofTree(pid), 0);
}

/** What `work` gives, and the processor time of each process, its descendants' included, while it ran. */
export async function spentDuring<Name extends string, Result>(
  pids: Readonly<Record<Name, number>>,
  work: () => Promise<Result>,
): Promise<{ result: Result; spent: Readonly<Record<Name, number>> }> {
  const names = Object.keys(pids) as Name[];
  const before = names.map((name) => processorMs([pids[name]]));
  const result = await work();
  const spent = names.map((name, index) => [name, processorMs([pids[name]]) - (before[index] ?? 0)] as const);
  return { result, spent: Object.fromEntries(spent) as Record<Name, number> };
}

/**
 * Milliseconds, exact to the microsecond, that living processes of one thread each have used so far: for single requests. What the host of a
 * virtual machine gave to others meanwhile is not in it.
 */
export function exactMs(pids: readonly number[]): number {
  const used = pids.map((pid) => Number(read(`/proc/${pid}/schedstat`).split(' ')[0]));
  return used.reduce((sum, ns) => sum + ns, 0) / NS_PER_MS;
}

/** The living children of a process. */
export function listChildren(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

function ofTree(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = TIME_FIELDS.reduce((sum, field) => sum + Number(fields[field] ?? 0), 0) * MS_PER_TICK;
  return listChildren(pid).reduce((sum, child) => sum + ofTree(child), own);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // The process ended, or there is no /proc.
  }
}

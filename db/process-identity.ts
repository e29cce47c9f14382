/**
 * Tells one process from another that later got the same pid. On Linux a process is its pid and its start time
 * (/proc/<pid>/stat, field 22, in clock ticks since boot); elsewhere the pid alone. A zombie counts as dead: it holds its
 * pid for as long as nobody reaps it, which in a container may be for ever.
 */
import { readFileSync } from 'node:fs';

/** One process, told apart from any later owner of its pid. `startTime` is empty where the system does not tell. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** This very process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: readStartTime(process.pid) ?? '' };
}

/** `4711-99120`: fits a file name. */
export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid}-${identity.startTime}`;
}

/** Reads what `formatIdentity` wrote; anything else is nobody. */
export function parseIdentity(text: string): ProcessIdentity | null {
  const match = /^(\d+)-(\d*)$/.exec(text.trim());
  if (match === null) return null;
  return { pid: Number(match[1]), startTime: match[2] ?? '' };
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (!isPidAlive(identity.pid)) return false;
  return identity.startTime === '' || readStartTime(identity.pid) === identity.startTime;
}

/** Whether any process, except a zombie, has this pid. One that belongs to another user is alive too. */
export function isPidAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return readStat(pid)?.state !== 'Z';
}

function readStartTime(pid: number): string | null {
  return readStat(pid)?.startTime ?? null;
}

/** The program's name stands in parentheses and may itself hold spaces and parentheses, so fields count from the last one. */
function readStat(pid: number): { state: string; startTime: string } | null {
  if (process.platform !== 'linux') return null;
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null; // The process ended between the two looks.
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

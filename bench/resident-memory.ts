/** Watches the resident memory of a process and all its descendants through /proc; elsewhere than on Linux there is nothing to see. */
import { readFileSync } from 'node:fs';

const INTERVAL_MS = 50;
const KIB = 1024;

export interface MemoryWatch {
  /** Ends the watch and gives the largest sum of VmRSS seen, in bytes; null where /proc tells nothing. */
  stop(): number | null;
}

export function watchMemory(pid: number): MemoryWatch {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
  }, INTERVAL_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peak === 0 ? null : peak;
    },
  };
}

function residentBytes(pid: number): number {
  const own = Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * KIB;
  const children = read(`/proc/${pid}/task/${pid}/children`).trim();
  if (children === '') return own;
  return own + children.split(' ').reduce((sum, child) => sum + residentBytes(Number(child)), 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // The process ended between two looks.
  }
}

/** Watches the resident memory of a process and all its descendants through /proc; elsewhere than on Linux there is nothing to see. */
import { readFileSync } from 'node:fs';
import { listChildren } from './processor-time.ts';

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
  return listChildren(pid).reduce((sum, child) => sum + residentBytes(child), ownBytes(pid));
}

function ownBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * KIB;
  } catch {
    return 0; // The process ended between two looks.
  }
}

/**
 * A value read from YAML together with its places: which line and column each part came from, and the faults found in it.
 * Paths are JSON pointers (`/pods/3/portfolio`). Shape checks and checks of meaning report into the same list.
 */
import type { LineCounter } from 'yaml';

/** One fault with its physical place, both from 1. */
export interface FileFault {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly reason: string;
  readonly fix?: string;
}

/** Collects faults and remembers where each path stands in the text. */
export interface Places {
  readonly faults: FileFault[];
  /** Remembers where the value of a path starts. */
  mark(path: string, offset: number): void;
  /** A fault of the value at `path`, or of its nearest known parent. */
  add(path: string, reason: string, fix?: string): void;
  /** A fault at a place in the text that belongs to `path`. */
  addAt(offset: number, path: string, reason: string, fix?: string): void;
  /** Whether nothing at or below `path` is at fault. */
  isSound(path: string): boolean;
}

export function createPlaces(lines: LineCounter): Places {
  const offsets = new Map<string, number>();
  const faults: FileFault[] = [];
  const addAt = (offset: number, path: string, reason: string, fix?: string): void => {
    const { line, col } = lines.linePos(offset);
    faults.push({
      path,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      reason,
      ...(fix === undefined ? {} : { fix }),
    });
  };
  return {
    faults,
    mark: (path, offset) => void offsets.set(path, offset),
    add: (path, reason, fix) => addAt(offsetOf(offsets, path), path, reason, fix),
    addAt,
    isSound: (path) => !faults.some((fault) => fault.path === path || fault.path.startsWith(`${path}/`)),
  };
}

/** Escapes a key for a JSON pointer. */
export function childPath(path: string, key: string | number): string {
  return `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function offsetOf(offsets: ReadonlyMap<string, number>, path: string): number {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const offset = offsets.get(at);
    if (offset !== undefined) return offset;
  }
  return offsets.get('') ?? 0;
}

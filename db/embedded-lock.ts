/**
 * The lock under which embedded PostgreSQL is set up, started and stopped. It is held by whoever created (O_EXCL, by link,
 * so that a lock file is never seen half written) the file `lock.<n>` of the highest n; a successor creates n + 1 once the
 * holder has marked its file free or is dead. Numbers only grow and the highest file is never removed: so two processes
 * that find the same dead holder at once cannot both succeed it, which deleting a stale lock file would allow.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../services/kernel/errors.ts';
import { formatIdentity, isAlive, ownIdentity, parseIdentity } from './process-identity.ts';

const FREE = 'free';
const POLL_MS = 50;
/** The holder may be recovering a crashed cluster, which takes the longest of what is done under the lock. */
const WAIT_MS_MAX = 240_000;

/** Runs `work` while no other process does so in the same folder. Refuses after four minutes, naming the holder. */
export async function withHomeLock<T>(home: string, work: () => Promise<T>): Promise<T> {
  const generation = await acquire(home);
  try {
    return await work();
  } finally {
    writeAtomically(home, generation, FREE);
  }
}

async function acquire(home: string): Promise<number> {
  const deadline = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const newest = Math.max(0, ...listGenerations(home));
    const holder = newest === 0 ? FREE : readHolder(home, newest);
    if (holder !== null && isTakeable(holder)) {
      if (claim(home, newest + 1)) return newest + 1;
      continue;
    }
    if (Date.now() > deadline) {
      throw new AppError(
        'embedded_database_failed',
        `The embedded database in ${home} is being started or stopped by process ${holder ?? 'unknown'} for more than ` +
          `${WAIT_MS_MAX / 1000} s. Wait for that process, or end it, and run the command again.`,
      );
    }
    await delay(POLL_MS);
  }
}

function isTakeable(holder: string): boolean {
  if (holder === FREE) return true;
  const identity = parseIdentity(holder);
  return identity === null || !isAlive(identity);
}

/** Creates the lock file; false where another process was faster, be it with this number or already with a higher one. */
function claim(home: string, generation: number): boolean {
  const draft = join(home, `lock-draft.${formatIdentity(ownIdentity())}.${randomUUID()}`);
  writeFileSync(draft, formatIdentity(ownIdentity()));
  try {
    linkSync(draft, lockFile(home, generation));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const generations = listGenerations(home);
  if (Math.max(...generations) > generation) {
    rmSync(lockFile(home, generation), { force: true });
    return false;
  }
  for (const former of generations) {
    if (former < generation) rmSync(lockFile(home, former), { force: true });
  }
  removeAbandonedDrafts(home);
  return true;
}

function removeAbandonedDrafts(home: string): void {
  for (const name of readdirSync(home)) {
    if (!name.startsWith('lock-draft.')) continue;
    const writer = parseIdentity(name.split('.')[1] ?? '');
    if (writer === null || !isAlive(writer)) rmSync(join(home, name), { force: true });
  }
}

function writeAtomically(home: string, generation: number, content: string): void {
  const draft = join(home, `lock-draft.${formatIdentity(ownIdentity())}.${randomUUID()}`);
  writeFileSync(draft, content);
  renameSync(draft, lockFile(home, generation));
}

/** Null where the file went away between listing and reading: somebody holds a newer one. */
function readHolder(home: string, generation: number): string | null {
  try {
    return readFileSync(lockFile(home, generation), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function listGenerations(home: string): number[] {
  return readdirSync(home).flatMap((name) => {
    const match = /^lock\.(\d+)$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

function lockFile(home: string, generation: number): string {
  return join(home, `lock.${generation}`);
}

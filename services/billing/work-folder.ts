/**
 * A folder of its own for one child process. It is gone at the end; what killed processes of this machine left behind is taken away
 * by the next one.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** The host is part of the name: a process id says nothing about another machine or container that shares the folder. */
const PREFIX = `bill.${hostname().replaceAll(/[^A-Za-z0-9-]/g, '-')}.`;

/** Runs `work` with a fresh folder below `parent`. */
export async function withWorkFolder<Result>(
  parent: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  await mkdir(parent, { recursive: true });
  await sweep(parent);
  const folder = await mkdtemp(join(parent, `${PREFIX}${process.pid}.`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sweep(parent: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(PREFIX)) continue;
    const owner = Number(entry.slice(PREFIX.length).split('.')[0]);
    if (Number.isInteger(owner) && !isAlive(owner)) await rm(join(parent, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

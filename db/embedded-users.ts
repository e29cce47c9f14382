/**
 * Who uses the embedded server: one file per user under `users/`, named by the process's identity. The last one out stops
 * the server; files of processes that were killed are swept by whoever comes next. Only called under the home's lock.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatIdentity, isAlive, ownIdentity, parseIdentity } from './process-identity.ts';

/** Writes this process down as a user; gives the file to remove when it leaves. */
export function registerUser(home: string): string {
  mkdirSync(usersFolder(home), { recursive: true });
  const file = join(usersFolder(home), `${formatIdentity(ownIdentity())}.${randomUUID()}`);
  writeFileSync(file, '');
  return file;
}

/** Removes the files of dead processes and counts the living users. */
export function sweepUsers(home: string): number {
  mkdirSync(usersFolder(home), { recursive: true });
  let living = 0;
  for (const name of readdirSync(usersFolder(home))) {
    const identity = parseIdentity(name.split('.')[0] ?? '');
    if (identity !== null && isAlive(identity)) living += 1;
    else rmSync(join(usersFolder(home), name), { force: true });
  }
  return living;
}

function usersFolder(home: string): string {
  return join(home, 'users');
}

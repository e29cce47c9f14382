/**
 * Decides where embedded PostgreSQL lives and as whom it runs. Normally that is `postgres/` in the data folder, as the
 * current user, with the binaries of the npm package. PostgreSQL refuses to run as root, so as root it runs as the folder's
 * owner or the operating system user `postgres`; where that user cannot reach the folder or the package (a home of mode 0700),
 * data and a copy of the binaries live under /var/lib/outturn/<hash>, and a signpost in the data folder says where.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chmod, chown, cp, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../services/kernel/errors.ts';
import type { Logger } from '../services/kernel/ports.ts';
import { findBinaries, type ServerBinaries } from './embedded-binaries.ts';
import { runProgram, type ServerUser } from './embedded-run.ts';

const SHARED_ROOT = '/var/lib/outturn';

export interface EmbeddedPlace {
  /** Holds the cluster, its password, the lock and the list of users; mode 0700, owned by the server's user. */
  readonly home: string;
  readonly binaries: ServerBinaries;
  /** Null: the server runs as the current user. */
  readonly serverUser: ServerUser | null;
}

/** The folder of the cluster itself. */
export function clusterFolder(place: EmbeddedPlace): string {
  return join(place.home, 'data');
}

/** Finds or makes the place for `dataDir`. Throws AppError `embedded_database_failed` with what to change. */
export async function choosePlace(dataDir: string, logger: Logger): Promise<EmbeddedPlace> {
  try {
    await mkdir(dataDir, { recursive: true });
    const folder = await realpath(dataDir);
    const binaries = await findBinaries();
    const place = process.getuid?.() === 0 ? await placeForRoot(folder, binaries, logger) : placeHere(folder, binaries);
    await makeHome(place);
    return place;
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError(
      'embedded_database_failed',
      `The embedded database cannot use the folder ${resolve(dataDir)}: ${reason}. ` +
        'Make it writable for the current user, or set OUTTURN_DATA to another folder, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

function placeHere(folder: string, binaries: ServerBinaries): EmbeddedPlace {
  const home = join(folder, 'postgres');
  const ownerUid = existsSync(home) ? statSync(home).uid : process.getuid?.();
  if (ownerUid !== process.getuid?.()) {
    throw new AppError(
      'embedded_database_failed',
      `The embedded database in ${home} belongs to the operating system user ${ownerUid}, not to the current one. ` +
        'Run the command as that user or as root, or set OUTTURN_DATA to another folder.',
    );
  }
  return { home, binaries, serverUser: null };
}

async function placeForRoot(folder: string, binaries: ServerBinaries, logger: Logger): Promise<EmbeddedPlace> {
  const home = join(folder, 'postgres');
  const serverUser = ownerOf(home) ?? (await findPostgresUser());
  const signpost = join(folder, 'postgres-is-in');
  if (existsSync(signpost)) {
    const shared = readFileSync(signpost, 'utf8').trim();
    logger.info({ folder: shared }, `The embedded database of ${folder} lives in ${shared}`);
    return placeUnder(shared, binaries, serverUser);
  }
  if (await canEnter(serverUser, folder)) {
    if (await canRun(serverUser, binaries)) return { home, binaries, serverUser };
    const copy = await copyBinaries(binaries, await makeSharedFolder(folder));
    logger.info(
      { binaries: copy.folder },
      `The user ${serverUser.name}, as whom the embedded database runs, cannot read ${binaries.folder}; a copy lives in ${copy.folder}`,
    );
    return { home, binaries: copy, serverUser };
  }
  if (existsSync(join(home, 'data'))) {
    throw new AppError(
      'embedded_database_failed',
      `The embedded database in ${home} cannot be reached by the user ${serverUser.name}, as whom it runs. ` +
        `Let that user enter every folder above it (chmod o+x), or set OUTTURN_DATA to another folder.`,
    );
  }
  const shared = raiseSignpost(signpost, join(SHARED_ROOT, hashOf(`${folder} ${randomUUID()}`)));
  logger.info(
    { folder: shared },
    `The user ${serverUser.name}, as whom the embedded database runs, cannot enter ${folder}; its data lives in ${shared}`,
  );
  return placeUnder(shared, binaries, serverUser);
}

async function placeUnder(shared: string, binaries: ServerBinaries, serverUser: ServerUser): Promise<EmbeddedPlace> {
  await makeOpenFolder(SHARED_ROOT);
  await makeOpenFolder(shared);
  const home = join(shared, 'postgres');
  return { home, binaries: await copyBinaries(binaries, shared), serverUser: ownerOf(home) ?? serverUser };
}

/** Several commands may want to raise it at once: the first one's text stands, and all of them read it back. */
function raiseSignpost(signpost: string, shared: string): string {
  const draft = `${signpost}.${randomUUID()}`;
  writeFileSync(draft, `${shared}\n`);
  try {
    linkSync(draft, signpost);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(signpost, 'utf8').trim();
}

async function makeSharedFolder(folder: string): Promise<string> {
  const shared = join(SHARED_ROOT, hashOf(folder));
  await makeOpenFolder(SHARED_ROOT);
  await makeOpenFolder(shared);
  return shared;
}

async function makeOpenFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
}

/** Copies into a folder named by the version, once: a copy under way has another name until it is whole. */
async function copyBinaries(binaries: ServerBinaries, shared: string): Promise<ServerBinaries> {
  const folder = join(shared, `binaries-${binaries.version}`);
  if (!existsSync(folder)) {
    const draft = `${folder}.${randomUUID()}`;
    await cp(binaries.folder, draft, { recursive: true, verbatimSymlinks: true });
    await chmod(draft, 0o755);
    try {
      await rename(draft, folder);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    }
  }
  return binaries.at(folder);
}

async function makeHome(place: EmbeddedPlace): Promise<void> {
  await mkdir(place.home, { recursive: true, mode: 0o700 });
  if (place.serverUser !== null) await chown(place.home, place.serverUser.uid, place.serverUser.gid);
}

function ownerOf(home: string): ServerUser | null {
  if (!existsSync(home)) return null;
  const { uid, gid } = statSync(home);
  return uid === 0 ? null : { uid, gid, name: `number ${uid}` };
}

async function findPostgresUser(): Promise<ServerUser> {
  const uid = await runProgram('id', ['-u', 'postgres'], { user: null, timeoutMs: 10_000 });
  const gid = await runProgram('id', ['-g', 'postgres'], { user: null, timeoutMs: 10_000 });
  if (uid.exitCode !== 0 || gid.exitCode !== 0) {
    throw new AppError(
      'embedded_database_failed',
      'PostgreSQL does not run as root, and this machine has no operating system user "postgres" to run the embedded database as. ' +
        'Add one (useradd --system --no-create-home postgres), or run the command as an ordinary user, or set DATABASE_URL.',
    );
  }
  return { uid: Number(uid.output), gid: Number(gid.output), name: 'postgres' };
}

/** Asked of the kernel by trying it as that user, so that access lists and mounts count as well as modes. */
async function canEnter(user: ServerUser, folder: string): Promise<boolean> {
  const tried = await runProgram('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { user, timeoutMs: 10_000 });
  return tried.exitCode === 0;
}

async function canRun(user: ServerUser, binaries: ServerBinaries): Promise<boolean> {
  const parent = dirname(binaries.postgres);
  if (!(await canEnter(user, parent))) return false;
  const tried = await runProgram('/bin/sh', ['-c', '"$1" --version', 'sh', binaries.postgres], {
    user,
    timeoutMs: 10_000,
  });
  return tried.exitCode === 0;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

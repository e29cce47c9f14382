/**
 * Brings a database to the code's schema. Migrations are the files db/migrations/NNNN_verb_noun.sql, run in the order of their
 * names, all pending ones in one transaction under Kysely's lock, so that several processes may start at once. Forward only.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import { AppError } from '../services/kernel/errors.ts';
import type { DB } from './schema.gen.ts';
import { splitStatements } from './sql-statements.ts';

const MIGRATIONS_FOLDER = join(import.meta.dirname, 'migrations');
const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/;

/**
 * Runs what is pending and returns the names of what was run, oldest first. Throws AppError `database_newer` where the
 * database was migrated by a later release; any other failure leaves the database as it was and names the migration.
 */
export async function migrateToLatest(db: Kysely<DB>, folder: string = MIGRATIONS_FOLDER): Promise<string[]> {
  await pendingMigrations(db, folder);
  const { error, results = [] } = await new Migrator({ db, provider: sqlFiles(folder) }).migrateToLatest();
  if (error !== undefined) {
    const failed = results.find((result) => result.status === 'Error');
    const reason = error instanceof Error ? error.message : JSON.stringify(error);
    throw new Error(
      `Migration ${failed?.migrationName ?? '(before the first)'} failed, nothing was changed: ${reason}`,
      {
        cause: error,
      },
    );
  }
  return results.map((result) => result.migrationName);
}

/** The names of the migrations the database does not have yet, oldest first. Throws AppError `database_newer` as above. */
export async function pendingMigrations(db: Kysely<DB>, folder: string = MIGRATIONS_FOLDER): Promise<string[]> {
  const known = await listNames(folder);
  const executed = await listExecuted(db);
  const unknown = executed.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new AppError(
      'database_newer',
      `The database has migrations this release does not know: ${unknown.join(', ')}. ` +
        'It was migrated by a later release: run that release, or restore a backup made before it.',
      { details: { unknown } },
    );
  }
  return known.filter((name) => !executed.includes(name));
}

/** Kysely's record of what was run; its table is not there before the first migration. */
async function listExecuted(db: Kysely<DB>): Promise<string[]> {
  const { rows: found } = await sql<{ present: boolean }>`
    select to_regclass('kysely_migration') is not null as present
  `.execute(db);
  if (found[0]?.present !== true) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map((row) => row.name);
}

function sqlFiles(folder: string): MigrationProvider {
  return {
    getMigrations: async () => {
      const migrations: Record<string, Migration> = {};
      for (const name of await listNames(folder)) {
        const script = await readFile(join(folder, `${name}.sql`), 'utf8');
        migrations[name] = {
          up: async (trx) => {
            for (const statement of splitStatements(script)) await sql.raw(statement).execute(trx);
          },
        };
      }
      return migrations;
    },
  };
}

async function listNames(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  const misnamed = files.find((file) => !FILE_NAME.test(file));
  if (misnamed !== undefined) throw new Error(`${misnamed} in ${folder} is not named NNNN_verb_noun.sql`);
  return files.map((file) => file.slice(0, -'.sql'.length));
}

/**
 * Writes db/schema.gen.ts from the migrations: a scratch cluster of the embedded PostgreSQL, migrated, read by kysely-codegen.
 * `--verify` writes nothing and fails where the file is not what the migrations say. numeric is Decimal in both directions, so
 * that no number can reach a money column; zoneless timestamps and dates are text, as db/pg-types.ts delivers them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLogger } from '../services/kernel/ports.ts';
import { openDatabase } from './database.ts';
import { startEmbedded } from './embedded.ts';
import { migrateToLatest } from './migrate.ts';

const SCHEMA_FILE = join(import.meta.dirname, 'schema.gen.ts');
const DECIMAL_IMPORT = "import type { Decimal } from '../services/kernel/decimal.ts';";
const require = createRequire(import.meta.url);

const verify = process.argv.includes('--verify');
const generated = await generateSchema();
if (!verify) {
  writeFileSync(SCHEMA_FILE, generated);
} else if (!existsSync(SCHEMA_FILE) || readFileSync(SCHEMA_FILE, 'utf8') !== generated) {
  console.error('db/schema.gen.ts does not match the migrations. Run "npm run generate:schema" and commit the file.');
  process.exitCode = 1;
}

async function generateSchema(): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'outturn-schema-'));
  await chmod(scratch, 0o755); // As root, the server's user must be able to enter it.
  try {
    const server = await startEmbedded({ dataDir: scratch, logger: silentLogger, settings: { fsync: 'off' } });
    try {
      const { db, close } = openDatabase(server.url);
      try {
        await migrateToLatest(db);
      } finally {
        await close();
      }
      const file = join(scratch, 'schema.ts');
      runCodegen(server.url, file);
      // kysely-codegen does not import what a type mapping names.
      return format(`${readFileSync(file, 'utf8')}\n`.replace(/^import /m, `${DECIMAL_IMPORT}\nimport `));
    } finally {
      await server.release();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function runCodegen(url: string, file: string): void {
  const program = join(dirname(require.resolve('kysely-codegen')), 'cli', 'bin.js');
  run(program, [
    '--dialect=postgres',
    `--url=${url}`,
    `--out-file=${file}`,
    '--exclude-pattern=kysely_*',
    '--date-parser=string',
    `--type-mapping=${JSON.stringify({ numeric: 'Decimal', timestamp: 'string' })}`,
    '--log-level=error',
  ]);
}

function format(source: string): string {
  return run(require.resolve('@biomejs/biome/bin/biome'), ['format', '--stdin-file-path=db/schema.gen.ts'], source);
}

/** Runs a Node program and gives its standard output. */
function run(program: string, args: readonly string[], input = ''): string {
  const result = spawnSync(process.execPath, [program, ...args], { input, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${program} failed: ${result.stderr}${result.stdout}`);
  return result.stdout;
}

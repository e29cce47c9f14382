/** COPY between PostgreSQL and files that DuckDB writes or reads. */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

const READ_BYTES = 1024 * 1024;

/** Runs `copy <target>`; `target` ends in `from stdin (…)`. */
export async function copyFile(client: pg.Client, target: string, file: string): Promise<void> {
  await pipeline(createReadStream(file, { highWaterMark: READ_BYTES }), client.query(copyFrom(`copy ${target}`)));
}

/** Runs `copy <source>` into a new file; `source` ends in `to stdout (…)`. */
export async function copyToFile(client: pg.Client, source: string, file: string): Promise<void> {
  await pipeline(client.query(copyTo(`copy ${source}`)), createWriteStream(file));
}

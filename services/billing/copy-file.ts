/** Sends a file that DuckDB wrote to PostgreSQL by COPY. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

const READ_BYTES = 1024 * 1024;

/** Runs `copy <target>`; `target` ends in `from stdin (…)`. */
export async function copyFile(client: pg.Client, target: string, file: string): Promise<void> {
  await pipeline(createReadStream(file, { highWaterMark: READ_BYTES }), client.query(copyFrom(`copy ${target}`)));
}

/** What was fetched of a source before, so that the next run asks only for what is new; committed file by file. */
import { stat } from 'node:fs/promises';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { InspectedFile } from '../billing/inspected-file.ts';

export interface FetchedFile {
  readonly version: string | null;
  readonly fetchedAt: Date;
  readonly inspected: InspectedFile;
}

/** Of the place that the source names now, by the provider's key. */
export async function readFetchedFiles(
  db: Kysely<DB>,
  sourceId: string,
  place: string,
): Promise<Map<string, FetchedFile>> {
  const { rows } = await sql<{ file_key: string; version: string | null; inspected: InspectedFile; fetched_at: Date }>`
    select file_key, version, inspected, fetched_at from source_file
    where source_id = ${sourceId} and place = ${place}`.execute(db);
  return new Map(
    rows.map((row) => [row.file_key, { version: row.version, fetchedAt: row.fetched_at, inspected: row.inspected }]),
  );
}

/** Replaces what was known of the file, also where that was of another place. */
export async function rememberFetchedFile(
  db: Kysely<DB>,
  file: { sourceId: string; place: string; key: string; version: string | null; inspected: InspectedFile; at: Date },
): Promise<void> {
  await sql`
    insert into source_file (source_id, place, file_key, name, version, inspected, fetched_at)
    values (${file.sourceId}, ${file.place}, ${file.key}, ${file.inspected.name}, ${file.version}, ${JSON.stringify(file.inspected)}::jsonb, ${file.at.toISOString()}::timestamptz)
    on conflict (source_id, file_key) do update set place = excluded.place, name = excluded.name, version = excluded.version, inspected = excluded.inspected,
      fetched_at = excluded.fetched_at`.execute(db);
}

/** False where retention or a hand has taken its archive away: it is then fetched again. */
export async function isStillArchived({ inspected }: FetchedFile): Promise<boolean> {
  return stat(inspected.archivePath).then(
    (status) => status.size > 0,
    () => false,
  );
}

/** What was fetched of a source before, so that the next run asks only for what is new; committed file by file. */
import { stat } from 'node:fs/promises';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { InspectedFile } from '../billing/inspected-file.ts';
import type { IsoDate } from '../kernel/period.ts';

/** The period that a delivery says it is of; null where only its lines tell. */
type DeliveredPeriod = { readonly start: IsoDate; readonly end: IsoDate } | null;

export interface FetchedFile {
  readonly delivered: DeliveredPeriod;
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
  const { rows } = await sql<FetchedFile & { key: string }>`
    select file_key as key, version, inspected, fetched_at as "fetchedAt",
      case when period_start is not null then jsonb_build_object('start', period_start, 'end', period_end) end as delivered
    from source_file where source_id = ${sourceId} and place = ${place}`.execute(db);
  return new Map(rows.map(({ key, ...file }) => [key, file]));
}

/** Replaces what was known of the file, also where that was of another place. */
export async function rememberFetchedFile(
  db: Kysely<DB>,
  file: {
    sourceId: string;
    place: string;
    key: string;
    version: string | null;
    delivered: DeliveredPeriod;
    inspected: InspectedFile;
    at: Date;
  },
): Promise<void> {
  await sql`
    insert into source_file (source_id, place, file_key, name, version, inspected, fetched_at, period_start, period_end)
    values (${file.sourceId}, ${file.place}, ${file.key}, ${file.inspected.name}, ${file.version}, ${JSON.stringify(file.inspected)}::jsonb,
      ${file.at.toISOString()}::timestamptz, ${file.delivered?.start ?? null}::date, ${file.delivered?.end ?? null}::date)
    on conflict (source_id, file_key) do update set place = excluded.place, name = excluded.name, version = excluded.version, inspected = excluded.inspected,
      fetched_at = excluded.fetched_at, period_start = excluded.period_start, period_end = excluded.period_end`.execute(
    db,
  );
}

/** False where retention or a hand has taken its archive away: it is then fetched again. */
export async function isStillArchived({ inspected }: FetchedFile): Promise<boolean> {
  return stat(inspected.archivePath).then(
    (status) => status.size > 0,
    () => false,
  );
}

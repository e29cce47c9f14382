/**
 * Stores the origins of a staged file that are new, in a transaction and on a connection of their own, so that it runs beside the COPY of
 * the charges. PostgreSQL is asked by id first: of a restated bill it knows nearly all. Origins are insert-only and the same whoever brings
 * them: those of a file whose staging ends half-way are no load's, and the next try finds them there. The charges commit later, so that
 * none is ever seen without its origin; synchronous_commit is off because commits reach the disk in their order.
 */
import { stat } from 'node:fs/promises';
import type pg from 'pg';
import { AppError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { copyFile, copyToFile } from './copy-file.ts';
import { ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';

/** CSV files without a header. */
export interface OriginFiles {
  /** id, digest, the text attributes, tag_set_id. */
  readonly origins: string;
  /** tag_set_id, JSON. */
  readonly tagSets: string;
}

/**
 * Writes the ids that PostgreSQL lacks, one a line, to the file `unknown`. The client must be idle, and keeps a temporary table; `keys` is
 * a CSV of ids and digests, `fileName` what messages call the bill.
 * @returns whether there are any.
 * @throws AppError conflict where an origin's id is that of another origin.
 */
export async function askForUnknownOrigins(
  client: pg.Client,
  fileName: string,
  { keys, unknown }: { keys: string; unknown: string },
): Promise<boolean> {
  await client.query('create temp table staged_key (id bigint, digest uuid)');
  await copyFile(client, 'staged_key from stdin (format csv)', keys);
  await client.query('analyze staged_key');
  await refuseOtherDigests(client, fileName, 'staged_key');
  await copyToFile(
    client,
    '(select id from staged_key as staged where not exists (select from origin where origin.id = staged.id)) to stdout (format csv)',
    unknown,
  );
  return (await stat(unknown)).size > 0;
}

/**
 * Inserts and commits. The client must be idle.
 * @throws AppError conflict where an origin's id is that of another origin that came meanwhile.
 */
export async function storeOrigins(client: pg.Client, fileName: string, files: OriginFiles): Promise<void> {
  await client.query('begin');
  try {
    await client.query('set local synchronous_commit = off');
    const isEachNew = await insertOrigins(client, files);
    if (!isEachNew) await refuseOtherDigests(client, fileName, 'staged_origin');
    await client.query('commit');
    faultPoint('stage-after-origins');
  } catch (error) {
    await client.query('rollback').catch(() => undefined); // The connection may be what failed.
    throw error;
  }
}

/**
 * Inserted in the order of their ids: two files that bring the same new origins wait for each other and never deadlock. False where another
 * file brought some of them meanwhile.
 */
async function insertOrigins(client: pg.Client, files: OriginFiles): Promise<boolean> {
  const columns = ORIGIN_TEXT_COLUMNS.map(({ sql }) => sql);
  await client.query(`
    create temp table staged_tag_set (id integer, tags jsonb) on commit drop;
    create temp table staged_origin (id bigint, digest uuid, ${columns.map((column) => `${column} text`).join(', ')}, tag_set_id integer) on commit drop`);
  await copyFile(client, 'staged_tag_set from stdin (format csv)', files.tagSets);
  await copyFile(client, 'staged_origin from stdin (format csv)', files.origins);
  const named = columns.map((column) => `staged.${column}`).join(', ');
  const { rowCount: newCount } = await client.query(`
    with folded as materialized (select id, tags, fold_tags(tags) as folded_tags from staged_tag_set)
    insert into origin (id, digest, ${columns.join(', ')}, tags, folded_tags)
    select staged.id, staged.digest, ${named}, folded.tags, folded.folded_tags
    from staged_origin as staged join folded on folded.id = staged.tag_set_id
    order by staged.id on conflict (id) do nothing`);
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from staged_origin');
  return newCount === rows[0]?.count;
}

async function refuseOtherDigests(
  client: pg.Client,
  fileName: string,
  table: 'staged_key' | 'staged_origin',
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `select id from ${table} as staged join origin using (id) where origin.digest <> staged.digest limit 1`,
  );
  if (rows[0] === undefined) return;
  throw new AppError(
    'conflict',
    `${fileName} has an origin whose id ${rows[0].id} another origin already has, with other attributes. ` +
      'Nothing was loaded; please report this bill to the maintainers.',
  );
}

/**
 * Stores the origins of a staged file that are new, in a transaction and on a connection of their own, so that it runs beside the COPY of
 * the charges. Origins are insert-only and the same whoever brings them: those of a file whose staging ends half-way are no load's, and the
 * next try finds them there. The charges commit later, so that none is ever seen without its origin; synchronous_commit is off because
 * commits reach the disk in their order.
 */
import type pg from 'pg';
import { AppError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { copyFile } from './copy-file.ts';
import { ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';

export interface OriginFiles {
  readonly origins: string;
  readonly tagSets: string;
}

/**
 * Inserts and commits. The client must be idle; `fileName` is what messages call the bill.
 * @throws AppError conflict where an origin's id is that of another origin.
 */
export async function storeOrigins(client: pg.Client, fileName: string, files: OriginFiles): Promise<void> {
  await client.query('begin');
  try {
    await client.query('set local synchronous_commit = off');
    await insertOrigins(client, files);
    await refuseOtherDigests(client, fileName);
    await client.query('commit');
    faultPoint('stage-after-origins');
  } catch (error) {
    await client.query('rollback').catch(() => undefined); // The connection may be what failed.
    throw error;
  }
}

/** Inserted in the order of their ids: two files that bring the same new origins wait for each other and never deadlock. */
async function insertOrigins(client: pg.Client, files: OriginFiles): Promise<void> {
  const columns = ORIGIN_TEXT_COLUMNS.map(({ sql }) => sql);
  await client.query(`
    create temp table staged_tag_set (id integer, tags jsonb) on commit drop;
    create temp table staged_origin (id bigint, digest uuid, ${columns.map((column) => `${column} text`).join(', ')}, tag_set_id integer) on commit drop`);
  await copyFile(client, 'staged_tag_set from stdin (format csv)', files.tagSets);
  await copyFile(client, 'staged_origin from stdin (format csv)', files.origins);
  const named = columns.map((column) => `staged.${column}`).join(', ');
  await client.query(`
    with folded as materialized (select id, tags, fold_tags(tags) as folded_tags from staged_tag_set)
    insert into origin (id, digest, ${columns.join(', ')}, tags, folded_tags)
    select staged.id, staged.digest, ${named}, folded.tags, folded.folded_tags
    from staged_origin as staged join folded on folded.id = staged.tag_set_id
    where not exists (select from origin where origin.id = staged.id)
    order by staged.id on conflict (id) do nothing`);
}

async function refuseOtherDigests(client: pg.Client, fileName: string): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    'select id from staged_origin as staged join origin using (id) where origin.digest <> staged.digest limit 1',
  );
  if (rows[0] === undefined) return;
  throw new AppError(
    'conflict',
    `${fileName} has an origin whose id ${rows[0].id} another origin already has, with other attributes. ` +
      'Nothing was loaded; please report this bill to the maintainers.',
  );
}

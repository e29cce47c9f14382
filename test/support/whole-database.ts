/** Everything a database holds, for tests that say that nothing was changed. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

/** A digest of every table's rows, whatever their order, by the table's name; partitions are part of their table. */
export async function readWholeDatabase(db: Kysely<DB>): Promise<Record<string, string>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname::text as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by relname
  `.execute(db);
  const digests: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await sql<{ digest: string }>`
      select count(*) || ' ' || coalesce(md5(string_agg(row.text, E'\n' order by row.text)), '') as digest
      from (select each::text as text from ${sql.table(`public.${name}`)} as each) as row
    `.execute(db);
    digests[name] = rows[0]?.digest ?? '';
  }
  return digests;
}

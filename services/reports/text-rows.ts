/**
 * Rows of a subquery as one text: a line for each row, tabs between its columns, nothing for null. PostgreSQL makes it in a third of the
 * time that JSON takes, and it is read as fast. For columns without tabs and line ends only: ids, names of kinds, numbers.
 */
import { type RawBuilder, sql } from 'kysely';

/** The text of the query's rows, as an expression; columns in the given order. */
export function textRows(columns: readonly string[], query: RawBuilder<unknown>): RawBuilder<string> {
  const texts = columns.map((column) => sql`coalesce(${sql.ref(`part.${column}`)}::text, '')`);
  return sql<string>`(select coalesce(string_agg(concat_ws(E'\\t', ${sql.join(texts)}), E'\\n'), '') from (${query}) as part)`;
}

/** The rows of such a text; the empty text stands for null. */
export function readTextRows(text: string): string[][] {
  return text === '' ? [] : text.split('\n').map((line) => line.split('\t'));
}

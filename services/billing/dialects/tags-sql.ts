/** Tags as the JSON text of FOCUS, from the columns, maps and texts in which providers deliver them. */
import { literal } from '../duckdb-session.ts';

/** One column per tag: an object of those that hold something, null where none does. The first of two equal keys counts. */
export function tagsOfColumns(columns: readonly { readonly key: string; readonly cell: string }[]): string {
  const byKey = new Map([...columns].reverse().map((column) => [column.key, column.cell]));
  if (byKey.size === 0) return 'null::varchar';
  const entries = [...byKey].map(([key, cell]) => `{k: ${literal(key)}, v: ${cell}}`).join(', ');
  const filled = `list_filter([${entries}], lambda entry: entry.v is not null)`;
  return `(case when coalesce(${[...byKey.values()].join(', ')}) is null then null else to_json(map_from_entries(${filled}))::varchar end)`;
}

/** An object's text with a prefix taken off its keys, null where it is empty; what is no object comes through as it is, for the check of the line to refuse. */
export function withoutKeyPrefix(json: string, pattern: string): string {
  const entries = `map_entries(try_cast(try_cast(${json} as json) as map(varchar, varchar)))`;
  const renamed = `list_transform(${entries}, lambda entry: {k: regexp_replace(entry.key, ${literal(pattern)}, ''), v: entry.value})`;
  return `(case when ${json} is null then null else nullif(coalesce(to_json(map_from_entries(${renamed}))::varchar, ${json}), '{}') end)`;
}

/**
 * The cells of a provider's own file by column, whatever their spelling and type: CSV and Parquet exports of one format differ in case,
 * slashes and underscores (`lineItem/UnblendedCost`, `line_item_unblended_cost`) and in whether a cell is text.
 */
import { something } from '../cell-sql.ts';
import { identifier } from '../duckdb-session.ts';

export interface SourceCells {
  readonly header: readonly string[];
  /** The file's own spelling of a column, the first of the names it has; null where it has none. */
  find(...names: readonly string[]): string | null;
  /** The cell as VARCHAR, of the first of the columns that holds something; null where none does. Times are ISO 8601 in UTC. */
  text(...names: readonly string[]): string;
  /** The `select` of every cell that was asked for, over a table of the file's columns. */
  select(from: string): string;
}

/** Opens the cells of a file by its columns' names and DuckDB types. */
export function openSourceCells(types: ReadonlyMap<string, string>): SourceCells {
  const header = [...types.keys()];
  const spellings = new Map(
    header.toReversed().flatMap((name) => spellingsOf(name).map((folded) => [folded, name] as const)),
  );
  const asked = new Set<string>();
  const find = (...names: readonly string[]) =>
    names.flatMap((name) => spellings.get(foldColumn(name)) ?? [])[0] ?? null;
  return {
    header,
    find,
    text: (...names) => {
      const found = names.flatMap((name) => spellings.get(foldColumn(name)) ?? []);
      for (const name of found) asked.add(name);
      const cells = [...new Set(found)].map((name) => `line.${identifier(name)}`);
      if (cells.length === 0) return 'null::varchar';
      return cells.length === 1 ? (cells[0] ?? '') : `coalesce(${cells.join(', ')})`;
    },
    select: (from) => {
      const columns = [...asked].map((name) => `${textCell(name, types.get(name) ?? '')} as ${identifier(name)}`);
      return `select file_row_number${columns.map((column) => `, ${column}`).join('')} from ${from}`;
    },
  };
}

/** Letters and digits in lower case: what all spellings of a column have in common. */
export function foldColumn(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** Every folded spelling of a header's columns. */
export function foldHeader(header: readonly string[]): ReadonlySet<string> {
  return new Set(header.flatMap(spellingsOf));
}

/** A localised header gives the English name behind its own: `Abonnement-GUID (SubscriptionGuid)`. */
function spellingsOf(name: string): string[] {
  const english = /\(([^()]+)\)\s*$/.exec(name)?.[1];
  return [...(english === undefined ? [] : [foldColumn(english)]), foldColumn(name)];
}

function textCell(name: string, type: string): string {
  const cell = identifier(name);
  if (type === 'VARCHAR' || type === 'JSON') return something(cell);
  if (type.startsWith('TIMESTAMP')) return `strftime(${cell}::timestamp, '%Y-%m-%dT%H:%M:%S.%fZ')`;
  if (type === 'DATE') return `strftime(${cell}, '%Y-%m-%d')`;
  if (/^(MAP|STRUCT)|\[\]$/.test(type)) return `to_json(${cell})::varchar`;
  // A DOUBLE's text is its shortest one: the decimal its writer meant.
  return `${cell}::varchar`;
}

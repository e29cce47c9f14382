/**
 * Statements that are planned once a connection. Planning the reports' statements took as long as running them, so those that every
 * request asks begin with `PREPARED` and go to PostgreSQL under a name. For readers of few rows only: after five runs PostgreSQL may keep
 * one plan for all values, which statements over bulk data must not have. What hides tables in a session has the plans made again
 * (`services/replay/shadow.ts`).
 */
import { type RawBuilder, sql } from 'kysely';
import type { ClientBase } from 'pg';

const MARK = '/* prepared */';
/** Shapes of statements of one process: a report has few, by what was asked. Those beyond are planned each time. */
const NAMES_MAX = 200;

/** Stands first in a statement that is to be planned once: sql`${PREPARED} select …`. */
export const PREPARED: RawBuilder<unknown> = sql.raw(MARK);

/**
 * Whether a column holds one of these dates, each a value of its own: of an array PostgreSQL assumes ten elements where it plans for all
 * values, so that the plan it could keep looks dearer than planning each time.
 */
export function isOneOf(column: string, dates: readonly string[]): RawBuilder<boolean> {
  if (dates.length === 0) return sql<boolean>`false`;
  return sql<boolean>`${sql.ref(column)} in (${sql.join(dates.map((date) => sql`${date}::date`))})`;
}

const names = new Map<string, string>();

/** Has a new connection send the marked statements under their names. */
export function nameStatements(client: ClientBase): void {
  const query = client.query.bind(client) as (...given: readonly unknown[]) => unknown;
  const named = (first: unknown, ...others: readonly unknown[]) => {
    const name = typeof first === 'string' && first.startsWith(MARK) ? nameOf(first) : undefined;
    if (name === undefined) return query(first, ...others);
    const [values, ...callback] = others;
    return query({ name, text: first, values }, ...callback);
  };
  client.query = named as typeof client.query;
}

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= NAMES_MAX) return known;
  const name = `prepared_${names.size}`;
  names.set(text, name);
  return name;
}

/**
 * Figures beside the figures: inside one transaction that is always rolled back, temporary tables stand in front of the product's
 * own. PostgreSQL looks a bare name up among the session's temporary tables first, so every report, and whatever makes figures, runs
 * unchanged over them. Nobody else sees any of it, nothing of it is kept, and a killed process leaves nothing behind.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { errorCodeOf, SQL_STATE } from '../../db/sql-state.ts';

/** Where the product's own tables are; behind a shadow they are reached by this name only. */
const OWN_SCHEMA = 'public';
/** Another process wrote the same insert-only rows meanwhile; a new snapshot sees them. */
const ATTEMPTS_MAX = 3;

type TableName = keyof DB;

/** A transaction in which tables can be hidden. */
export interface Shadow {
  readonly trx: Transaction<DB>;
  /** Hides a table behind an empty one with the same columns, checks, defaults and keys. */
  hide(name: TableName): Promise<void>;
  /** Hides a table behind a copy of those of its rows that `where` chooses, all of them without it. */
  copy(name: TableName, where?: RawBuilder<unknown>): Promise<void>;
  /** Makes the views read what hides their tables, and the planner know it: to be called when everything is in place. */
  settle(): Promise<void>;
}

/** The product's own table, hidden or not, for a FROM clause. */
export function ownTable(name: TableName): RawBuilder<unknown> {
  return sql.table(`${OWN_SCHEMA}.${name}`);
}

/**
 * Runs `work` in one snapshot and takes back whatever it wrote. It may run again from the start where another process came between.
 * `statementTimeoutMs` bounds each of its statements; none does without it.
 */
export async function inShadow<Result>(
  db: Kysely<DB>,
  options: { statementTimeoutMs?: number },
  work: (shadow: Shadow) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const trx = await db.startTransaction().setIsolationLevel('repeatable read').execute();
    try {
      if (options.statementTimeoutMs !== undefined) {
        await sql`select set_config('statement_timeout', ${String(options.statementTimeoutMs)}, true)`.execute(trx);
      }
      return await work(await shadowOf(trx));
    } catch (error) {
      if (errorCodeOf(error) !== SQL_STATE.serializationFailure || attempt === ATTEMPTS_MAX) throw error;
    } finally {
      await trx.rollback().execute();
    }
  }
}

interface View {
  readonly name: string;
  /** Written before anything is hidden, so that its tables stand in it by their bare names. */
  readonly definition: string;
  readonly tables: readonly string[];
}

async function shadowOf(trx: Transaction<DB>): Promise<Shadow> {
  const views = await readViews(trx);
  const hidden = new Set<TableName>();
  const hide = async (name: TableName) => {
    await hideTable(trx, name);
    hidden.add(name);
  };
  return {
    trx,
    hide,
    copy: async (name, where = sql`true`) => {
      await hide(name);
      const rows = sql`select * from ${ownTable(name)} as ${sql.table(name)} where ${where}`;
      await sql`insert into ${sql.table(name)} overriding system value ${rows}`.execute(trx);
    },
    settle: async () => {
      const names = new Set<string>(hidden);
      // A view is younger than what it reads, and they come in their order: one over a view that was made again follows it.
      for (const view of views) {
        if (!view.tables.some((table) => names.has(table))) continue;
        await sql`create temporary view ${sql.table(view.name)} as ${sql.raw(view.definition)}`.execute(trx);
        names.add(view.name);
      }
      for (const name of hidden) await sql`analyze ${sql.table(name)}`.execute(trx);
      await forgetPlans(trx);
    },
  };
}

async function readViews(trx: Transaction<DB>): Promise<View[]> {
  const { rows } = await sql<View>`
    select view.relname as name, pg_get_viewdef(view.oid) as definition, array_agg(distinct read.relname::text) as tables
    from pg_class as view
    join pg_rewrite as rule on rule.ev_class = view.oid
    join pg_depend as dependency on dependency.classid = 'pg_rewrite'::regclass and dependency.objid = rule.oid
      and dependency.refclassid = 'pg_class'::regclass and dependency.refobjid <> view.oid
    join pg_class as read on read.oid = dependency.refobjid
    where view.relkind = 'v' and view.relnamespace = to_regnamespace(${OWN_SCHEMA})
    group by view.oid, view.relname order by view.oid
  `.execute(trx);
  return rows;
}

/** Keys keep their names, because `on conflict on constraint` asks for them. Triggers, foreign keys and row-level security stay behind. */
async function hideTable(trx: Transaction<DB>, name: TableName): Promise<void> {
  await sql`create temporary table ${sql.table(name)} (like ${ownTable(name)} including all) on commit drop`.execute(
    trx,
  );
  const { rows } = await sql<{ own: string; copied: string }>`
    select own.conname as own, copied.conname as copied
    from pg_constraint as own
    join pg_constraint as copied on copied.contype = own.contype and copied.conkey = own.conkey
      and copied.conrelid = to_regclass(${`pg_temp.${name}`})
    where own.conrelid = to_regclass(${`${OWN_SCHEMA}.${name}`}) and own.contype in ('p', 'u') and own.conname <> copied.conname
  `.execute(trx);
  for (const { own, copied } of rows) {
    await sql`alter table ${sql.table(name)} rename constraint ${sql.ref(copied)} to ${sql.ref(own)}`.execute(trx);
  }
  await forgetPlans(trx);
}

/** Statements the session prepared (db/prepared.ts) name the product's own tables until they are planned anew. Ending needs none: the tables go. */
async function forgetPlans(trx: Transaction<DB>): Promise<void> {
  await sql`discard plans`.execute(trx);
}

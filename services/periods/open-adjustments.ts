/**
 * The adjustments that no statement has booked yet, kept for the figures they are of. Each change of figures says what it may have moved
 * (figures-version.ts), so that closed months are compared anew only there: a claim costs what its outcome costs, however many months are closed.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { forgetStaleConversions, STALE_CONVERSIONS } from '../fx/rates-version.ts';
import { OPEN_ADJUSTMENT_LOCK } from '../kernel/advisory-locks.ts';
import type { IsoDate } from '../kernel/period.ts';
import { fillClosedConversions } from './closed-conversions.ts';
import { type ClosedMonth, listClosedMonths } from './closed-months.ts';
import { ADJUSTMENT_COLUMNS, allowComparison, type DriftScope, driftRows, readRevenueBasis } from './drift.ts';

interface FiguresChange {
  readonly isAnything: boolean;
  readonly months: readonly IsoDate[];
  readonly outcomeIds: readonly string[];
}

interface Kept {
  /** The current figures. */
  readonly figuresVersion: string;
  /** Those that the kept adjustments are of; null where none are kept. */
  readonly keptVersion: string | null;
  /** What is known of the changes between the two. */
  readonly changes: readonly FiguresChange[];
  /** Conversions are stored that an import changed: what was kept may rest on them. */
  readonly hasStaleConversions: boolean;
}

/**
 * Works out the adjustments that no statement has booked yet and keeps them, unless they are of these figures already. Reports only
 * read, so whoever serves them calls this first; a report that finds them out of date works them out for itself. Forgets stale conversions, which
 * every report that converts would read.
 */
export async function refreshOpenAdjustments(db: Kysely<DB>): Promise<void> {
  const found = await readKept(db);
  const kept = found.hasStaleConversions ? await forgetKept(db, found) : found;
  if (kept.keptVersion === kept.figuresVersion) return;
  const closed = await listClosedMonths(db);
  if (closed.length === 0) return;
  const scopes = scopesOf(kept, closed);
  for (const scope of scopes) await fillClosedConversions(db, scope);
  const basis = await readRevenueBasis(db);
  const keep = (trx: Transaction<DB>) => keepOpenAdjustments(trx, kept, { scopes, basis });
  const isOvertaken = await (db.isTransaction ? keep(db as Transaction<DB>) : db.transaction().execute(keep));
  if (isOvertaken) await refreshOpenAdjustments(db);
}

async function readKept(db: Kysely<DB>): Promise<Kept> {
  const { rows } = await sql<Kept>`${PREPARED}
    select organisation.figures_version::text as "figuresVersion", kept.figures_version::text as "keptVersion",
      (select coalesce(json_agg(json_build_object('isAnything', moved_anything, 'months', charge_months, 'outcomeIds', outcome_ids::text[])), '[]')
        from figures_change where figures_version > kept.figures_version) as changes,
      exists (${STALE_CONVERSIONS}) as "hasStaleConversions"
    from organisation left join open_adjustment_version as kept on true
  `.execute(db);
  const [kept] = rows;
  if (kept === undefined) throw new Error('the organisation has its row');
  return kept;
}

/** What was kept may rest on conversions that are stale: it is of no figures any more, whether or not all rates are there to keep others. */
async function forgetKept(db: Kysely<DB>, found: Kept): Promise<Kept> {
  // In this order: whoever is stopped in between leaves what the next one forgets.
  await db.deleteFrom('open_adjustment_version').execute();
  await forgetStaleConversions(db);
  return { ...found, keptVersion: null };
}

/** What is to be compared anew: one scope of everything, or those of the cost and of the value that moved. */
function scopesOf({ figuresVersion, keptVersion, changes }: Kept, closed: readonly ClosedMonth[]): DriftScope[] {
  const between = BigInt(figuresVersion) - BigInt(keptVersion ?? 0);
  const isKnown = BigInt(changes.length) === between && !changes.some(({ isAnything }) => isAnything);
  if (keptVersion === null || !isKnown) return [{ closed }];
  const months = new Set(changes.flatMap((change) => change.months));
  const outcomeIds = [...new Set(changes.flatMap((change) => change.outcomeIds))];
  const moved = closed.filter(({ start }) => months.has(start));
  return [
    ...(moved.length === 0 ? [] : [{ closed: moved, of: 'cost' as const }]),
    ...(outcomeIds.length === 0 ? [] : [{ closed, of: outcomeIds }]),
  ];
}

/**
 * One statement and so one snapshot; the counter is compared in it, so that months and changes are of these figures too. Gives whether
 * somebody else kept others while this waited for the lock: what is to be compared is another then, or nothing.
 */
async function keepOpenAdjustments(
  trx: Transaction<DB>,
  { figuresVersion, keptVersion }: Kept,
  given: { scopes: readonly DriftScope[]; basis: 'margin' | 'gross' },
): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${OPEN_ADJUSTMENT_LOCK})`.execute(trx);
  const now = await trx.selectFrom('open_adjustment_version').select('figures_version').executeTakeFirst();
  if ((now?.figures_version ?? null) !== keptVersion) return true;
  await allowComparison(trx);
  const drifts = given.scopes.map((scope) => driftRows(scope, given.basis));
  const nothing = sql`select ${ADJUSTMENT_COLUMNS}, false as is_missing from open_adjustment where false`;
  const drift = drifts.length === 0 ? nothing : sql.join(drifts, sql` union all `);
  await sql`
    with moved as materialized (${drift}),
    right_now as (
      select figures_version from organisation
      where figures_version = ${figuresVersion}::bigint and not exists (select from moved where is_missing)
    ), cleared as (
      delete from open_adjustment where exists (select from right_now) and ${isCompared(given.scopes)}
    ), kept as (
      insert into open_adjustment (${ADJUSTMENT_COLUMNS}) select ${ADJUSTMENT_COLUMNS} from moved where exists (select from right_now)
    )
    insert into open_adjustment_version (figures_version) select figures_version from right_now
    on conflict (singleton) do update set figures_version = excluded.figures_version
  `.execute(trx);
  return false;
}

/** Whether a kept row is of what is compared anew. */
function isCompared(scopes: readonly DriftScope[]): RawBuilder<unknown> {
  const tests = scopes.map(({ closed, of }) => {
    if (of === undefined) return sql`true`;
    if (of !== 'cost') return sql`outcome_id = any(${[...of]}::bigint[])`;
    return sql`(outcome_id is null and adjusted_statement_id = any(${closed.map((month) => month.statementId)}::integer[]))`;
  });
  return tests.length === 0 ? sql`false` : sql`(${sql.join(tests, sql` or `)})`;
}

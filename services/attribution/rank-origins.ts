/**
 * Which of a cell's origins weigh most. Few are looked up month by month in `load_origin`. Of many, only the great ones of each load
 * and month are read (`load_top_origin`, a twentieth): what an origin could have in the months where it is not among them is bounded
 * by the least that is, so it can be told whether any other might weigh more. Where it might, every month of the loads is read. Cells that
 * cut a month are ranked by their charges.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { passLines, type RulebookStretches, spanOf, stretchesSql } from './cell-stretches.ts';
import { dimensionSql } from '../reports/cost-dimensions.ts';
import { filterSql } from '../reports/cost-filters.ts';
import { type Cell, filtersOfOrigins, filtersOfPods, isInParts, isKept, isOfWholeMonths } from './explain-scope.ts';
import { ratedSql } from './ranking-rates.ts';

/** Arrays as PostgreSQL writes them: a cell may have a hundred thousand origins, which pass through here unread. */
interface OwnOrigins {
  readonly of: RulebookStretches['of'];
  /** Those that are the cell's during the whole period; null: every origin that passes. */
  readonly whole: string | null;
  /** Of these the ids, as a query; null: all. */
  readonly passing: RawBuilder<unknown> | null;
  /** The others, with the dates of each stretch. */
  readonly parts: string;
  readonly starts: string;
  readonly ends: string;
  readonly hasParts: boolean;
  /** So many that reading all months of the loads in their order is faster than looking each origin up. */
  readonly isMany: boolean;
}

interface Ranking {
  readonly cell: Cell;
  readonly own: readonly OwnOrigins[];
}

/** Shown are twenty. Whole months are ranked, and an origin of which the cell has a part of one falls back, so more are taken. */
const CANDIDATES_MAX = 60;
const SHOWN = 20;
/** Of those that might weigh most, so many are added up exactly before all months are read. */
const BOUNDED_MAX = 500;
/** From this part of all origins on (1 in so many), looking each up takes longer than reading all. */
const MANY_PART = 100;

/** The ids of the origins that may weigh most. */
export async function rankOrigins(
  db: Kysely<DB>,
  cell: Cell,
  stretches: readonly RulebookStretches[],
): Promise<string[]> {
  const own: OwnOrigins[] = [];
  for (const one of stretches) own.push(await readOwnOrigins(db, cell, one));
  const ranking = { cell, own };
  if (!isOfWholeMonths(cell) || !own.some(({ isMany }) => isMany)) return readGreatest(db, ranking);
  return (await readBounded(db, ranking)) ?? readGreatest(db, ranking);
}

async function readOwnOrigins(db: Kysely<DB>, cell: Cell, one: RulebookStretches): Promise<OwnOrigins> {
  const { of } = one;
  const none = { of, parts: '{}', starts: '{}', ends: '{}', hasParts: false, passing: null };
  const filters = filtersOfOrigins(cell);
  if (cell.owner === 'everybody' && filtersOfPods(cell).length === 0) {
    if (filters.length === 0) return { ...none, whole: null, isMany: true };
    // What rollups keep too: where it passes, the shares of split cost do, so that attribution need not be asked.
    if (isKept(cell) && filters.every(({ dimension }) => dimension.place === 'origin')) {
      const passing = sql`select id from origin as line where ${filterSql(filters, (dimension) => dimensionSql(dimension, () => ''), true)}`;
      if (await areMany(db, passing)) return { ...none, passing, whole: null, isMany: true };
    }
  }
  const { start, end } = spanOf(of);
  const { rows } = await sql<Omit<OwnOrigins, 'of' | 'passing'>>`
    select coalesce(array_agg(distinct origin_id) filter (where is_whole), '{}')::text as whole,
      coalesce(array_agg(origin_id) filter (where not is_whole), '{}')::text as parts,
      coalesce(array_agg(valid_from) filter (where not is_whole), '{}')::text as starts,
      coalesce(array_agg(valid_until) filter (where not is_whole), '{}')::text as ends,
      count(*) filter (where not is_whole) > 0 as "hasParts",
      count(*) * ${MANY_PART} > (select reltuples from pg_class where oid = 'origin'::regclass) as "isMany"
    from (
      select *, valid_from <= ${start}::date and valid_until >= ${end}::date as is_whole
      from ${stretchesSql(cell, one)} as stretch
    ) as stretch
  `.execute(db);
  return rows[0] === undefined ? { ...none, whole: '{}', isMany: false } : { of, passing: null, ...rows[0] };
}

/** Counts no further than to where they are. */
async function areMany(db: Kysely<DB>, ids: RawBuilder<unknown>): Promise<boolean> {
  const { rows } = await sql<{ areMany: boolean }>`
    select count(found.id) > few as "areMany"
    from (select reltuples::bigint / ${MANY_PART} as few from pg_class where oid = 'origin'::regclass) as bound
    left join lateral (${ids} limit few + 1) as found on true group by few
  `.execute(db);
  return rows[0]?.areMany === true;
}

/** Every month (or, of a cell that cuts a month, every charge) of the cell's origins. */
async function readGreatest(db: Kysely<DB>, { cell, own }: Ranking): Promise<string[]> {
  const byMonth = isOfWholeMonths(cell);
  const spent = byMonth ? MONTHS : DAYS;
  const { rows } = await sql<{ origin_id: string }>`
    select origin_id from (${sql.join(
      own.map((one) => spentBy(cell, one, { spent, hidesIndex: one.isMany })),
      sql` union all `,
    )}) as spent
    group by origin_id, billing_currency
    order by abs(sum(amount)) * ${ratedSql(cell.rates, sql`billing_currency`)} desc, origin_id limit ${CANDIDATES_MAX}
  `.execute(db);
  return [...new Set(rows.map((row) => row.origin_id))];
}

/** The same from the great ones of each load and month alone; null where they do not tell. */
async function readBounded(db: Kysely<DB>, { cell, own }: Ranking): Promise<string[] | null> {
  const all = own.flatMap(({ of }) => of.parts);
  const rated = ratedSql(cell.rates, sql`billing_currency`);
  const among = sql`array(select origin_id from bounded)`;
  const great = own.map((one) => spentBy(cell, one, { spent: GREAT, beyond: sql`, line.beyond` }));
  const exact = own.map((one) => spentBy(cell, one, { spent: MONTHS, among }));
  const { rows } = await sql<{ originIds: string[]; isTold: boolean }>`
    with beyond as materialized (
      select billing_currency, sum(line.beyond) * ${rated} as beyond
      from load_top_bound as line where ${isInParts(all, 'line', 'charge_month')} group by billing_currency
    ), bound as materialized (
      select origin_id, billing_currency, (abs(sum(amount)) - sum(spent.beyond)) * ${rated} + min(beyond.beyond) as most
      from (${sql.join(great, sql` union all `)}) as spent join beyond using (billing_currency)
      group by origin_id, billing_currency order by most desc limit ${BOUNDED_MAX + 1}
    ), bounded as materialized (
      select origin_id from bound order by most desc limit ${BOUNDED_MAX}
    ), ranked as materialized (
      select origin_id, abs(sum(amount)) * ${rated} as weight from (${sql.join(exact, sql` union all `)}) as spent
      group by origin_id, billing_currency order by weight desc, origin_id limit ${CANDIDATES_MAX}
    )
    select array(select origin_id::text from ranked order by weight desc, origin_id) as "originIds",
      coalesce((select weight from ranked order by weight desc offset ${SHOWN - 1} limit 1), 0) >= greatest(
        (select max(beyond) from beyond), (select most from bound order by most desc offset ${BOUNDED_MAX})) as "isTold"
  `.execute(db);
  const [found] = rows;
  return found === undefined || !found.isTold ? null : [...new Set(found.originIds)];
}

/** With the first and the day after the last of a row's charges, by which it is of a stretch. */
const MONTHS = monthsOf('load_origin');
const GREAT = monthsOf('load_top_origin');
const DAYS = sql`(select *, charge_date + 1 as until_date from charge)`;

function monthsOf(table: string): RawBuilder<unknown> {
  return sql`(select *, charge_month as charge_date, (charge_month + interval '1 month')::date as until_date from ${sql.table(table)})`;
}

/** Rows (origin_id, billing_currency, amount) of one rulebook's origins of the cell. */
function spentBy(
  cell: Cell,
  own: OwnOrigins,
  options: {
    spent: RawBuilder<unknown>;
    /** Only these origins. */
    among?: RawBuilder<unknown>;
    hidesIndex?: boolean;
    /** A further column. */
    beyond?: RawBuilder<unknown>;
  },
): RawBuilder<unknown> {
  const { spent, among, hidesIndex = false, beyond = sql`` } = options;
  // The sum hides the column from the index that would look up each.
  const originId = hidesIndex ? sql`line.origin_id + 0` : sql`line.origin_id`;
  const passes = own.passing === null ? sql`true` : sql`${originId} in (${own.passing})`;
  const isOwn = own.whole === null ? passes : sql`${originId} = any(${own.whole}::bigint[])`;
  const columns = sql`select line.origin_id, line.billing_currency, line.${sql.ref(cell.metric)} as amount ${beyond}`;
  const ofCell = sql`${isInParts(own.of.parts, 'line')} and ${passLines(cell)}
    ${among === undefined ? sql`` : sql`and line.origin_id = any(${among})`}`;
  const whole = sql`${columns} from ${spent} as line where ${ofCell} and ${isOwn}`;
  if (!own.hasParts) return whole;
  return sql`${whole} union all
    ${columns}
    from unnest(${own.parts}::bigint[], ${own.starts}::date[], ${own.ends}::date[]) as part (origin_id, starts, ends)
    join ${spent} as line on line.origin_id = part.origin_id and part.starts < line.until_date and part.ends > line.charge_date
    where ${ofCell}`;
}

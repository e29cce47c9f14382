/**
 * Whose figures a value report gathers under a pod's name. Of a portfolio: those of the days on which the pod belonged to it. With
 * predecessors: a pod that was succeeded hands all of its figures on, by basis points through any chain of successions. A share is a
 * product of ten-thousandths, so the parts are exact decimals and add up to the whole without any remainder.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { DateRange } from '../periods/closed-months.ts';

export interface PodScope {
  /** Only the days on which a pod belonged to it. */
  readonly portfolio?: string;
  /** Whether successors stand for the pods they succeeded. */
  readonly withPredecessors?: boolean;
}

export interface Predecessor {
  readonly podId: string;
  /** The part of its figures that came over. */
  readonly share: Decimal;
}

/** pod_id, heir_id, share: who carries a succeeded pod in the end. Chains have an end: apply refuses those that come back. */
const LINEAGE = sql`(
  with recursive lineage as (
    select pod_id, successor_pod_id as heir_id, basis_points * 0.0001 as share from pod_successor
    union all
    select lineage.pod_id, next.successor_pod_id, lineage.share * next.basis_points * 0.0001
    from lineage join pod_successor as next on next.pod_id = lineage.heir_id
  )
  select pod_id, heir_id, sum(share) as share from lineage
  where not exists (select from pod_successor where pod_successor.pod_id = lineage.heir_id)
  group by pod_id, heir_id
)`;

/**
 * Refuses what cannot be answered: both at once, and a pod's token that asks for other pods' figures.
 * @throws AppError invalid_input, forbidden.
 */
export async function checkPodScope(db: Kysely<DB>, scope: PodScope): Promise<void> {
  if (scope.withPredecessors !== true) return;
  if (scope.portfolio !== undefined) {
    throw new AppError(
      'invalid_input',
      'A portfolio is counted by the days pods belonged to it, so its figures cannot follow successions. Ask for one of the two.',
    );
  }
  if (await readsSuccessions(db)) return;
  throw new AppError('forbidden', 'A pod’s token sees its own figures. Ask finance for those with its predecessors.');
}

/** Whether the reading role sees which pods succeeded which. */
export async function readsSuccessions(db: Kysely<DB>): Promise<boolean> {
  const { rows } = await sql<{ readable: boolean }>`
    select has_table_privilege('pod_successor', 'select') as readable
  `.execute(db);
  return rows[0]?.readable === true;
}

/**
 * Whether a row's pod belonged to the asked portfolio on the row's date: as its statement knew it on a closed day, else as now known.
 * `statement` is SQL for the row's statement, null on open days.
 */
export function isInPortfolio(
  { portfolio }: PodScope,
  row: { podId: string; date: string; statement: RawBuilder<unknown> },
): RawBuilder<boolean> {
  if (portfolio === undefined) return sql<boolean>`true`;
  const date = sql.ref(row.date);
  return sql<boolean>`exists (select from held_pod as holder where holder.pod_id = ${sql.ref(row.podId)}
    and holder.statement_id is not distinct from ${row.statement} and holder.portfolio_id = ${portfolio}
    and holder.valid_from <= ${date} and holder.valid_until > ${date})`;
}

/** `rows` with the heirs' ids in place of succeeded pods', and their amounts at the heirs' share; other columns as they are. */
export function handedOn(
  { withPredecessors }: PodScope,
  rows: { from: string; columns: readonly string[]; amount: string },
): RawBuilder<unknown> {
  if (withPredecessors !== true) return sql.ref(rows.from);
  const amount = sql.ref(rows.amount);
  const columns = rows.columns.map((column) => sql.ref(`own.${column}`));
  return sql`(
    select coalesce(heir.heir_id, own.pod_id) as pod_id, ${sql.join(columns)}, own.${amount} * coalesce(heir.share, 1) as ${amount}
    from ${sql.ref(rows.from)} as own left join ${LINEAGE} as heir on heir.pod_id = own.pod_id
  )`;
}

/** The predecessors of each pod that is succeeded by nobody. */
export async function readPredecessors(db: Kysely<DB>): Promise<Map<string, Predecessor[]>> {
  const { rows } = await sql<{ pod_id: string; heir_id: string; share: Decimal }>`
    select pod_id, heir_id, trim_scale(share) as share from ${LINEAGE} as lineage order by pod_id collate "C"
  `.execute(db);
  const byHeir = Map.groupBy(rows, (row) => row.heir_id);
  return new Map(
    [...byHeir].map(([heir, group]) => [heir, group.map(({ pod_id, share }) => ({ podId: pod_id, share }))]),
  );
}

/** Ranges cut at every date on which a pod's portfolio changes: inside each one every pod belongs where it belonged on its first day. */
export async function cutAtMoves(
  db: Kysely<DB>,
  { portfolio }: PodScope,
  ranges: readonly DateRange[],
): Promise<readonly DateRange[]> {
  if (portfolio === undefined) return ranges;
  const { rows } = await sql<{ moved_on: IsoDate }>`
    select distinct valid_from as moved_on from dated_pod where valid_from > '-infinity' order by 1
  `.execute(db);
  return ranges.flatMap((range) => {
    const inside = rows.map((row) => row.moved_on).filter((date) => date > range.start && date < range.end);
    const bounds = [range.start, ...inside, range.end];
    return bounds.slice(1).map((end, index) => ({ start: bounds[index] ?? range.start, end }));
  });
}

/**
 * What a window's value is made of, per pod: verified value by basis, claims by their age, outcomes by confidence. From the same rows as the
 * report's sums, so that all of it adds up to them. Closed days bring the amounts that their statements froze; bases, grades and the day of the
 * claim are no figures of a statement and are as now known.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { add, type Decimal, ZERO } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import { spansOfOutcomes } from './month-values.ts';
import type { PodScope } from './pod-scope.ts';
import { openValueDays, valueParts } from './pod-values.ts';
import type { ReportFrame } from './report-frame.ts';

/** First days of the classes of claims, since they were claimed: 0–30, 31–60, 61–90, and over. */
const CLAIM_AGES = [0, 31, 61, 91];

export interface ClaimsOfAge {
  readonly fromDays: number;
  /** Inclusive; null for the last class. */
  readonly toDays: number | null;
  /** Outcomes of any basis; over all classes the report's claimedOutcomes. */
  readonly outcomes: number;
  /** Of the bases that enter the return; over all classes the report's claimed value. */
  readonly value: Decimal;
}

export interface WindowOutcomes {
  /** Also of the bases that never enter the return. */
  readonly verifiedByBasis: Readonly<Record<string, Decimal>>;
  readonly claims: { readonly byAge: readonly ClaimsOfAge[]; readonly oldestDays: number | null };
  /** Outcomes by grade, verified and claimed; `none`: nobody said. */
  readonly confidence: Readonly<Record<string, number>>;
}

interface OutcomeRow {
  readonly pod_id: string | null;
  readonly state: 'verified' | 'claimed';
  readonly basis: string;
  readonly grade: string;
  readonly age_class: number;
  readonly outcomes: number;
  readonly entering: Decimal;
  readonly beside: Decimal;
  readonly oldest: number;
}

/** By pod; null is what no pod has. */
export async function readWindowOutcomes(
  db: Kysely<DB>,
  frame: ReportFrame,
  given: { scope: PodScope; at: Date },
): Promise<ReadonlyMap<string | null, WindowOutcomes>> {
  const rows = await readRows(db, frame, { ...given, of: sql`pod_id` });
  return new Map([...Map.groupBy(rows, (row) => row.pod_id)].map(([podId, group]) => [podId, outcomesOf(group)]));
}

/** Of all pods and of nobody together, an outcome that several share counted once. */
export async function readAllOutcomes(
  db: Kysely<DB>,
  frame: ReportFrame,
  given: { at: Date },
): Promise<WindowOutcomes> {
  return outcomesOf(await readRows(db, frame, { ...given, scope: {}, of: sql`null::text` }));
}

async function readRows(
  db: Kysely<DB>,
  frame: ReportFrame,
  given: { scope: PodScope; at: Date; of: RawBuilder<unknown> },
): Promise<readonly OutcomeRow[]> {
  const spans = spansOfOutcomes(await openValueDays(db, frame, given.scope));
  const { tables, parts, isWanted } = valueParts(frame, { scope: given.scope, spans });
  const { rows } = await sql<OutcomeRow>`
    with ${tables}, own as (
      select ${given.of} as pod_id, outcome_id, state, max(beside) as beside, sum(amount) filter (where beside is null) as entering_amount,
        sum(amount) filter (where beside is not null) as beside_amount
      from ${parts} as part where ${isWanted} group by 1, outcome_id, state
    )
    select own.pod_id, own.state, coalesce(own.beside, outcome.basis) as basis, coalesce(outcome.confidence, 'none') as grade,
      width_bucket(claim.age, ${CLAIM_AGES.slice(1)}::int[]) as age_class, count(*)::int as outcomes,
      trim_scale(coalesce(sum(entering_amount), 0)) as entering, trim_scale(coalesce(sum(beside_amount), 0)) as beside,
      max(claim.age) as oldest
    from own join outcome on outcome.id = own.outcome_id
    cross join lateral (
      select greatest(0, ${utcDate(given.at)}::date - coalesce((claimed_at at time zone 'UTC')::date, delivered_on)) as age) as claim
    group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  `.execute(db);
  return rows;
}

/** Of a pod without any. */
export function noOutcomes(): WindowOutcomes {
  return outcomesOf([]);
}

function outcomesOf(rows: readonly OutcomeRow[]): WindowOutcomes {
  const verifiedByBasis: Record<string, Decimal> = {};
  const confidence: Record<string, number> = { A: 0, B: 0, C: 0, D: 0, none: 0 };
  for (const { state, basis, grade, entering, beside, outcomes } of rows) {
    confidence[grade] = (confidence[grade] ?? 0) + outcomes;
    if (state === 'verified') verifiedByBasis[basis] = add(verifiedByBasis[basis] ?? ZERO, add(entering, beside));
  }
  const claimed = rows.filter(({ state }) => state === 'claimed');
  const byAge = CLAIM_AGES.map((fromDays, index): ClaimsOfAge => {
    const group = claimed.filter(({ age_class }) => age_class === index);
    const next = CLAIM_AGES[index + 1];
    return {
      fromDays,
      toDays: next === undefined ? null : next - 1,
      outcomes: group.reduce((count, { outcomes }) => count + outcomes, 0),
      value: group.reduce((total, { entering }) => add(total, entering), ZERO),
    };
  });
  const ages = claimed.map(({ oldest }) => oldest);
  return { verifiedByBasis, claims: { byAge, oldestDays: ages.length === 0 ? null : Math.max(...ages) }, confidence };
}

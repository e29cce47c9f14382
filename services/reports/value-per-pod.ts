/**
 * The report the product exists for: what each pod's cloud cost returned. Cost and value are of the same days and currency; only
 * verified value enters a return; what belongs to no pod stands on its own. Useful before any outcome or organisation exists. A closed
 * period answers as its statement froze it.
 */
import assert from 'node:assert/strict';
import { type Kysely, sql } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { add, compare, type Decimal, multiply, ratio, sum, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { addDays } from '../kernel/period.ts';
import { didYouMean } from '../organisation/suggestion.ts';
import { frozenEnvelopes, frozenValuePerPod } from '../periods/frozen-value.ts';
import { type PodAdjustment, type PodAdjustments, readPodAdjustments } from '../periods/pod-adjustments.ts';
import {
  composeValuePerPod,
  NO_ADJUSTMENTS,
  NOTHING_UNATTRIBUTED,
  type ReturnNote,
  type ValueHeading,
  type ValuePerPod,
  type ValuePerPodRow,
} from './compose-value.ts';
import { type PodCost, readPodCosts } from './pod-costs.ts';
import { type PodEnvelope, readPodEnvelopes } from './pod-envelopes.ts';
import { checkPodScope, type PodScope, type Predecessor, readPredecessors } from './pod-scope.ts';
import { type RecognisedValue, type RecognisedValues, readRecognisedValues } from './pod-values.ts';
import {
  type AsNowRequest,
  asNowKnown,
  type ReportFrame,
  type ReportRequest,
  reachOf,
  readReportFrame,
  reportPeriod,
  stateOf,
} from './report-frame.ts';

interface PodRow {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly portfolio_id: string | null;
}

/**
 * The report of a period. Reads only; `prepareConversions` is called before it where currencies may differ.
 * @throws AppError invalid_period, invalid_input (metric, currency, scope), forbidden, not_found (portfolio), missing_exchange_rate.
 */
export async function valuePerPod(
  db: Kysely<DB>,
  request: ReportRequest & AsNowRequest & PodScope,
): Promise<ValuePerPod> {
  await checkPodScope(db, request);
  const frame = await readReportFrame(db, request);
  const { statement } = frame;
  const isAsStated = statement?.currency === frame.currency && statement.costMetric === frame.costMetric;
  // The statement froze whole pods; what a portfolio had of them, and what was handed on, is put together from the days it froze.
  const isWhole = request.portfolio === undefined && request.withPredecessors !== true;
  const report =
    statement !== null && isAsStated && isWhole
      ? await frozenValuePerPod(db, statement.statementId)
      : await buildValuePerPod(db, { ...request, frame, adjustments: await readPodAdjustments(db, frame) });
  if (request.asNow !== true) return report;
  const now = { ...request, frame: await asNowKnown(db, frame), adjustments: new Map() };
  return { ...report, asNow: await buildValuePerPod(db, now) };
}

/**
 * The report from its parts: what `valuePerPod` gives for an open or mixed period, and what a statement freezes.
 * @throws AppError not_found (portfolio), missing_exchange_rate.
 */
export async function buildValuePerPod(
  db: Kysely<DB>,
  given: PodScope & { frame: ReportFrame; adjustments: PodAdjustments },
): Promise<ValuePerPod> {
  const { frame, portfolio } = given;
  const pods = await readPods(db, frame, portfolio);
  const costs = await readPodCosts(db, frame, given);
  const values = await readRecognisedValues(db, frame, given);
  const predecessors = given.withPredecessors === true ? await readPredecessors(db) : undefined;
  const adjustments = handOnAdjustments(given.adjustments, predecessors);
  const envelopes =
    frame.statement === null
      ? await readPodEnvelopes(db, frame.period)
      : await frozenEnvelopes(db, frame.statement.statementId);
  const costByPod = new Map(costs.flatMap((cost) => (cost.podId === null ? [] : [[cost.podId, cost] as const])));
  const adjusted = [...adjustments.keys()].filter((id) => id !== null);
  const ids = new Set([...costByPod.keys(), ...values.byPod.keys(), ...envelopes.keys(), ...adjusted]);
  const known = new Map(pods.map((pod) => [pod.id, pod]));
  const rows = [...ids]
    .filter((id) => portfolio === undefined || known.has(id))
    .sort((left, right) => (left < right ? -1 : 1))
    .map((id) =>
      toRow(id, known.get(id), {
        cost: costByPod.get(id),
        value: values.byPod.get(id),
        envelope: envelopes.get(id),
        adjustment: adjustments.get(id),
        predecessors: predecessors === undefined ? undefined : (predecessors.get(id) ?? []),
      }),
    );
  const unattributed = {
    cost: costs.find((cost) => cost.podId === null)?.total ?? ZERO,
    verified: values.unattributed.verified,
    claimed: values.unattributed.claimed,
    adjustments: adjustments.get(null) ?? NO_ADJUSTMENTS,
  };
  const isWhole = portfolio === undefined;
  if (isWhole) assertWhole(rows, unattributed, values);
  const report = composeValuePerPod(headingOf(frame), {
    portfolio,
    rows,
    unattributed: isWhole ? unattributed : NOTHING_UNATTRIBUTED,
  });
  return predecessors === undefined ? report : { ...report, withPredecessors: true };
}

/** Adjustments follow the figures they correct. */
function handOnAdjustments(
  adjustments: PodAdjustments,
  predecessors: ReadonlyMap<string, readonly Predecessor[]> | undefined,
): PodAdjustments {
  if (predecessors === undefined) return adjustments;
  const heirs = [...predecessors].flatMap(([heir, pods]) => pods.map(({ podId, share }) => ({ podId, heir, share })));
  const parts = [...adjustments].flatMap(([podId, { cost, value }]) => {
    const shares = heirs.filter((one) => one.podId === podId);
    if (shares.length === 0) return [{ podId, cost, value }];
    return shares.map(({ heir, share }) => ({
      podId: heir,
      cost: multiply(cost, share),
      value: multiply(value, share),
    }));
  });
  return new Map(
    [...Map.groupBy(parts, (part) => part.podId)].map(([podId, group]) => {
      const added = { cost: sum(group.map(({ cost }) => cost)), value: sum(group.map(({ value }) => value)) };
      return [podId, added];
    }),
  );
}

function headingOf(frame: ReportFrame): ValueHeading {
  return {
    period: reportPeriod(frame),
    currency: frame.currency,
    costMetric: frame.costMetric,
    revenueBasis: frame.revenueBasis,
    state: stateOf(frame),
    statementId: frame.statement === null ? null : String(frame.statement.statementId),
    dataAsOf: reachOf(frame),
    rulebook: frame.rulebook,
  };
}

/**
 * Pods with their portfolio at the window's end, as the statement of that day knew it where it is closed; of a portfolio those that
 * belonged to it on some day of the window.
 */
async function readPods(db: Kysely<DB>, frame: ReportFrame, portfolio: string | undefined): Promise<PodRow[]> {
  if (portfolio !== undefined) await checkPortfolio(db, portfolio);
  const lastDay = frame.windowEnd > frame.period.start ? addDays(frame.windowEnd, -1) : frame.period.start;
  const lastStatement = frame.closed.find(({ start, end }) => start <= lastDay && lastDay < end)?.statementId;
  const statements = frame.closed.map(({ statementId }) => statementId);
  const belonged = sql`exists (
    select from held_pod as holder where holder.pod_id = pod.id and holder.portfolio_id = ${portfolio}
      and (holder.statement_id is null or holder.statement_id = any(${statements}::integer[]))
      and holder.valid_from <= ${lastDay} and holder.valid_until > ${frame.period.start})`;
  const { rows } = await sql<PodRow>`${PREPARED}
    select pod.id, pod.name, pod.kind, last_holder.portfolio_id
    from pod left join ${lastStatement === undefined ? sql`dated_pod` : sql`statement_pod_period`} as last_holder on last_holder.pod_id = pod.id
      and last_holder.valid_from <= ${lastDay} and last_holder.valid_until > ${lastDay}
      ${lastStatement === undefined ? sql`` : sql`and last_holder.statement_id = ${lastStatement}`}
    ${portfolio === undefined ? sql`` : sql`where ${belonged}`}
  `.execute(db);
  return rows;
}

async function checkPortfolio(db: Kysely<DB>, portfolio: string): Promise<void> {
  const ids = (await db.selectFrom('portfolio').select('id').execute()).map(({ id }) => id);
  if (ids.includes(portfolio)) return;
  const fix = didYouMean(portfolio, ids) ?? 'Name one of the organisation file.';
  throw new AppError('not_found', `There is no portfolio "${portfolio}". ${fix}`);
}

function toRow(
  podId: string,
  pod: PodRow | undefined,
  figures: {
    cost: PodCost | undefined;
    value: RecognisedValue | undefined;
    envelope: PodEnvelope | undefined;
    adjustment: PodAdjustment | undefined;
    predecessors: readonly Predecessor[] | undefined;
  },
): ValuePerPodRow {
  const kind = pod?.kind === 'platform' || pod?.kind === 'central' ? pod.kind : 'delivery';
  const { direct, shared, total, estimated } = figures.cost ?? {
    direct: ZERO,
    shared: ZERO,
    total: ZERO,
    estimated: ZERO,
  };
  const value = figures.value ?? {
    verified: ZERO,
    claimed: ZERO,
    verifiedOutcomes: 0,
    claimedOutcomes: 0,
    beside: {},
    besideVerified: {},
  };
  const returnNote = noteOf(kind, total, value.verified);
  return {
    podId,
    name: pod?.name ?? podId,
    kind,
    portfolio: pod?.portfolio_id ?? null,
    ...(figures.predecessors === undefined ? {} : { predecessors: figures.predecessors }),
    cost: { direct, shared, total, estimated },
    envelope: figures.envelope ?? null,
    value,
    adjustments: figures.adjustment ?? NO_ADJUSTMENTS,
    return: returnNote === null ? ratio(value.verified, total) : null,
    returnNote,
  };
}

function noteOf(kind: ValuePerPodRow['kind'], cost: Decimal, verified: Decimal): ReturnNote | null {
  if (kind === 'platform') return 'enabling';
  if (compare(cost, ZERO) <= 0) return 'no cost';
  return compare(verified, ZERO) === 0 ? 'no verified value' : null;
}

/** Outcomes are counted once and then split: the parts are checked against the whole. */
function assertWhole(
  rows: readonly ValuePerPodRow[],
  unattributed: ValuePerPod['unattributed'],
  { total }: RecognisedValues,
): void {
  const verified = add(sum(rows.map((row) => row.value.verified)), unattributed.verified);
  const claimed = add(sum(rows.map((row) => row.value.claimed)), unattributed.claimed);
  assert.equal(verified, total.verified, 'shares of verified value must add up to the whole');
  assert.equal(claimed, total.claimed, 'shares of claimed value must add up to the whole');
}

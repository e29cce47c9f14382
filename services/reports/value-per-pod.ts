/**
 * The report the product exists for: what each pod's cloud cost returned. Cost and value are of the same days and currency; only
 * verified value enters a return; what belongs to no pod stands on its own. Useful before any outcome or organisation exists.
 */
import assert from 'node:assert/strict';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { add, compare, type Decimal, ratio, sum, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { didYouMean } from '../organisation/suggestion.ts';
import { listOpenMonths } from './complete-through.ts';
import { type PodCost, readPodCosts } from './pod-costs.ts';
import { type PodEnvelope, readPodEnvelopes } from './pod-envelopes.ts';
import { type RecognisedValue, type RecognisedValues, readRecognisedValues } from './pod-values.ts';
import {
  type ReportFrame,
  type ReportPeriod,
  type ReportRequest,
  readReportFrame,
  reportPeriod,
} from './report-frame.ts';

export type ReturnNote = 'no cost' | 'no verified value' | 'enabling';

export interface ValuePerPodRow {
  readonly podId: string;
  readonly name: string;
  readonly kind: 'delivery' | 'platform' | 'central';
  readonly portfolio: string | null;
  readonly cost: {
    readonly direct: Decimal;
    readonly shared: Decimal;
    readonly total: Decimal;
    readonly estimated: Decimal;
  };
  readonly envelope: PodEnvelope | null;
  readonly value: RecognisedValue;
  readonly adjustments: { readonly cost: Decimal; readonly value: Decimal };
  readonly return: string | null;
  readonly returnNote: ReturnNote | null;
}

export interface ValuePerPod {
  readonly period: ReportPeriod;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly revenueBasis: 'margin' | 'gross';
  readonly state: 'open';
  readonly statementId: null;
  readonly dataAsOf: string | null;
  readonly rulebook: number;
  /** Only pods of this portfolio are counted; null for all. */
  readonly portfolio: string | null;
  readonly pods: readonly ValuePerPodRow[];
  readonly unattributed: { readonly cost: Decimal; readonly verified: Decimal; readonly claimed: Decimal };
  readonly total: {
    readonly cost: Decimal;
    readonly verified: Decimal;
    readonly claimed: Decimal;
    readonly return: string | null;
    readonly returnOnTotal: string | null;
  };
  readonly coverage: { readonly cost: string | null; readonly joined: string | null };
  readonly method: string;
}

/** Stands under every return. */
export const RETURN_METHOD = 'cloud cost only; people and licences excluded';

interface PodRow {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly portfolio_id: string | null;
}

/**
 * The report of a period. Reads only; `prepareConversions` is called before it where currencies may differ.
 * @throws AppError invalid_period, invalid_input (metric, currency), not_found (portfolio), missing_exchange_rate.
 */
export async function valuePerPod(
  db: Kysely<DB>,
  request: ReportRequest & { portfolio?: string },
): Promise<ValuePerPod> {
  const frame = await readReportFrame(db, request);
  const pods = await readPods(db, request.portfolio);
  const openMonths = await listOpenMonths(db, frame.period, request.at);
  const costs = await readPodCosts(db, frame, openMonths);
  const values = await readRecognisedValues(db, frame);
  const envelopes = await readPodEnvelopes(db, frame.period);
  const costByPod = new Map(costs.flatMap((cost) => (cost.podId === null ? [] : [[cost.podId, cost] as const])));
  const ids = new Set([...costByPod.keys(), ...values.byPod.keys(), ...envelopes.keys()]);
  const known = new Map(pods.map((pod) => [pod.id, pod]));
  const rows = [...ids]
    .filter((id) => request.portfolio === undefined || known.has(id))
    .sort((left, right) => (left < right ? -1 : 1))
    .map((id) => toRow(id, known.get(id), costByPod.get(id), values.byPod.get(id), envelopes.get(id)));
  const isWhole = request.portfolio === undefined;
  return {
    ...heading(frame),
    portfolio: request.portfolio ?? null,
    pods: rows,
    ...totals(rows, isWhole ? costs.find((cost) => cost.podId === null) : undefined, isWhole ? values : undefined),
    method: RETURN_METHOD,
  };
}

function heading(frame: ReportFrame) {
  return {
    period: reportPeriod(frame),
    currency: frame.currency,
    costMetric: frame.costMetric,
    revenueBasis: frame.revenueBasis,
    state: 'open' as const,
    statementId: null,
    dataAsOf: frame.dataAsOf,
    rulebook: frame.rulebook,
  };
}

async function readPods(db: Kysely<DB>, portfolio: string | undefined): Promise<PodRow[]> {
  const pods = await db.selectFrom('pod').select(['id', 'name', 'kind', 'portfolio_id']).execute();
  if (portfolio === undefined) return pods;
  const portfolios = await db.selectFrom('portfolio').select('id').execute();
  if (!portfolios.some((one) => one.id === portfolio)) {
    const fix =
      didYouMean(
        portfolio,
        portfolios.map((one) => one.id),
      ) ?? 'Name one of the organisation file.';
    throw new AppError('not_found', `There is no portfolio "${portfolio}". ${fix}`);
  }
  return pods.filter((pod) => pod.portfolio_id === portfolio);
}

function toRow(
  podId: string,
  pod: PodRow | undefined,
  cost: PodCost | undefined,
  recognised: RecognisedValue | undefined,
  envelope: PodEnvelope | undefined,
): ValuePerPodRow {
  const kind = pod?.kind === 'platform' || pod?.kind === 'central' ? pod.kind : 'delivery';
  const { direct, shared, total, estimated } = cost ?? { direct: ZERO, shared: ZERO, total: ZERO, estimated: ZERO };
  const value = recognised ?? {
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
    cost: { direct, shared, total, estimated },
    envelope: envelope ?? null,
    value,
    adjustments: { cost: ZERO, value: ZERO },
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
function totals(
  rows: readonly ValuePerPodRow[],
  unattributedCost: PodCost | undefined,
  values: RecognisedValues | undefined,
) {
  const podCost = sum(rows.map((row) => row.cost.total));
  const verifiedOfPods = sum(rows.map((row) => row.value.verified));
  const claimedOfPods = sum(rows.map((row) => row.value.claimed));
  const unattributed = {
    cost: unattributedCost?.total ?? ZERO,
    verified: values?.unattributed.verified ?? ZERO,
    claimed: values?.unattributed.claimed ?? ZERO,
  };
  const cost = add(podCost, unattributed.cost);
  const verified = values?.total.verified ?? verifiedOfPods;
  const claimed = values?.total.claimed ?? claimedOfPods;
  assert.equal(
    add(verifiedOfPods, unattributed.verified),
    verified,
    'shares of verified value must add up to the whole',
  );
  assert.equal(add(claimedOfPods, unattributed.claimed), claimed, 'shares of claimed value must add up to the whole');
  const joined = sum(rows.filter((row) => row.value.verifiedOutcomes > 0).map((row) => row.cost.total));
  return {
    unattributed,
    total: {
      cost,
      verified,
      claimed,
      return: returnOf(verifiedOfPods, podCost),
      returnOnTotal: returnOf(verified, cost),
    },
    coverage: { cost: shareOf(podCost, cost), joined: shareOf(joined, cost) },
  };
}

function returnOf(verified: Decimal, cost: Decimal): string | null {
  return compare(cost, ZERO) <= 0 || compare(verified, ZERO) === 0 ? null : ratio(verified, cost);
}

function shareOf(part: Decimal, whole: Decimal): string | null {
  return compare(whole, ZERO) === 0 ? null : ratio(part, whole);
}

/** The rows of a value report from the parts that were read of each pod, and the check that they are the whole. */
import assert from 'node:assert/strict';
import { add, compare, type Decimal, multiply, ratio, sum, ZERO } from '../kernel/decimal.ts';
import type { PodAdjustment, PodAdjustments } from '../periods/pod-adjustments.ts';
import { NO_ADJUSTMENTS, type ReturnNote, type ValuePerPod, type ValuePerPodRow } from './compose-value.ts';
import type { PodCost } from './pod-costs.ts';
import type { PodEnvelope } from './pod-envelopes.ts';
import type { Predecessor } from './pod-scope.ts';
import type { RecognisedValue, RecognisedValues } from './pod-values.ts';
import type { HeldPod } from './report-facts.ts';

/** The row of a pod: what is absent is nothing. */
export function toRow(
  podId: string,
  pod: HeldPod | undefined,
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
    portfolio: pod?.portfolioId ?? null,
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
export function assertWhole(
  rows: readonly ValuePerPodRow[],
  unattributed: ValuePerPod['unattributed'],
  { total }: RecognisedValues,
): void {
  const verified = add(sum(rows.map((row) => row.value.verified)), unattributed.verified);
  const claimed = add(sum(rows.map((row) => row.value.claimed)), unattributed.claimed);
  assert.equal(verified, total.verified, 'shares of verified value must add up to the whole');
  assert.equal(claimed, total.claimed, 'shares of claimed value must add up to the whole');
}

/** Adjustments follow the figures they correct. */
export function handOnAdjustments(
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

/**
 * What a value report says besides, where it is asked for: of what its figures are made, and what lies before and beside the window. Nothing of it
 * enters a figure of the report. Of closed periods the amounts are as closed; ages, grades and quantities are as now known.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { ValuePerPod } from './compose-value.ts';
import { costPerOutcome, readDelivered, readRetractions } from './pod-deliveries.ts';
import { type PodScope, readsSuccessions } from './pod-scope.ts';
import type { ReportFrame } from './report-frame.ts';
import { readValueSinceStart } from './value-since-start.ts';
import { noOutcomes, readWindowOutcomes } from './window-outcomes.ts';

const DETAIL_METHOD =
  'amounts of closed months as closed; ages, confidence and units as now known; retractions as they counted before; cumulative figures follow successions';

/** The report with its detail; what follows successions does so for whoever may read them. */
export async function addValueDetail(
  db: Kysely<DB>,
  given: { report: ValuePerPod; frame: ReportFrame; scope: PodScope; at: Date },
): Promise<ValuePerPod> {
  const { report, frame, scope, at } = given;
  const outcomes = await readWindowOutcomes(db, frame, { scope, at });
  const delivered = Map.groupBy(await readDelivered(db, frame), (row) => row.pod_id);
  const retractions = await readRetractions(db, frame, at);
  const isFollowing = await readsSuccessions(db);
  const sinceStart = await readValueSinceStart(db, frame, isFollowing ? { withPredecessors: true } : {});
  const ids = new Set(report.pods.map(({ podId }) => podId));
  const { verifiedByBasis, ...unattributed } = outcomes.get(null) ?? noOutcomes();
  return {
    ...report,
    pods: report.pods.map((pod) => {
      const { verifiedByBasis: byBasis, ...made } = outcomes.get(pod.podId) ?? noOutcomes();
      const whole = sinceStart.get(pod.podId);
      return {
        ...pod,
        value: { ...pod.value, verifiedByBasis: byBasis },
        detail: {
          ...made,
          costPerOutcome: costPerOutcome(delivered.get(pod.podId), pod.cost.total),
          cumulative: whole?.cumulative ?? null,
          paybackMonth: whole?.paybackMonth ?? null,
        },
      };
    }),
    unattributed:
      scope.portfolio === undefined
        ? { ...report.unattributed, verifiedByBasis, detail: unattributed }
        : report.unattributed,
    retractions: retractions.filter(({ podId }) => scope.portfolio === undefined || (podId !== null && ids.has(podId))),
    detailMethod: DETAIL_METHOD,
  };
}

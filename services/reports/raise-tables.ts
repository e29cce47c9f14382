/** Raises, histories of envelopes, headroom and activations as CSV, in the form of the other reports. */
import type { ListedActivation } from '../envelopes/activate-pattern.ts';
import type { Headroom } from '../envelopes/headroom.ts';
import type { EnvelopeHistory } from '../envelopes/list-versions.ts';
import type { RaiseRequest } from '../envelopes/raise-rows.ts';
import { type Cell, figures, type ReportTable } from '../sheets/report-table.ts';

const RAISE_HEAD = [
  [
    'request',
    'envelope',
    'scope_kind',
    'scope',
    'period',
    'present_limit',
    'limit',
    'currency',
    'needed_until',
    'reason',
  ],
  ['requested_by', 'requested_via', 'requested_at', 'state', 'delegated', 'decided_by', 'decided_via', 'decided_at'],
  ['decision_reason', 'version'],
].flat();
const VERSION_HEAD = [
  ['envelope', 'scope_kind', 'scope', 'period', 'version', 'limit', 'currency', 'cost_metric', 'counts', 'method'],
  ['approved_by', 'approved_on', 'approval', 'recorded_by', 'recorded_at', 'request'],
].flat();
const HEADROOM_HEAD = ['portfolio', 'envelope', 'period', 'pod', 'limit', 'currency', 'rate', 'approved', 'headroom'];
const ACTIVATION_HEAD = ['pod', 'pattern', 'activated_on', 'method', 'approvals_avoided'];

/** One row per request. */
export function raisesTable(raises: readonly RaiseRequest[]): ReportTable {
  const rows = raises.map((one): Cell[] => [
    ...figures(one.requestId, one.envelopeId),
    one.scope.kind,
    one.scope.id,
    one.period,
    ...figures(one.presentLimit, one.limit),
    one.currency,
    ...figures(one.until),
    one.reason,
    one.requestedBy,
    one.requestedVia,
    ...figures(one.requestedAt),
    one.state,
    one.isDelegated ? 'yes' : 'no',
    one.decidedBy,
    one.decidedVia,
    ...figures(one.decidedAt),
    one.decisionReason,
    ...figures(one.version),
  ]);
  return { name: 'raises', head: RAISE_HEAD, rows };
}

/** One row per version, oldest first. */
export function historyTable(history: EnvelopeHistory): ReportTable {
  const rows = history.versions.map((one): Cell[] => [
    ...figures(history.envelopeId),
    history.scope.kind,
    history.scope.id,
    history.period,
    ...figures(one.version, one.limit),
    one.currency,
    one.costMetric,
    history.counts,
    one.method,
    one.approvedBy,
    ...figures(one.approvedOn),
    one.approval,
    one.recordedBy,
    ...figures(one.recordedAt, one.requestId),
  ]);
  return { name: 'envelope history', head: VERSION_HEAD, rows };
}

/** One row per portfolio's envelope, followed by one per pod's envelope that counts in it. */
export function headroomsTable(headrooms: readonly Headroom[]): ReportTable {
  const rows = headrooms.flatMap((one): Cell[][] => [
    [
      one.portfolioId,
      ...figures(one.envelopeId),
      one.period,
      null,
      ...figures(one.limit),
      one.currency,
      null,
      ...figures(one.approved, one.headroom),
    ],
    ...one.pods.map((pod): Cell[] => [
      one.portfolioId,
      ...figures(pod.envelopeId),
      pod.period,
      pod.podId,
      ...figures(pod.limit),
      pod.currency,
      ...figures(pod.rate, pod.approved),
      null,
    ]),
  ]);
  return { name: 'headroom', head: HEADROOM_HEAD, rows };
}

/** One row per activation. */
export function activationsTable(activations: readonly ListedActivation[]): ReportTable {
  const rows = activations.map((one): Cell[] => [
    one.podId,
    one.patternId,
    ...figures(one.activatedOn),
    one.method,
    ...figures(one.approvalsAvoided),
  ]);
  return { name: 'activations', head: ACTIVATION_HEAD, rows };
}

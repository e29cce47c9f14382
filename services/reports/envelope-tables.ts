/** Envelopes and alerts as CSV, in the form of the other reports: exact figures, defused text, null as an empty cell. */
import type { ListedAlert } from '../alerts/list-alerts.ts';
import type { ListedEnvelope } from '../envelopes/list-envelopes.ts';
import { type Cell, figures, type ReportTable } from '../sheets/report-table.ts';

const ENVELOPE_HEAD = [
  ['envelope', 'scope_kind', 'scope', 'period', 'period_start', 'period_end', 'version', 'limit', 'actual', 'used'],
  ['rung', 'currency', 'cost_metric', 'counts', 'state', 'method', 'approved_by', 'approval', 'data_as_of', 'held'],
  ['approved_for_pods', 'headroom', 'spent'],
].flat();

const ALERT_HEAD = [
  [
    'alert',
    'envelope',
    'scope_kind',
    'scope',
    'period',
    'rung',
    'episode',
    'state',
    'episode_state',
    'actual',
    'limit',
  ],
  ['currency', 'reason', 'slack_ts', 'error', 'created_at'],
].flat();

/** One row per envelope, then pods and the unattributed that cost without one. */
export function envelopesTable(envelopes: readonly ListedEnvelope[]): ReportTable {
  const rows = envelopes.map((envelope): Cell[] => [
    ...figures(envelope.envelopeId),
    envelope.scope.kind,
    envelope.scope.id,
    envelope.period,
    ...figures(envelope.periodStart, envelope.periodEnd, envelope.version, envelope.limit, envelope.actual),
    ...figures(envelope.used, envelope.rung),
    envelope.currency,
    envelope.costMetric,
    envelope.counts,
    envelope.state,
    envelope.method,
    envelope.approvedBy,
    envelope.approval,
    ...figures(envelope.dataAsOf),
    envelope.held,
    ...figures(envelope.approvedForPods, envelope.headroom),
    envelope.spent.length === 0
      ? null
      : envelope.spent.map(({ billingCurrency, cost }) => `${cost} ${billingCurrency}`).join(' + '),
  ]);
  return { name: 'envelopes', head: ENVELOPE_HEAD, rows };
}

/** One row per crossing, oldest first. */
export function alertsTable(alerts: readonly ListedAlert[]): ReportTable {
  const rows = alerts.map((alert): Cell[] => [
    ...figures(alert.alertId, alert.envelopeId),
    alert.scope.kind,
    alert.scope.id,
    alert.period,
    ...figures(alert.rung, alert.episode),
    alert.state,
    alert.episodeState,
    ...figures(alert.actual, alert.limit),
    alert.currency,
    alert.reason,
    alert.slackTs,
    alert.error,
    ...figures(alert.createdAt),
  ]);
  return { name: 'alerts', head: ALERT_HEAD, rows };
}

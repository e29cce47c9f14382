/** Raises, an envelope's history, headroom and activations, as a terminal shows them. */
import type { ActivationOutcome, ListedActivation } from '../../services/envelopes/activate-pattern.ts';
import type { Headroom } from '../../services/envelopes/headroom.ts';
import type { EnvelopeHistory } from '../../services/envelopes/list-versions.ts';
import type { RaiseOutcome } from '../../services/envelopes/raise-requests.ts';
import type { RaiseRequest } from '../../services/envelopes/raise-rows.ts';
import { nameOfScope } from './envelopes.ts';
import { asMoney, cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const REASON_WIDTH_MAX = 40;
const WHO_WIDTH_MAX = 28;

export function renderRaises(raises: readonly RaiseRequest[]): string {
  if (raises.length === 0) return 'No raise was asked for.';
  const rows = raises.map((one) => [
    nameOfScope(one.scope),
    one.period,
    asMoney(one.limit),
    one.currency,
    one.state,
    cutTo(one.requestedBy, WHO_WIDTH_MAX),
    one.requestedAt.slice(0, 10),
    one.decidedBy === null
      ? ''
      : cutTo(one.isDelegated ? `${one.decidedBy} (delegated)` : one.decidedBy, WHO_WIDTH_MAX),
  ]);
  const heads = ['scope', 'period', 'limit', 'cur', 'state', 'asked by', 'on', 'decided by'];
  return [textTable(heads, rows, [2]), '', ...raises.map(describeRaise)].join('\n');
}

export function renderOutcome({ requestId, state, approvers }: RaiseOutcome): string {
  if (state === 'granted')
    return `Granted at once: it is within what the portfolio delegates, and within its headroom (request ${requestId}).`;
  const who = approvers.length === 0 ? 'somebody else of role finance' : approvers.join(' or ');
  return `Request ${requestId} waits for ${who}.\nThey decide with: outturn envelopes grant ${requestId}`;
}

export function renderHistory({ scope, period, counts, withdrawnAt, versions, raises }: EnvelopeHistory): string {
  const rows = versions.map((one) => [
    String(one.version),
    asMoney(one.limit),
    one.currency,
    one.costMetric,
    one.method,
    cutTo(one.approvedBy ?? 'nobody', WHO_WIDTH_MAX),
    one.approvedOn,
    cutTo(one.approval ?? '', WHO_WIDTH_MAX),
    one.recordedAt.slice(0, 10),
  ]);
  const heads = ['version', 'limit', 'cur', 'metric', 'method', 'approved by', 'on', 'approval', 'recorded'];
  return [
    `${nameOfScope(scope)}, ${period}, ${counts} cost${withdrawnAt === null ? '' : `; taken back on ${withdrawnAt.slice(0, 10)}`}`,
    textTable(heads, rows, [1]),
    ...(raises.length === 0 ? [] : ['', 'Raises', renderRaises(raises)]),
  ].join('\n');
}

export function renderHeadrooms(headrooms: readonly Headroom[]): string {
  if (headrooms.length === 0) return 'No portfolio has an envelope there.';
  const rows = headrooms.flatMap((one) => [
    [
      `portfolio ${one.portfolioId}`,
      one.period,
      asMoney(one.limit),
      one.currency,
      moneyOrNull(one.approved),
      moneyOrNull(one.headroom),
    ],
    ...one.pods.map((pod) => [
      `  ${pod.podId}`,
      pod.period,
      asMoney(pod.limit),
      pod.currency,
      moneyOrNull(pod.approved),
      '',
    ]),
  ]);
  const missing = headrooms
    .filter(({ missingRates }) => missingRates.length > 0)
    .map(
      (one) =>
        `portfolio ${one.portfolioId} ${one.period}: no exchange rate from ${one.missingRates.join(', ')} to ${one.currency}.`,
    );
  const heads = ['scope', 'period', 'limit', 'cur', 'approved', 'headroom'];
  return [textTable(heads, rows, [2, 4, 5]), ...(missing.length === 0 ? [] : ['', ...missing])].join('\n');
}

export function renderActivation(outcome: ActivationOutcome): string {
  const { podId, patternId, activatedOn, change, envelopes, headroom, exceedsHeadroom, approvalsAvoided } = outcome;
  const given = envelopes.map(({ period, limit, currency }) => `  ${period}: ${asMoney(limit)} ${currency}`);
  return [
    change === 'created'
      ? `${podId} is activated from ${patternId} as of ${activatedOn}; ${approvalsAvoided} approvals were not needed.`
      : `${podId} was activated from ${patternId} as of ${activatedOn} already; nothing changed.`,
    ...(given.length === 0 ? ['No envelope comes with it.'] : ['Its envelopes:', ...given]),
    ...headroom.map(
      (one) =>
        `Headroom of portfolio ${one.portfolioId} ${one.period}: ${moneyOrNull(one.headroom) ?? 'unknown'} ${one.currency}`,
    ),
    ...(exceedsHeadroom
      ? ['More is approved for the portfolio’s pods than its envelope has. Finance sees it, too.']
      : []),
  ].join('\n');
}

export function renderActivations(activations: readonly ListedActivation[]): string {
  if (activations.length === 0) return 'No pod was activated from a pattern.';
  const rows = activations.map((one) => [
    one.podId,
    one.patternId,
    one.activatedOn,
    one.method,
    String(one.approvalsAvoided),
  ]);
  const avoided = activations.reduce((total, one) => total + one.approvalsAvoided, 0);
  return [
    textTable(['pod', 'pattern', 'on', 'method', 'approvals avoided'], rows, [4]),
    '',
    `${activations.length} activations avoided ${avoided} approvals.`,
  ].join('\n');
}

function describeRaise(one: RaiseRequest): string {
  const until = one.until === null ? '' : `, needed until ${one.until}`;
  const why = one.decisionReason === null ? '' : ` — ${cutTo(one.decisionReason, REASON_WIDTH_MAX)}`;
  const waits = one.state === 'pending' && one.approvers.length > 0 ? ` (waits for ${one.approvers.join(' or ')})` : '';
  return `${one.requestId}: ${cutTo(one.reason, REASON_WIDTH_MAX)}${until}${why}${waits}`;
}

function moneyOrNull(figure: Headroom['approved']): string | null {
  return figure === null ? null : asMoney(figure);
}

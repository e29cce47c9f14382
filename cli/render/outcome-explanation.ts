/** An explained outcome for the terminal: exact figures; nothing is rounded here. */
import type { OutcomeExplanation } from '../../services/attribution/explain-outcome.ts';
import { textTable } from './text-table.ts';

const STANDINGS: Readonly<Record<OutcomeExplanation['standing'], string>> = {
  in_return: 'It enters the return.',
  claimed: 'It is claimed: it enters the return once somebody verifies it.',
  beside: 'It stands beside the return, never in it.',
  not_counted: 'No open month counts it in this state.',
};

export function renderOutcomeExplanation(explanation: OutcomeExplanation): string {
  const { outcome, period, reportingCurrency, rates, closed } = explanation;
  const span = period === null ? 'whole schedule' : `${period.id} [${period.start}, ${period.end})`;
  const verified =
    outcome.verifiedBy === null ? '' : `, verified by ${outcome.verifiedBy} at ${outcome.verifiedAt ?? ''}`;
  const beside = explanation.beside === null ? '' : ` Reports show it as ${explanation.beside}.`;
  const currency = outcome.currency ?? '';
  const versions = explanation.versions.map(({ version, state, act, at, principal, reason }) => [
    String(version),
    state,
    act,
    at,
    principal,
    reason ?? '',
  ]);
  const rows = explanation.rows.map((row) => [
    String(row.ordinal),
    row.state,
    `${row.from} to ${row.through}`,
    row.amount,
    row.converted ?? 'a rate is missing',
  ]);
  const months = explanation.months.map((month) => [
    month.month,
    `${month.from} to ${month.through}`,
    String(month.days),
    month.amount,
    month.converted ?? 'a rate is missing',
  ]);
  const parts = explanation.parts.map((part) => [
    part.podId ?? '(nobody)',
    String(part.basisPoints),
    part.amount ?? '',
    part.converted ?? '',
  ]);
  const rated = rates.map((rate) => [
    rate.onDate,
    `${rate.from} to ${rate.to}`,
    rate.rate,
    rate.publishedOn,
    rate.path,
  ]);
  return [
    `Outcome ${outcome.outcomeId}, version ${outcome.version}: ${outcome.title}, ${span}.`,
    `${outcome.state}, claimed by ${outcome.claimedBy}${verified}. ${STANDINGS[explanation.standing]}${beside}`,
    ...closed.map(
      ({ periodId, statementId }) => `${periodId} is closed: reports keep its figures of statement ${statementId}.`,
    ),
    '\nVersions',
    textTable(['version', 'state', 'act', 'at', 'by', 'reason'], versions, [0]),
    ...(rows.length === 0
      ? []
      : ['\nSchedule', textTable(['row', 'counts as', 'days', currency, reportingCurrency], rows, [0, 3, 4])]),
    '\nRecognised',
    textTable(['month', 'days', 'count', currency, reportingCurrency], months, [2, 3, 4]),
    '\nShares',
    textTable(['pod', 'basis points', currency, reportingCurrency], parts, [1, 2, 3]),
    ...(rated.length === 0
      ? []
      : ['\nExchange rates', textTable(['day', 'pair', 'rate', 'published', 'path'], rated, [2])]),
  ].join('\n');
}

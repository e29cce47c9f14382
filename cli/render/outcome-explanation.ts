/** An explained outcome for the terminal: exact figures; nothing is rounded here. */
import type { OutcomeExplanation } from '../../services/attribution/explain-outcome.ts';
import { wordsOf } from './outcomes.ts';
import { textTable } from './text-table.ts';

const STANDINGS: Readonly<Record<OutcomeExplanation['standing'], string>> = {
  in_return: 'It enters the return.',
  claimed: 'It is claimed: it enters the return once somebody verifies it.',
  beside: 'It stands beside the return, never in it.',
  not_counted: 'It does not count in this state; closed months keep what they counted.',
};

function standingIn({ state, beside }: { state: string; beside: string | null }): string {
  return beside === null ? state : `${state}, ${wordsOf(beside)}`;
}

export function renderOutcomeExplanation(explanation: OutcomeExplanation): string {
  const { outcome, period, reportingCurrency, rates, closed } = explanation;
  const span = period === null ? 'whole schedule' : `${period.id} [${period.start}, ${period.end})`;
  const verified =
    outcome.verifiedBy === null ? '' : `, verified by ${outcome.verifiedBy} at ${outcome.verifiedAt ?? ''}`;
  const beside = explanation.beside === null ? '' : ` Reports show it as ${explanation.beside}.`;
  // In the reporting currency one column says it all.
  const isForeign = outcome.currency !== reportingCurrency;
  const heads = isForeign ? [outcome.currency ?? '', reportingCurrency] : [reportingCurrency];
  const money = (amount: string | null, converted: string | null) =>
    isForeign ? [amount ?? '', converted ?? (amount === null ? '' : 'a rate is missing')] : [amount ?? ''];
  const versions = explanation.versions.map(({ version, state, act, at, principal, reason }) => [
    String(version),
    wordsOf(state),
    act,
    at.slice(0, 16),
    principal,
    reason ?? '',
  ]);
  const rows = explanation.rows.map((row) => [
    String(row.ordinal),
    wordsOf(row.state),
    `${row.from} to ${row.through}`,
    ...money(row.amount, row.converted),
  ]);
  const months = explanation.months.map((month) => [
    month.month,
    `${month.from} to ${month.through}`,
    String(month.days),
    ...money(month.amount, month.converted),
  ]);
  const parts = explanation.parts.map((part) => [
    part.podId ?? '(nobody)',
    String(part.basisPoints),
    ...money(part.amount, part.converted),
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
    `${wordsOf(outcome.state)}, claimed by ${outcome.claimedBy}${verified}. ${STANDINGS[explanation.standing]}${beside}`,
    ...closed.map(
      ({ periodId, statementId }) => `${periodId} is closed: reports keep its figures of statement ${statementId}.`,
    ),
    '\nVersions',
    textTable(['version', 'state', 'act', 'at', 'by', 'reason'], versions, [0]),
    ...(rows.length === 0 ? [] : ['\nSchedule', textTable(['row', 'counts as', 'days', ...heads], rows, [0, 3, 4])]),
    ...(months.length === 0
      ? []
      : ['\nRecognised, as now known', textTable(['month', 'days', 'count', ...heads], months, [2, 3, 4])]),
    ...closedSections(explanation),
    '\nShares',
    textTable(['pod', 'basis points', ...heads], parts, [1, 2, 3]),
    ...(rated.length === 0
      ? []
      : ['\nExchange rates', textTable(['day', 'pair', 'rate', 'published', 'path'], rated, [2])]),
  ].join('\n');
}

/** What statements say of it, each in the currency of then, and what corrects them. */
function closedSections({ stated, corrections, reportingCurrency }: OutcomeExplanation): string[] {
  const isForeign = stated.some(({ currency }) => currency !== reportingCurrency);
  const rows = stated.map((one) => [
    one.periodId,
    String(one.statementId),
    String(one.version),
    one.podId ?? '(nobody)',
    standingIn(one),
    one.amount === null ? '' : `${one.amount} ${one.currency ?? ''}`,
    ...(isForeign ? [one.converted ?? (one.amount === null ? '' : 'a rate is missing')] : []),
  ]);
  const heads = [
    'month',
    'statement',
    'version',
    'pod',
    'counts as',
    'amount',
    ...(isForeign ? [reportingCurrency] : []),
  ];
  const corrected = corrections.map(({ reported, ...one }) => [
    one.bookedIn,
    one.statementId ?? 'open',
    one.adjusts,
    one.podId ?? '(nobody)',
    standingIn(one),
    reported.amount === null ? 'a rate is missing' : `${reported.amount} ${reported.currency}`,
  ]);
  const correctedHeads = ['booked in', 'statement', 'adjusts', 'pod', 'counts as', 'amount'];
  return [
    ...(rows.length === 0 ? [] : ['\nClosed', textTable(heads, rows, [1, 2, 5, 6])]),
    ...(corrected.length === 0 ? [] : ['\nCorrections of closed months', textTable(correctedHeads, corrected, [1, 5])]),
  ];
}

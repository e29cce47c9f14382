/** Statements in the terminal: what would be closed and what is left to do, the list, one statement, and the state of the chain. */
import type { PreparedStatement } from '../../services/periods/prepare-statement.ts';
import type { StatementSummary } from '../../services/periods/list-statements.ts';
import type { Verification } from '../../services/periods/verify-statements.ts';
import type { ValuePerPod } from '../../services/reports/compose-value.ts';
import { textTable } from './text-table.ts';
import { renderValuePerPod } from './value-per-pod.ts';

/** Enough of a hash to compare by eye; the whole one is in the JSON. */
const HASH_WIDTH = 12;

export function renderPrepared({ statement, readiness, valuePerPod }: PreparedStatement): string {
  const { statementId, period } = statement;
  const obstacles = readiness.flatMap(({ obstacle }) => (obstacle === null ? [] : [`  ${obstacle}`]));
  const notBegun = readiness.flatMap(({ sourceId, state, begins }) =>
    state === 'notBegun'
      ? [`Source "${sourceId}" begins ${begins ?? ''}: nothing of ${period} is expected of it.`]
      : [],
  );
  const supersedes =
    statement.supersedes === null
      ? []
      : [`It takes the place of statement ${statement.supersedes}: ${statement.reissueReason ?? ''}`];
  return [
    renderValuePerPod(valuePerPod, { stands: false }),
    '',
    `Statement ${statementId} of ${period} is prepared; nothing is closed yet.`,
    ...(statement.forcedReason === null ? [] : [`Forced: ${statement.forcedReason}`, ...obstacles]),
    ...notBegun,
    ...supersedes,
    `Another person with the role finance approves it: OUTTURN_TOKEN=… outturn close ${period} --approve`,
  ].join('\n');
}

export function renderStatements(statements: readonly StatementSummary[]): string {
  if (statements.length === 0) return 'No period is closed yet. Close a month: outturn close 2026-09';
  const rows = statements.map((statement) => [
    statement.statementId,
    statement.period,
    stateOf(statement),
    statement.preparedBy,
    statement.approvedBy ?? '',
    (statement.approvedAt ?? statement.preparedAt).slice(0, 10),
    statement.forcedReason === null ? '' : 'forced',
    (statement.hash ?? '').slice(0, HASH_WIDTH),
  ]);
  return textTable(['id', 'period', 'state', 'prepared by', 'approved by', 'on', '', 'hash'], rows);
}

export function renderStatement(statement: StatementSummary, report: ValuePerPod): string {
  const facts = [
    ['period', `${statement.period} (${statement.start} to before ${statement.end})`],
    ['state', stateOf(statement)],
    ['known at', statement.knownAt],
    ['rulebook', String(statement.rulebook)],
    ['prepared', `${statement.preparedBy}, ${statement.preparedAt}`],
    ['approved', statement.approvedBy === null ? 'not yet' : `${statement.approvedBy}, ${statement.approvedAt ?? ''}`],
    ...(statement.supersedes === null
      ? []
      : [['supersedes', `${statement.supersedes}: ${statement.reissueReason ?? ''}`]]),
    ...(statement.forcedReason === null ? [] : [['forced', statement.forcedReason]]),
    ['document', statement.documentHash],
    ['hash', statement.hash ?? 'given at approval'],
  ];
  const value = renderValuePerPod(report, { stands: statement.state === 'approved' });
  return [textTable([`statement ${statement.statementId}`, ''], facts), '', value].join('\n');
}

export function renderVerification({ verified, checked, head, broken }: Verification): string {
  if (broken !== null) {
    return `Statement ${broken.statementId} of ${broken.period} is not what was approved: ${broken.reason}. Restore it from a backup.`;
  }
  if (!verified || head === null) return 'No period is closed yet; there is nothing to verify.';
  return `${checked} ${checked === 1 ? 'statement is' : 'statements are'} what was approved. The last hash is ${head}.`;
}

function stateOf(statement: StatementSummary): string {
  if (statement.supersededBy !== null) return `superseded by ${statement.supersededBy}`;
  if (statement.state === 'approved') return statement.isCurrent ? 'closed' : 'a month of it was reissued';
  return statement.state;
}

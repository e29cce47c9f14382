/** Outcomes as a table, one row each: shares in one cell, dates and figures as such. What has rows of its own (schedule, history) is in the JSON. */
import { type Cell, figures, type ReportTable } from '../../sheets/report-table.ts';
import type { OutcomeView } from '../list-outcomes.ts';

const HEAD = [
  [
    'outcome',
    'version',
    'state',
    'title',
    'pods',
    'unattributed_bp',
    'delivered_on',
    'basis',
    'gross_or_margin',
    'effect',
  ],
  ['amount', 'amount_low', 'amount_high', 'currency', 'verified_amount', 'recognised_from', 'recognised_until'],
  [
    'outcome_type',
    'quantity',
    'unit',
    'owner',
    'claimed_by',
    'claimed_at',
    'verified_by',
    'verified_at',
    'review_due_on',
  ],
  [
    'confidence',
    'pool',
    'enabled_by',
    'evidence',
    'broken_evidence',
    'state_reason',
    'superseded_by',
    'workbook',
    'source_row_id',
  ],
].flat();

/** Verified amounts are listed by row of the schedule, each with its first day. */
export function outcomesTable(outcomes: readonly OutcomeView[]): ReportTable {
  const rows = outcomes.map((one): Cell[] => [
    ...figures(one.outcomeId, one.version),
    one.state,
    one.title,
    one.shares.map(({ pod, basisPoints }) => `${pod} ${basisPoints}`).join('; '),
    ...figures(one.unattributedBasisPoints, one.deliveredOn),
    one.basis,
    one.grossOrMargin,
    one.effect,
    ...figures(one.amount, one.amountLow, one.amountHigh),
    one.currency,
    one.schedule
      .flatMap((row) => (row.verifiedAmount === null ? [] : [`${row.from} ${row.verifiedAmount}`]))
      .join('; '),
    ...figures(one.schedule[0]?.from ?? null, one.schedule.at(-1)?.until ?? null),
    one.outcomeType,
    ...figures(one.quantity),
    one.unit,
    one.ownerEmail,
    one.claimedBy,
    ...figures(one.claimedAt),
    one.verifiedBy,
    ...figures(one.verifiedAt, one.reviewDueOn),
    one.confidence?.grade ?? null,
    one.pool,
    one.enabledBy.join(' '),
    ...figures(one.evidenceCount, one.brokenEvidenceCount),
    one.stateReason,
    ...figures(one.supersededBy),
    one.workbook,
    one.sourceRowId,
  ]);
  return { name: 'outcomes', head: HEAD, rows };
}

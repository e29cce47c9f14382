/**
 * Reads a sheet of outcomes. Several rows with one source_row_id are the shares of one outcome; the further rows repeat its other
 * cells or leave them empty. Dates are half-open: recognise_until is the first day that no longer counts. Faults name line and column.
 */
import { setImmediate } from 'node:timers/promises';
import type { InputFault } from '../../kernel/errors.ts';
import { readStrictSheet, type SheetContent, type SheetLayout, type SheetRow } from '../../sheets/strict-sheet.ts';
import { checkOutcome } from '../statement/check-outcome.ts';
import type { CheckedOutcome, FieldFault, OutcomeContext } from '../statement/checked-outcome.ts';
import { BASIS_POINTS_WHOLE } from '../outcome.ts';
import type { OutcomeField, RawOutcome } from '../statement/raw-outcome.ts';

export interface SheetOutcome {
  readonly sourceRowId: string;
  /** Its rows, the first first; further ones are of further shares. */
  readonly rows: readonly [RowPlace, ...RowPlace[]];
  readonly checked: CheckedOutcome;
}

type RowPlace = Pick<SheetRow, 'line' | 'record'>;

const ROWS_MAX = 20_000;
/** The id of the row that the template shows: refused, so that nobody claims it by leaving it in. */
export const EXAMPLE_ROW_ID = 'EXAMPLE';
export const OUTCOME_LAYOUT: SheetLayout = {
  required: ['source_row_id', 'pod', 'title', 'delivered_on', 'basis', 'owner_email'],
  optional: [
    'outcome_type',
    'quantity',
    'unit',
    'gross_or_margin',
    'amount',
    'currency',
    'recognise_from',
    'recognise_until',
    'share_bp',
    'baseline',
    'evidence_url',
    'state',
    'verified_by',
    'effect',
    'amount_low',
    'amount_high',
    'baseline_value',
    'baseline_from',
    'baseline_until',
    'baseline_source',
    'baseline_method',
    'own_bill_baseline',
    'confidence',
    'confidence_reason',
    'pool',
    'review_due_on',
    'enabled_by',
    'agreed_by',
  ],
  rowsMax: ROWS_MAX,
};
const SHARE_COLUMNS = new Set(['source_row_id', 'pod', 'share_bp', 'agreed_by']);

/** Where a fault of a field stands in the sheet; schedules and references have no columns and cannot be at fault. */
const COLUMN_OF: Partial<Record<OutcomeField, string>> = {
  title: 'title',
  outcomeType: 'outcome_type',
  quantity: 'quantity',
  unit: 'unit',
  basis: 'basis',
  grossOrMargin: 'gross_or_margin',
  amount: 'amount',
  currency: 'currency',
  deliveredOn: 'delivered_on',
  recogniseFrom: 'recognise_from',
  recogniseUntil: 'recognise_until',
  ownerEmail: 'owner_email',
  evidenceUrl: 'evidence_url',
  effect: 'effect',
  amountLow: 'amount_low',
  amountHigh: 'amount_high',
  baselineValue: 'baseline_value',
  baselineFrom: 'baseline_from',
  baselineUntil: 'baseline_until',
  baselineSource: 'baseline_source',
  baselineMethod: 'baseline_method',
  ownBillBaseline: 'own_bill_baseline',
  confidence: 'confidence',
  confidenceReason: 'confidence_reason',
  pool: 'pool',
  reviewDueOn: 'review_due_on',
  enabledBy: 'enabled_by',
  state: 'state',
  sourceRowId: 'source_row_id',
  pod: 'pod',
  basisPoints: 'share_bp',
};

/** Outcomes checked between two looks at what else there is to do: about ten milliseconds of them. */
const CHECKED_AT_ONCE = 250;

/** Every outcome of the sheet, checked, and every fault; where there is a fault nothing may be imported. */
export async function readOutcomeSheet(
  fileName: string,
  content: SheetContent,
  context: OutcomeContext,
): Promise<{ outcomes: SheetOutcome[]; rowCount: number; faults: InputFault[] }> {
  const { rows, faults } = readStrictSheet(fileName, content, OUTCOME_LAYOUT);
  const outcomes: SheetOutcome[] = [];
  const groups = [...groupRows(fileName, rows, faults)];
  for (const [ordinal, [sourceRowId, [first, ...further]]] of groups.entries()) {
    if (ordinal % CHECKED_AT_ONCE === 0) await setImmediate();
    faults.push(...further.flatMap((row) => differences(fileName, first, row)));
    const group = [first, ...further];
    const { checked, faults: fieldFaults } = checkOutcome(toRaw(first, group), context);
    faults.push(...fieldFaults.map((fault) => locateFault(fileName, [first, ...further], fault)));
    if (checked !== null) outcomes.push({ sourceRowId, rows: [first, ...further], checked });
  }
  return { outcomes, rowCount: rows.length, faults };
}

/** A fault of an outcome by its line and column in the sheet. */
export function locateFault(file: string, rows: SheetOutcome['rows'], fault: FieldFault): InputFault {
  const { field, reason, fix, shareIndex } = fault;
  const { line, record } = rows[shareIndex ?? 0] ?? rows[0];
  const column = COLUMN_OF[field];
  return { file, line, record, ...(column === undefined ? {} : { column }), reason, fix };
}

function groupRows(
  file: string,
  rows: readonly SheetRow[],
  faults: InputFault[],
): Map<string, [SheetRow, ...SheetRow[]]> {
  const groups = new Map<string, [SheetRow, ...SheetRow[]]>();
  for (const row of rows) {
    const id = cell(row, 'source_row_id');
    if (id === '') {
      const place = { file, line: row.line, record: row.record, column: 'source_row_id' };
      faults.push({ ...place, reason: 'the row has no id', fix: 'Give each outcome an id that it keeps for ever.' });
      continue;
    }
    if (id === EXAMPLE_ROW_ID) {
      const place = { file, line: row.line, record: row.record, column: 'source_row_id' };
      faults.push({ ...place, reason: 'the row is the example of the template', fix: 'Delete it.' });
      continue;
    }
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [row]);
    else group.push(row);
  }
  return groups;
}

function differences(file: string, first: SheetRow, further: SheetRow): InputFault[] {
  return Object.entries(further.cells)
    .filter(([column, value]) => !SHARE_COLUMNS.has(column) && value !== '' && value !== first.cells[column])
    .map(([column, value]) => ({
      file,
      line: further.line,
      record: further.record,
      column,
      reason: `"${value}" differs from "${cell(first, column)}" in line ${first.line}, another share of the same outcome`,
      fix: 'Repeat the cell, leave it empty, or give the row its own source_row_id.',
    }));
}

function toRaw(first: SheetRow, group: readonly SheetRow[]): RawOutcome {
  const whole = group.length === 1 && cell(first, 'share_bp') === '' ? String(BASIS_POINTS_WHOLE) : undefined;
  return {
    title: cell(first, 'title'),
    outcomeType: cell(first, 'outcome_type'),
    quantity: cell(first, 'quantity'),
    unit: cell(first, 'unit'),
    basis: cell(first, 'basis'),
    grossOrMargin: cell(first, 'gross_or_margin'),
    amount: cell(first, 'amount'),
    amountLow: cell(first, 'amount_low'),
    amountHigh: cell(first, 'amount_high'),
    currency: cell(first, 'currency'),
    deliveredOn: cell(first, 'delivered_on'),
    recogniseFrom: cell(first, 'recognise_from'),
    recogniseUntil: cell(first, 'recognise_until'),
    schedule: [],
    shares: group.map((row) => ({
      pod: cell(row, 'pod'),
      basisPoints: whole ?? cell(row, 'share_bp'),
      agreedBy: cell(row, 'agreed_by'),
    })),
    ownerEmail: cell(first, 'owner_email'),
    baseline: cell(first, 'baseline'),
    baselineValue: cell(first, 'baseline_value'),
    baselineFrom: cell(first, 'baseline_from'),
    baselineUntil: cell(first, 'baseline_until'),
    baselineSource: cell(first, 'baseline_source'),
    baselineMethod: cell(first, 'baseline_method'),
    ownBillBaseline: cell(first, 'own_bill_baseline').toLowerCase(),
    effect: cell(first, 'effect'),
    confidence: cell(first, 'confidence'),
    confidenceReason: cell(first, 'confidence_reason'),
    pool: cell(first, 'pool'),
    reviewDueOn: cell(first, 'review_due_on'),
    enabledBy: cell(first, 'enabled_by')
      .split(/[\s;]+/)
      .filter((pod) => pod !== ''),
    evidenceUrl: cell(first, 'evidence_url'),
    evidence: [],
    references: [],
    state: cell(first, 'state'),
    verifiedBy: cell(first, 'verified_by'),
  };
}

function cell(row: SheetRow, column: string): string {
  return row.cells[column] ?? '';
}

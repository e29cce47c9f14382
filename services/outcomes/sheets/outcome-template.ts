/**
 * The sheet to fill in: its columns with an example and what each takes, as CSV, as a workbook with lists to choose from, or as a list. The
 * columns are those that the import reads; a test holds the two together.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import type { CellCheck } from '../../sheets/cell-checks.ts';
import { csvOf, figures, type ReportTable } from '../../sheets/report-table.ts';
import { xlsxOf } from '../../sheets/xlsx-workbook.ts';
import { BASES, CONFIDENCE_GRADES, EFFECTS, STATED_STATES } from '../outcome.ts';
import { EXAMPLE_ROW_ID, OUTCOME_LAYOUT } from './read-outcome-sheet.ts';

export interface TemplateColumn {
  readonly column: string;
  readonly isRequired: boolean;
  readonly example: string;
  readonly note: string;
  /** The words it takes, where there are no others. */
  readonly choice: readonly string[] | null;
}

interface Described {
  readonly example: string;
  readonly note: string;
  readonly choice?: readonly string[];
}

/** In the order in which people think of them. */
const COLUMNS: Readonly<Record<string, Described>> = {
  source_row_id: {
    example: EXAMPLE_ROW_ID,
    note: 'An id that the outcome keeps for ever. Several rows with one id are the shares of one outcome.',
  },
  pod: { example: 'checkout', note: 'The id of the pod that delivered it.' },
  share_bp: { example: '10000', note: 'Its share in basis points; 10000 is all. Empty where one pod has all of it.' },
  title: { example: 'Fewer failed payments', note: 'What was delivered, in a line.' },
  delivered_on: { example: '2026-09-05', note: 'The day it was delivered.' },
  basis: {
    example: 'revenue',
    note: 'What kind of value it is. Revenue and cost_reduction enter the return, the others stand beside it.',
    choice: BASES,
  },
  gross_or_margin: { example: 'margin', note: 'For revenue only: which of the two.', choice: ['gross', 'margin'] },
  effect: { example: 'benefit', note: 'A dis_benefit counts below zero. Empty: benefit.', choice: EFFECTS },
  amount: { example: '41250.00', note: 'The value in money, above zero. Empty for what is only counted.' },
  amount_low: { example: '', note: 'The lower end of its range; needed to verify a reduced risk.' },
  amount_high: { example: '', note: 'The upper end of its range; needed to verify a reduced risk.' },
  currency: { example: 'USD', note: 'Of the amount, as ISO 4217.' },
  recognise_from: { example: '2026-09-05', note: 'The first day the amount counts. Empty: the day of delivery.' },
  recognise_until: {
    example: '2026-12-01',
    note: 'The first day it no longer counts. Empty: the day after the first.',
  },
  outcome_type: { example: 'orders', note: 'What is counted. A type counts in one unit.' },
  quantity: { example: '1200', note: 'How many units.' },
  unit: { example: 'order', note: 'The unit of the quantity.' },
  owner_email: { example: 'ada@example.com', note: 'Who answers for the benefit.' },
  evidence_url: {
    example: 'https://wiki.example.com/ab-test',
    note: 'Where it can be seen. Files are added afterwards.',
  },
  baseline: { example: '3.1 % of payments failed in August', note: 'What it is measured against, in words.' },
  baseline_value: { example: '3.1', note: 'The same as a number, with its days, source and method.' },
  baseline_from: { example: '2026-08-01', note: 'The first day of what was measured.' },
  baseline_until: { example: '2026-09-01', note: 'The day after the last.' },
  baseline_source: { example: 'payment log', note: 'Where the number is from.' },
  baseline_method: { example: 'failed ÷ all', note: 'How it was made.' },
  own_bill_baseline: {
    example: '',
    note: 'For cost_reduction: whether the baseline is spend in our own bills. It must be no to be verified.',
    choice: ['yes', 'no'],
  },
  confidence: { example: 'B', note: 'How sure it is, A to D; it multiplies nothing.', choice: CONFIDENCE_GRADES },
  confidence_reason: { example: 'measured over four weeks', note: 'Why so sure; needed with a confidence.' },
  pool: { example: '', note: 'The id of a shared metric with a ceiling, where the outcome moves one.' },
  enabled_by: { example: '', note: 'Pods that made it possible, without a share; several with blanks between.' },
  agreed_by: {
    example: '',
    note: 'Of several shares: yourself, where you agree to that of your pod. Finance settles what it imports.',
  },
  review_due_on: { example: '', note: 'From this day on it counts as claimed until it is measured again.' },
  state: {
    example: 'claimed',
    note: 'Verified: finance that imports a row which somebody else recorded just like this verifies it. Empty: claimed.',
    choice: STATED_STATES,
  },
  verified_by: {
    example: '',
    note: 'Who verifies it, by importing the sheet in person once it is recorded; neither its owner nor of a pod that receives it.',
  },
};

/** Rows of the workbook that have hints and lists. */
const ROWS_CHECKED = 2_000;
const DATES = new Set([
  'delivered_on',
  'recognise_from',
  'recognise_until',
  'baseline_from',
  'baseline_until',
  'review_due_on',
]);
const NUMBERS = new Set(['amount', 'quantity', 'share_bp', 'baseline_value']);

export function templateColumns(): TemplateColumn[] {
  return Object.entries(COLUMNS).map(([column, { example, note, choice = null }]) => ({
    column,
    isRequired: OUTCOME_LAYOUT.required.includes(column),
    example,
    note,
    choice,
  }));
}

/** The columns and the example, of which the import takes everything but the example's id. */
export function templateCsv(): string {
  return csvOf(exampleTable());
}

/** The same as a workbook: hints at every cell, lists where words are given, the organisation's pods among them, and a sheet of notes. */
export async function templateXlsx(db: Kysely<DB>): Promise<Buffer> {
  const columns = templateColumns();
  const pods = await db.selectFrom('pod').select('id').where('removed_at', 'is', null).orderBy('id').execute();
  const notes: ReportTable = {
    name: 'columns',
    head: ['column', 'required', 'example', 'what it takes', 'one of'],
    rows: columns.map(({ column, isRequired, example, note, choice }) => [
      column,
      isRequired ? 'yes' : 'no',
      example,
      note,
      choice?.join(', ') ?? null,
    ]),
  };
  const lists = { name: 'pods', head: ['pod'], rows: pods.map(({ id }) => [id]), isHidden: true };
  return xlsxOf(
    { ...exampleTable(), checks: columns.map((one, index) => checkOf(one, index, pods.length)) },
    notes,
    lists,
  );
}

function exampleTable(): ReportTable {
  const columns = templateColumns();
  const example = columns.map(({ column, example: text }) => {
    if (text === '') return null;
    return DATES.has(column) || NUMBERS.has(column) ? (figures(text)[0] ?? null) : text;
  });
  return { name: 'outcomes', head: columns.map(({ column }) => column), rows: [example] };
}

function checkOf({ column, isRequired, note, choice }: TemplateColumn, index: number, pods: number): CellCheck {
  const hint = `${note}${isRequired ? ' Required.' : ''}`;
  const check = { column: index, untilRow: ROWS_CHECKED, title: column, hint };
  if (choice !== null) return { ...check, choice };
  return column === 'pod' && pods > 0 ? { ...check, choice: { cells: `pods!$A$2:$A$${pods + 1}` } } : check;
}

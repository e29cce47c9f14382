/**
 * Imports a sheet of outcomes, all or nothing. The key is the declared workbook with source_row_id: a repeated import changes
 * nothing, a changed row is a new version, a missing row deletes nothing. A dry run says the same and writes nothing.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { recordAudit } from '../../audit/record-audit.ts';
import { type Decimal, subtract, sum, ZERO } from '../../kernel/decimal.ts';
import { AppError, countFurther, describeFault, type InputFault } from '../../kernel/errors.ts';
import { findObeyed } from '../../kernel/obeyed-signs.ts';
import { option, worded } from '../../kernel/wording.ts';
import type { Principal } from '../../kernel/ports.ts';
import { type SheetContent, withLetters } from '../../sheets/strict-sheet.ts';
import { checkPlanned } from '../statement/check-planned.ts';
import { readOutcomeContext } from '../outcome-context.ts';
import type { FieldFault } from '../statement/checked-outcome.ts';
import { readDuplicateNotes } from '../duplicates/duplicate-notes.ts';
import { contentDigest, COUNTED_STATES, type StatedOutcome } from '../outcome.ts';
import { type OutcomeChange, type PlannedOutcome, planOutcomes, type SavedOutcome } from '../plan-outcomes.ts';
import { locateFault, readOutcomeSheet, type SheetOutcome } from './read-outcome-sheet.ts';
import { saveOutcomes } from '../save-outcomes.ts';

export interface OutcomeImportOptions {
  readonly sheet: SheetContent;
  /** The sheet's declared name: part of the key of its rows for ever. */
  readonly workbook: string;
  /** For messages; the workbook's name if absent. */
  readonly fileName?: string;
  readonly principal: Principal;
  readonly dryRun: boolean;
  readonly at: Date;
}

export interface OutcomeImport {
  readonly workbook: string;
  readonly dryRun: boolean;
  /** Rows of the sheet; several may be shares of one outcome. */
  readonly rows: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  /** What the sheet's own person of finance verified by importing what others had stated. */
  readonly verified: {
    readonly outcomes: number;
    /** Of every basis, dis-benefits taken off; by currency. */
    readonly amounts: readonly { readonly currency: string; readonly amount: Decimal }[];
  };
  readonly outcomes: readonly {
    readonly sourceRowId: string;
    readonly line: number;
    readonly outcomeId: string | null;
    readonly change: OutcomeChange;
    readonly version: number;
    readonly state: string;
    /** What did not go as the row asks, such as a verification that lands as a claim. */
    readonly notes: readonly string[];
  }[];
}

const WORKBOOK_LENGTH_MAX = 200;

/**
 * Reads, checks and writes the sheet: in the caller's transaction where `db` is one, else in its own.
 * @throws AppError invalid_outcomes with every fault by line and column; nothing is written then.
 */
export function importOutcomes(db: Kysely<DB>, options: OutcomeImportOptions): Promise<OutcomeImport> {
  const isWithin = (given: Kysely<DB>): given is Transaction<DB> => given.isTransaction;
  return isWithin(db) ? importWithin(db, options) : db.transaction().execute((trx) => importWithin(trx, options));
}

async function importWithin(trx: Transaction<DB>, options: OutcomeImportOptions): Promise<OutcomeImport> {
  const workbook = options.workbook.trim();
  if (workbook === '' || workbook.length > WORKBOOK_LENGTH_MAX || findObeyed(workbook) !== null) {
    const message = worded`The workbook's name must have 1 to ${WORKBOOK_LENGTH_MAX} characters that can be read. Name it with ${option('workbook')}; the rows keep it as part of their key.`;
    throw new AppError('invalid_outcomes', message);
  }
  const context = await readOutcomeContext(trx, { principal: options.principal, at: options.at });
  const fileName = options.fileName ?? workbook;
  const sheet = await readOutcomeSheet(fileName, options.sheet, context);
  refuseFaults(withLetters(options.sheet, sheet.faults));
  const stated: StatedOutcome[] = sheet.outcomes.map(({ sourceRowId, checked }) => ({
    ...checked,
    sheetRow: { workbook, sourceRowId },
  }));
  const plan = await planOutcomes(trx, stated);
  const { principal, at } = options;
  const against = [await checkPlanned(trx, { stated, plan, at }), await refuseRenamed(trx, { stated, plan })];
  const located = sheet.outcomes.flatMap(({ rows }, position) =>
    against.flatMap((faults) => (faults.get(position) ?? []).map((fault) => locateFault(fileName, rows, fault))),
  );
  refuseFaults(withLetters(options.sheet, located));
  // A dry run does the same and takes it back: duplicates and pools are known only from what would be stored.
  if (options.dryRun) await sql`savepoint dry_run`.execute(trx);
  const written = await saveOutcomes(trx, { stated, plan, principal, at });
  const duplicates = await readNotes(trx, { written, sheet: sheet.outcomes, principal });
  if (options.dryRun) await sql`rollback to savepoint dry_run`.execute(trx);
  const saved = options.dryRun
    ? written.map((one, position) => ({ ...one, outcomeId: plan[position]?.outcomeId ?? null }))
    : written;
  const count = (change: OutcomeChange) => saved.filter((one) => one.change === change).length;
  const counts = { created: count('created'), changed: count('changed'), unchanged: count('unchanged') };
  const verified = verifiedBy(saved, stated);
  if (!options.dryRun && counts.created + counts.changed > 0) {
    const details = { ...counts, rows: sheet.rowCount, verified };
    await recordAudit(trx, {
      at,
      principal,
      action: 'import-outcomes',
      subjectKind: 'workbook',
      subjectId: workbook,
      details,
    });
  }
  const outcomes = saved.map(({ hasNewEvidence: _evidence, ...one }, position) => {
    const { sourceRowId = '', rows, checked } = sheet.outcomes[position] ?? {};
    const line = rows?.[0].line ?? 0;
    // An unchanged outcome that was verified since stays so; that its row lands as claimed says nothing then.
    const notes = one.change === 'unchanged' && one.state === 'verified' ? [] : [...(checked?.notes ?? [])];
    const again = duplicates.get(written[position]?.outcomeId ?? '') ?? [];
    return { sourceRowId, line, ...one, notes: [...notes, ...one.notes, ...again] };
  });
  return { workbook, dryRun: options.dryRun, rows: sheet.rowCount, ...counts, verified, outcomes };
}

function verifiedBy(saved: readonly SavedOutcome[], stated: readonly StatedOutcome[]): OutcomeImport['verified'] {
  const contents = saved.flatMap(({ change, state }, position) =>
    change !== 'unchanged' && state === 'verified' ? (stated[position]?.content ?? []) : [],
  );
  const inMoney = contents.flatMap(({ amount, currency, effect }) =>
    amount === null || currency === null
      ? []
      : [{ currency, amount: effect === 'dis_benefit' ? subtract(ZERO, amount) : amount }],
  );
  const byCurrency = [...Map.groupBy(inMoney, ({ currency }) => currency)].sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  const amounts = byCurrency.map(([currency, group]) => ({ currency, amount: sum(group.map(({ amount }) => amount)) }));
  return { outcomes: contents.length, amounts };
}

/** Possible duplicates of what was written, by its id. */
function readNotes(
  trx: Transaction<DB>,
  given: { written: readonly SavedOutcome[]; sheet: readonly SheetOutcome[]; principal: Principal },
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { written, sheet, principal } = given;
  const outcomeIds = written.flatMap(({ change, outcomeId }) => (change === 'unchanged' ? [] : [outcomeId ?? '']));
  const lines = new Map(
    written.map(({ outcomeId }, position) => [outcomeId ?? '', sheet[position]?.rows[0].line ?? 0]),
  );
  return readDuplicateNotes(trx, { outcomeIds, principal, lines });
}

/** New rows that stand under another workbook's name with the same content: a renamed file would claim everything twice. */
async function refuseRenamed(
  trx: Transaction<DB>,
  given: { stated: readonly StatedOutcome[]; plan: readonly PlannedOutcome[] },
): Promise<ReadonlyMap<number, readonly FieldFault[]>> {
  const created = given.stated.flatMap(({ content, sheetRow }, position) =>
    given.plan[position]?.change === 'created'
      ? [{ position, rowId: sheetRow?.sourceRowId, digest: contentDigest(content) }]
      : [],
  );
  if (created.length === 0) return new Map();
  const { rows } = await sql<{ position: number; id: string; workbook: string }>`
    select distinct on (position) position, outcome.id::text as id, workbook
    from jsonb_to_recordset(${JSON.stringify(created)}::jsonb) as created (position int, "rowId" text, digest text)
    join outcome on source_row_id = "rowId" and content_digest = digest and state = any (${[...COUNTED_STATES]}::text[])
    order by position, outcome.id`.execute(trx);
  return new Map(
    rows.map(({ position, id, workbook }) => {
      const reason = `the row stands with the same content as outcome ${id} of the workbook "${workbook}"`;
      const fix = `Import it under that name, as its rows are kept; what is another outcome has another id or says so.`;
      return [position, [{ field: 'sourceRowId', reason, fix }]];
    }),
  );
}

function refuseFaults(faults: readonly InputFault[]): void {
  const first = faults[0];
  if (first === undefined) return;
  const more = countFurther(faults);
  throw new AppError('invalid_outcomes', `Outcomes: ${describeFault(first)}${more} Nothing was imported.`, { faults });
}

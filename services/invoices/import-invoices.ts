/**
 * Imports invoices, from a sheet (all or nothing) or one stated as JSON. A repeated import changes nothing, a missing row deletes
 * nothing; a dry run says the same and writes nothing.
 */
import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError, countFurther, describeFault, type InputFault, refuseStatement } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { type SheetContent, withLetters } from '../sheets/strict-sheet.ts';
import { checkInvoice, INVOICE_FIELDS, type RawInvoice } from './check-invoice.ts';
import type { InvoiceInput } from './invoice-input.ts';
import { readInvoiceSheet } from './read-invoice-sheet.ts';
import { type InvoiceChange, planInvoices, type SavedInvoice, saveInvoices } from './save-invoices.ts';

export interface InvoiceImport {
  readonly dryRun: boolean;
  readonly rows: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly invoices: readonly (SavedInvoice & { readonly line: number })[];
}

/**
 * Reads, checks and writes the sheet: in the caller's transaction where `db` is one, else in its own.
 * @throws AppError invalid_invoices with every fault by line and column; nothing is written then.
 */
export function importInvoices(
  db: Kysely<DB>,
  options: { sheet: SheetContent; fileName: string; principal: Principal; dryRun: boolean; at: Date },
): Promise<InvoiceImport> {
  const isWithin = (given: Kysely<DB>): given is Transaction<DB> => given.isTransaction;
  const work = async (trx: Transaction<DB>): Promise<InvoiceImport> => {
    const { fileName, principal, dryRun, at } = options;
    const { invoices, rowCount, faults } = readInvoiceSheet(fileName, options.sheet, await listSourceIds(trx));
    refuseFaults(withLetters(options.sheet, faults));
    const contents = invoices.map(({ content }) => content);
    const plan = await planInvoices(trx, contents);
    const count = (change: InvoiceChange) => plan.filter((one) => one.change === change).length;
    const counts = { created: count('created'), changed: count('changed'), unchanged: count('unchanged') };
    if (!dryRun && counts.created + counts.changed > 0) {
      await saveInvoices(trx, { contents, plan, principal, at });
      const details = { ...counts, rows: rowCount };
      await recordAudit(trx, {
        at,
        principal,
        action: 'import-invoices',
        subjectKind: 'file',
        subjectId: fileName,
        details,
      });
    }
    const listed = plan.map((planned, index) => ({ line: invoices[index]?.line ?? 0, ...savedOf(planned) }));
    return { dryRun, rows: rowCount, ...counts, invoices: listed };
  };
  return isWithin(db) ? work(db) : db.transaction().execute(work);
}

/**
 * Takes one invoice in the caller's transaction.
 * @throws AppError invalid_invoices with every fault by field.
 */
export async function stateInvoice(
  trx: Transaction<DB>,
  options: { input: InvoiceInput; principal: Principal; at: Date },
): Promise<SavedInvoice> {
  const { input, principal, at } = options;
  const raw = Object.fromEntries(INVOICE_FIELDS.map((field) => [field, input[field]?.trim() ?? ''])) as RawInvoice;
  const { content, faults } = checkInvoice(raw, await listSourceIds(trx));
  if (content === null) {
    const located = faults.map(({ field, reason, fix }) => ({ column: field, reason, fix }));
    throw refuseStatement('invalid_invoices', 'The invoice was not taken', located);
  }
  const plan = await planInvoices(trx, [content]);
  const [planned] = plan;
  if (planned === undefined) throw new Error('one statement must give one invoice');
  const saved = savedOf(planned);
  if (saved.change !== 'unchanged') {
    await saveInvoices(trx, { contents: [content], plan, principal, at });
    const action = saved.change === 'created' ? 'create-invoice' : 'change-invoice';
    const subjectId = `${saved.sourceId}/${saved.invoiceId}`;
    const details = { version: saved.version, total: content.total, currency: content.currency, state: content.state };
    await recordAudit(trx, { at, principal, action, subjectKind: 'invoice', subjectId, details });
  }
  return saved;
}

function savedOf({ sourceId, invoiceId, change, version }: SavedInvoice): SavedInvoice {
  return { sourceId, invoiceId, change, version };
}

async function listSourceIds(trx: Transaction<DB>): Promise<string[]> {
  const sources = await trx.selectFrom('source').select('id').orderBy('id').execute();
  return sources.map(({ id }) => id);
}

function refuseFaults(faults: readonly InputFault[]): void {
  const [first] = faults;
  if (first === undefined) return;
  const more = countFurther(faults);
  throw new AppError('invalid_invoices', `Invoices: ${describeFault(first)}${more} Nothing was imported.`, { faults });
}

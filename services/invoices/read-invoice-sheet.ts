/** Reads a sheet of invoices, one per row, with every fault by line and column. */
import type { InputFault } from '../kernel/errors.ts';
import { readStrictSheet, type SheetContent, type SheetLayout } from '../sheets/strict-sheet.ts';
import { checkInvoice, type InvoiceField, type RawInvoice } from './check-invoice.ts';
import type { InvoiceContent } from './invoice.ts';

export interface SheetInvoice {
  readonly line: number;
  readonly content: InvoiceContent;
}

const ROWS_MAX = 20_000;
const COLUMN_OF: Readonly<Record<InvoiceField, string>> = {
  invoiceId: 'invoice_id',
  source: 'source',
  issuer: 'issuer',
  billingAccountId: 'billing_account_id',
  billingPeriod: 'billing_period',
  currency: 'currency',
  total: 'total',
  creditsOutsideBill: 'credits_outside_bill',
  taxOutsideBill: 'tax_outside_bill',
  tolerance: 'tolerance',
  issuedOn: 'issued_on',
  state: 'state',
};
const REQUIRED: readonly InvoiceField[] = ['invoiceId', 'billingPeriod', 'currency', 'total'];
const FIELDS = Object.keys(COLUMN_OF) as InvoiceField[];
const LAYOUT: SheetLayout = {
  required: REQUIRED.map((field) => COLUMN_OF[field]),
  optional: FIELDS.filter((field) => !REQUIRED.includes(field)).map((field) => COLUMN_OF[field]),
  rowsMax: ROWS_MAX,
};

/** Every invoice of the sheet, and every fault; where there is a fault nothing may be imported. */
export function readInvoiceSheet(
  fileName: string,
  sheet: SheetContent,
  sourceIds: readonly string[],
): { invoices: SheetInvoice[]; rowCount: number; faults: InputFault[] } {
  const { rows, faults } = readStrictSheet(fileName, sheet, LAYOUT);
  const invoices: SheetInvoice[] = [];
  const lineOf = new Map<string, number>();
  for (const { line, record, cells } of rows) {
    const raw = Object.fromEntries(FIELDS.map((field) => [field, cells[COLUMN_OF[field]] ?? ''])) as RawInvoice;
    const { content, faults: fieldFaults } = checkInvoice(raw, sourceIds);
    const place = { file: fileName, line, record };
    faults.push(...fieldFaults.map(({ field, reason, fix }) => ({ ...place, column: COLUMN_OF[field], reason, fix })));
    if (content === null) continue;
    const key = JSON.stringify([content.sourceId, content.invoiceId]);
    const former = lineOf.get(key);
    if (former === undefined) {
      lineOf.set(key, line);
      invoices.push({ line, content });
      continue;
    }
    const reason = `invoice "${content.invoiceId}" of source "${content.sourceId}" stands in line ${former} already`;
    faults.push({ ...place, column: COLUMN_OF.invoiceId, reason, fix: 'Keep one of the two rows.' });
  }
  return { invoices, rowCount: rows.length, faults };
}

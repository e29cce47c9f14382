/**
 * Invoices against bills: for every billing period that touches the period, whole, the BilledCost of the charges that carry an
 * invoice's number, or where the bill carries none, of its billing account; the invoice's total; the difference and why. Charges
 * that no stated invoice covers are rows too, so that the rows add up to the bill.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { minorUnitPlaces } from '../invoices/invoice.ts';
import { type Decimal, decimal, subtract, sum, ZERO } from '../kernel/decimal.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import { explainDifference, type InvoiceReason, type InvoiceState } from './invoice-reasons.ts';
import { type ReportPeriod, type ReportRequest, readReportFrame, reportPeriod } from './report-frame.ts';

export interface InvoiceRow {
  readonly sourceId: string;
  readonly billingPeriod: string;
  readonly billingAccountId: string | null;
  readonly currency: string;
  /** Several where the bill carries no numbers and they are of one account and period; none where there is none yet. */
  readonly invoiceIds: readonly string[];
  readonly matchedBy: 'invoiceId' | 'billingAccount' | null;
  readonly lines: number;
  readonly billed: Decimal;
  /** The invoices' total; null where none was stated. */
  readonly invoice: Decimal | null;
  /** invoice − billed. */
  readonly difference: Decimal | null;
  readonly tolerance: Decimal | null;
  readonly state: InvoiceState | 'notStated' | 'noInvoiceId';
  /** Their amounts add up to the difference. */
  readonly reasons: readonly InvoiceReason[];
}

export interface InvoiceReport {
  readonly period: ReportPeriod;
  readonly dataAsOf: string | null;
  readonly rows: readonly InvoiceRow[];
  /** Per billing currency; billed − withoutInvoice + difference = invoiced. */
  readonly total: readonly {
    readonly currency: string;
    readonly billed: Decimal;
    readonly invoiced: Decimal;
    readonly difference: Decimal;
    /** Billed by charges that no stated invoice covers. */
    readonly withoutInvoice: Decimal;
  }[];
}

/** Charges of one load, account, invoice number and currency. */
interface Group {
  readonly source_id: string;
  readonly period_start: IsoDate;
  readonly period_end: IsoDate;
  readonly billing_account_id: string | null;
  readonly invoice_id: string | null;
  readonly currency: string;
  readonly lines: number;
  readonly billed: Decimal;
  readonly tax: Decimal;
  readonly credits: Decimal;
}

interface Stated {
  readonly source_id: string;
  readonly invoice_id: string;
  readonly billing_account_id: string | null;
  readonly period_start: IsoDate;
  readonly period_end: IsoDate;
  readonly currency: string;
  readonly total: Decimal;
  readonly credits_outside_bill: Decimal;
  readonly tax_outside_bill: Decimal;
  readonly tolerance: Decimal | null;
}

/**
 * The report of every billing period that touches the period. Reads the charges of those bills once, and nothing is written.
 * @throws AppError invalid_period.
 */
export async function invoiceReport(db: Kysely<DB>, request: ReportRequest): Promise<InvoiceReport> {
  const frame = await readReportFrame(db, request);
  const groups = await readGroups(db, frame.period);
  const invoices = await readInvoices(db, frame.period, groups);
  const rows = compareAll(groups, invoices).sort(byKeys);
  const currencies = [...new Set(rows.map((row) => row.currency))].sort();
  return {
    period: reportPeriod(frame),
    dataAsOf: frame.dataAsOf,
    rows,
    total: currencies.map((currency) => totalOf(currency, rows)),
  };
}

async function readGroups(db: Kysely<DB>, period: { start: IsoDate; end: IsoDate }): Promise<Group[]> {
  const loads = await sql<{ id: string }>`
    select id::text as id from load
    where state = 'published' and billing_period_start < ${period.end}::date and billing_period_end > ${period.start}::date
  `.execute(db);
  // By origin first: far fewer rows meet their origin then. The load ids are bound, so that partitions are pruned by them.
  const { rows } = await sql<Group>`
    select load.source_id, load.billing_period_start as period_start, load.billing_period_end as period_end,
      origin.billing_account_id, billed.invoice_id, billed.billing_currency as currency, sum(billed.lines)::int as lines,
      trim_scale(sum(billed.cost)) as billed,
      trim_scale(coalesce(sum(billed.cost) filter (where origin.charge_category = 'Tax'), 0)) as tax,
      trim_scale(coalesce(sum(billed.cost) filter (where origin.charge_category = 'Credit'), 0)) as credits
    from (
      select load_id, origin_id, nullif(invoice_id, '') as invoice_id, billing_currency, sum(billed_cost) as cost,
        sum(line_count) as lines
      from charge where load_id = any(${loads.rows.map(({ id }) => id)}::bigint[])
      group by 1, 2, 3, 4
    ) as billed
    join load on load.id = billed.load_id
    join origin on origin.id = billed.origin_id
    group by 1, 2, 3, 4, 5, 6
  `.execute(db);
  return rows;
}

/** Those of the billing periods asked for, and those whose number stands in their bills (invoice_billing_period_start_idx, its key). */
async function readInvoices(
  db: Kysely<DB>,
  period: { start: IsoDate; end: IsoDate },
  groups: readonly Group[],
): Promise<Stated[]> {
  const numbered = groups.filter((group) => group.invoice_id !== null);
  const { rows } = await sql<Stated>`
    select source_id, invoice_id, billing_account_id, billing_period_start as period_start, billing_period_end as period_end,
      currency, trim_scale(total) as total, trim_scale(credits_outside_bill) as credits_outside_bill,
      trim_scale(tax_outside_bill) as tax_outside_bill, trim_scale(tolerance) as tolerance
    from invoice
    where state = 'issued' and (
      (billing_period_start < ${period.end}::date and billing_period_end > ${period.start}::date)
      or (source_id, invoice_id) in (select * from unnest(${numbered.map((group) => group.source_id)}::text[],
        ${numbered.map((group) => group.invoice_id)}::text[])))
    order by source_id, invoice_id
  `.execute(db);
  return rows;
}

/** Each group of charges is in one row only. */
function compareAll(groups: readonly Group[], invoices: readonly Stated[]): InvoiceRow[] {
  const open = new Set(groups);
  const take = (test: (group: Group) => boolean): Group[] => {
    const taken = [...open].filter(test);
    for (const group of taken) open.delete(group);
    return taken;
  };
  const rows: InvoiceRow[] = [];
  const byNumber = invoices.map((invoice) => ({
    invoice,
    charges: take((group) => isSame(group, invoice) && group.invoice_id === invoice.invoice_id),
  }));
  const isOpenOf = (invoice: Stated) => (group: Group) =>
    group.invoice_id === null &&
    isSame(group, invoice) &&
    group.period_start === invoice.period_start &&
    group.period_end === invoice.period_end &&
    (invoice.billing_account_id === null || invoice.billing_account_id === group.billing_account_id);
  // Accounts that are named take their charges before an invoice of all the others does.
  const unnumbered = byNumber.filter(({ charges }) => charges.length === 0).map(({ invoice }) => invoice);
  const alike = [...Map.groupBy(unnumbered, placeOf).values()].sort(
    ([left], [right]) => Number(left?.billing_account_id === null) - Number(right?.billing_account_id === null),
  );
  for (const together of alike) {
    const [first] = together;
    if (first !== undefined) rows.push(toRow(together, take(isOpenOf(first)), 'billingAccount', ZERO));
  }
  for (const { invoice, charges } of byNumber) {
    if (charges.length === 0) continue;
    const accounts = new Set(charges.map((group) => group.billing_account_id));
    const beside = [...open].filter((group) => {
      const [first] = charges;
      return (
        group.invoice_id === null &&
        isSame(group, invoice) &&
        group.period_start === first?.period_start &&
        accounts.has(group.billing_account_id)
      );
    });
    rows.push(toRow([invoice], charges, 'invoiceId', sum(beside.map((group) => group.billed))));
  }
  const left = Map.groupBy(open, (group) => JSON.stringify([placeOf(group), group.invoice_id]));
  for (const charges of left.values()) rows.push(toUncoveredRow(charges));
  return rows;
}

function isSame(group: Group, invoice: Stated): boolean {
  return group.source_id === invoice.source_id && group.currency === invoice.currency;
}

function placeOf(one: Stated | Group): string {
  return JSON.stringify([one.source_id, one.period_start, one.period_end, one.billing_account_id, one.currency]);
}

function toRow(
  invoices: readonly Stated[],
  charges: readonly Group[],
  matchedBy: 'invoiceId' | 'billingAccount',
  withoutInvoiceId: Decimal,
): InvoiceRow {
  const [first] = invoices;
  if (first === undefined) throw new Error('a row of invoices needs one');
  const accounts = new Set(charges.map((group) => group.billing_account_id));
  const [onlyAccount] = accounts;
  const billed = sum(charges.map((group) => group.billed));
  const invoice = sum(invoices.map((one) => one.total));
  const tolerance = sum(invoices.map((one) => one.tolerance ?? minorUnit(one.currency)));
  const lines = charges.reduce((count, group) => count + group.lines, 0);
  const { state, reasons } = explainDifference({
    invoice,
    billed,
    tolerance,
    creditsOutsideBill: sum(invoices.map((one) => one.credits_outside_bill)),
    taxOutsideBill: sum(invoices.map((one) => one.tax_outside_bill)),
    billedTax: sum(charges.map((group) => group.tax)),
    billedCredits: sum(charges.map((group) => group.credits)),
    withoutInvoiceId,
    lines,
  });
  // Where the bill carries the number, the bill says of which period it is.
  const period = matchedBy === 'invoiceId' ? (charges[0] ?? first) : first;
  return {
    sourceId: first.source_id,
    billingPeriod: billingPeriodName(period.period_start, period.period_end),
    billingAccountId: first.billing_account_id ?? (accounts.size === 1 ? (onlyAccount ?? null) : null),
    currency: first.currency,
    invoiceIds: invoices.map((one) => one.invoice_id),
    matchedBy: lines === 0 ? null : matchedBy,
    lines,
    billed,
    invoice,
    difference: subtract(invoice, billed),
    tolerance,
    state,
    reasons,
  };
}

function toUncoveredRow(charges: readonly Group[]): InvoiceRow {
  const [first] = charges;
  if (first === undefined) throw new Error('a row of charges needs one');
  return {
    sourceId: first.source_id,
    billingPeriod: billingPeriodName(first.period_start, first.period_end),
    billingAccountId: first.billing_account_id,
    currency: first.currency,
    invoiceIds: first.invoice_id === null ? [] : [first.invoice_id],
    matchedBy: null,
    lines: charges.reduce((count, group) => count + group.lines, 0),
    billed: sum(charges.map((group) => group.billed)),
    invoice: null,
    difference: null,
    tolerance: null,
    state: first.invoice_id === null ? 'noInvoiceId' : 'notStated',
    reasons: [],
  };
}

function minorUnit(currency: string): Decimal {
  const places = minorUnitPlaces(currency);
  return decimal(places === 0 ? '1' : `0.${'0'.repeat(places - 1)}1`);
}

function totalOf(currency: string, all: readonly InvoiceRow[]): InvoiceReport['total'][number] {
  const rows = all.filter((row) => row.currency === currency);
  return {
    currency,
    billed: sum(rows.map((row) => row.billed)),
    invoiced: sum(rows.map((row) => row.invoice ?? ZERO)),
    difference: sum(rows.map((row) => row.difference ?? ZERO)),
    withoutInvoice: sum(rows.filter((row) => row.invoice === null).map((row) => row.billed)),
  };
}

/** By source, billing period, currency, account and number; nulls last. */
function byKeys(left: InvoiceRow, right: InvoiceRow): number {
  const keysOf = (row: InvoiceRow) => [
    row.sourceId,
    row.billingPeriod,
    row.currency,
    row.billingAccountId,
    row.invoiceIds[0],
  ];
  const rightKeys = keysOf(right);
  for (const [index, key] of keysOf(left).entries()) {
    const other = rightKeys[index];
    if (key === other) continue;
    if (key == null) return 1;
    return other == null || key < other ? -1 : 1;
  }
  return 0;
}

/**
 * Invoices against a real PostgreSQL: what a sheet stores and refuses, how totals stand against bills with and without invoice
 * numbers, the reconciliation's invoice columns, and the bridge from BilledCost to what the reports show.
 */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { importInvoices } from '../../services/invoices/import-invoices.ts';
import { listInvoices } from '../../services/invoices/list-invoices.ts';
import { decimal, sum } from '../../services/kernel/decimal.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { bridge } from '../../services/reports/bridge.ts';
import { costs } from '../../services/reports/costs.ts';
import { invoiceReport } from '../../services/reports/invoices.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { AT } from '../support/billed-charges.ts';
import { test as base } from '../support/database.ts';
import { publishInvoicedBills } from '../support/invoiced-bills.ts';
import { FINANCE } from '../support/outcome-sheets.ts';

const test = base.extend('bills', { scope: 'file' }, ({ database }) => publishInvoicedBills(database.db));

const SEPTEMBER = { period: '2026-09', at: AT };
const HEAD =
  'invoice_id,source,billing_account_id,billing_period,currency,total,credits_outside_bill,tax_outside_bill,tolerance,issued_on,state';

function importSheet(db: Kysely<DB>, rows: readonly string[], options: { dryRun?: boolean; head?: string } = {}) {
  return importInvoices(db, {
    sheet: `${[options.head ?? HEAD, ...rows].join('\n')}\n`,
    fileName: 'invoices.csv',
    principal: FINANCE,
    dryRun: options.dryRun ?? false,
    at: AT,
  });
}

async function rowsOf(db: Kysely<DB>) {
  const { rows } = await invoiceReport(db, SEPTEMBER);
  return rows.map((row) => [
    row.invoiceIds.join('+'),
    row.billingAccountId,
    row.billed,
    row.invoice,
    row.difference,
    row.state,
    row.reasons.map(({ reason, amount }) => `${reason} ${amount}`).join(', '),
  ]);
}

describe('a sheet of invoices', () => {
  test('is stored with its totals to the last decimal; a changed total is a new version beside the former', async ({
    bills,
    trx,
  }) => {
    expect(bills.aws).not.toBe('');
    const row = 'INV-1,aws,,2026-09,USD,12345678901234567890.123456789,,,,2026-10-02,';
    expect(await importSheet(trx, [row])).toMatchObject({ rows: 1, created: 1, invoices: [{ line: 2, version: 1 }] });
    expect(await importSheet(trx, [row])).toMatchObject({ created: 0, changed: 0, unchanged: 1 });
    expect(await importSheet(trx, ['INV-1,aws,,2026-09,USD,7,,,,2026-10-02,'])).toMatchObject({ changed: 1 });
    expect(await listInvoices(trx, { after: null, limit: 10 })).toMatchObject([
      { sourceId: 'aws', invoiceId: 'INV-1', version: 2, total: '7', billingPeriod: '2026-09', statedBy: FINANCE.id },
    ]);
    const { rows } =
      await sql`select version, content ->> 'total' as total from invoice_version order by version`.execute(trx);
    expect(rows).toEqual([
      { version: 1, total: '12345678901234567890.123456789' },
      { version: 2, total: '7' },
    ]);
    await expect(sql`delete from invoice_version`.execute(trx)).rejects.toThrow('append-only');
  });

  test('imported by two at once gives each invoice one history', async ({ bills, database }) => {
    expect(bills.aws).not.toBe('');
    const totals = ['1', '2', '3', '4'];
    await Promise.all(totals.map((total) => importSheet(database.db, [`RACE,aws,,2026-01,USD,${total},,,,,`])));
    const { rows } = await sql<{ version: number }>`
      select version from invoice_version where invoice_id = 'RACE' order by version
    `.execute(database.db);
    expect(rows.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    await sql`alter table invoice_version disable trigger user`.execute(database.db);
    await sql`delete from invoice_version where invoice_id = 'RACE'`.execute(database.db);
    await sql`delete from invoice where invoice_id = 'RACE'`.execute(database.db);
    await sql`alter table invoice_version enable trigger user`.execute(database.db);
  });

  test('as a dry run says what would happen and writes nothing', async ({ bills, trx }) => {
    expect(bills.aws).not.toBe('');
    const result = await importSheet(trx, ['INV-1,aws,,2026-09,USD,7,,,,,'], { dryRun: true });
    expect(result).toMatchObject({ dryRun: true, created: 1 });
    expect(await listInvoices(trx, { after: null, limit: 10 })).toEqual([]);
  });

  test('is refused whole, with every fault by line and column', async ({ bills, trx }) => {
    expect(bills.aws).not.toBe('');
    const refused = await importSheet(trx, [
      'INV-1,aws,,2026-09,USD,7,,,,,',
      ',awz,,2026-Q3,usd,"1,000",5,x,-1,2026-13-01,paid',
      'INV-1,aws,,2026-09,USD,8,,,,,',
    ]).catch((error: unknown) => error);
    if (!(refused instanceof AppError)) throw new Error('the sheet was not refused');
    expect(refused.code).toBe('invalid_invoices');
    expect(refused.faults.map((fault) => `${fault.line} ${fault.column}: ${fault.reason}. ${fault.fix}`)).toEqual([
      '3 invoice_id: the invoice has no id. Write the number that stands on it.',
      '3 source: there is no source "awz". Did you mean "aws"?',
      '3 billing_period: "2026-Q3" is not a billing period. Write the billing period as 2026-09, or 2026-09-15..2026-10-15 (end exclusive).',
      '3 currency: "usd" is not a known currency. Write USD.',
      '3 total: "1,000" is not a number. Write digits with a point, such as 1234.56, without thousands.',
      '3 credits_outside_bill: a credit lowers the total. Write it below zero: -5.',
      '3 tax_outside_bill: "x" is not a number. Write digits with a point, such as 1234.56, without thousands.',
      '3 tolerance: -1 is below zero. Write how far rounding may reach, such as 0.05.',
      '3 issued_on: "2026-13-01" is not a date. Write it as YYYY-MM-DD.',
      '3 state: "paid" is not a state of an invoice. Write issued (or nothing), or void.',
      '4 invoice_id: invoice "INV-1" of source "aws" stands in line 2 already. Keep one of the two rows.',
    ]);
    expect(await listInvoices(trx, { after: null, limit: 10 })).toEqual([]);
  });

  test('without a mandatory column names it', async ({ bills, trx }) => {
    expect(bills.aws).not.toBe('');
    await expect(importSheet(trx, ['1,USD,5'], { head: 'invoice_id,currency,totl' })).rejects.toThrow(
      'invoices.csv line 1, column totl: "totl" is not a column of this file. Did you mean "total"?',
    );
  });
});

describe('the invoice report', () => {
  test('without invoices shows every charge by its number or as not invoiced yet; the rows add up to the bills', async ({
    bills,
    trx,
  }) => {
    expect(bills.aws).not.toBe('');
    const report = await invoiceReport(trx, SEPTEMBER);
    expect(await rowsOf(trx)).toEqual([
      ['INV-1', '0011', '113.004', null, null, 'notStated', ''],
      ['INV-2', '0011', '1200', null, null, 'notStated', ''],
      ['', '0011', '5', null, null, 'noInvoiceId', ''],
      ['', '0022', '50', null, null, 'noInvoiceId', ''],
      ['', 'ea-7', '25', null, null, 'noInvoiceId', ''],
    ]);
    const files = (await reconciliation(trx, SEPTEMBER)).rows.filter((row) => row.metric === 'BilledCost');
    for (const { currency, billed, withoutInvoice } of report.total) {
      expect(sum(report.rows.filter((row) => row.currency === currency).map((row) => row.billed))).toBe(billed);
      expect(sum(files.filter((row) => row.billingCurrency === currency).map((row) => row.file))).toBe(billed);
      expect(withoutInvoice).toBe(billed);
    }
  });

  test('compares by number, else by account and period, and says why they differ', async ({ bills, trx }) => {
    expect(bills.aws).not.toBe('');
    await importSheet(trx, [
      'INV-1,aws,,2026-09,USD,118,,,,,',
      'INV-2,aws,0011,2026-09,USD,1200,,,,,',
      'B-1,aws,0022,2026-09,USD,30,,,,,',
      'B-2,aws,0022,2026-09,USD,20,,,,,',
      'R-9,azure,,2026-09-15..2026-10-15,EUR,29.75,,4.75,,,',
      'GONE,aws,0033,2026-09,USD,12,,,,,',
    ]);
    expect(await rowsOf(trx)).toEqual([
      ['INV-1', '0011', '113.004', '118', '4.996', 'explained', 'withoutInvoiceId 5, rounding -0.004'],
      ['INV-2', '0011', '1200', '1200', '0', 'equal', ''],
      ['', '0011', '5', null, null, 'noInvoiceId', ''],
      ['B-1+B-2', '0022', '50', '50', '0', 'equal', ''],
      ['GONE', '0033', '0', '12', '12', 'notInBill', 'notInBill 12'],
      ['R-9', 'ea-7', '25', '29.75', '4.75', 'explained', 'taxOutsideBill 4.75'],
    ]);
    expect((await invoiceReport(trx, SEPTEMBER)).total).toEqual([
      { currency: 'EUR', billed: '25', invoiced: '29.75', difference: '4.75', withoutInvoice: '0' },
      { currency: 'USD', billed: '1368.004', invoiced: '1380', difference: '16.996', withoutInvoice: '5' },
    ]);
  });

  test('rounds by the currency’s minor unit unless the row says how far', async ({ bills, trx }) => {
    expect(bills.aws).not.toBe('');
    await importSheet(trx, ['INV-1,aws,,2026-09,USD,113,,,,,']);
    expect((await rowsOf(trx))[0]).toContain('withinTolerance');
    await importSheet(trx, ['INV-1,aws,,2026-09,USD,113,,,0.003,,']);
    expect((await rowsOf(trx))[0]).toContain('differs');
    await importSheet(trx, ['INV-1,aws,,2026-09,USD,112.5,,,0.6,,']);
    expect((await rowsOf(trx))[0]).toContain('withinTolerance');
  });

  test('does not count a void invoice', async ({ bills, trx }) => {
    expect(bills.aws).not.toBe('');
    await importSheet(trx, ['INV-1,aws,,2026-09,USD,113,,,,,void']);
    expect((await rowsOf(trx))[0]).toContain('notStated');
  });
});

describe('the reconciliation', () => {
  test('carries the invoices’ total of a source, billing period and currency, for BilledCost only', async ({
    bills,
    trx,
  }) => {
    expect(bills.aws).not.toBe('');
    await importSheet(trx, [
      'INV-1,aws,,2026-09,USD,118,,,,,',
      'INV-2,aws,0011,2026-09,USD,1200,,,,,',
      'VOID,aws,,2026-09,USD,99,,,,,void',
      'OTHER,aws,,2026-08,USD,1,,,,,',
    ]);
    const { rows } = await reconciliation(trx, SEPTEMBER);
    const invoiced = rows.map((row) => [row.sourceId, row.metric, row.file, row.invoice, row.invoiceDifference]);
    expect(invoiced.filter(([, metric]) => metric === 'BilledCost')).toEqual([
      ['aws', 'BilledCost', '1368.004', '1318', '-50.004'],
      ['azure', 'BilledCost', '25', null, null],
    ]);
    expect(invoiced.filter(([, metric, , invoice]) => metric !== 'BilledCost' && invoice !== null)).toEqual([]);
  });
});

describe('the bridge', () => {
  test('walks from BilledCost through every kind of charge to EffectiveCost, and to the reports by charge date', async ({
    bills,
    trx,
  }) => {
    expect(bills.aws).not.toBe('');
    const { rows } = await bridge(trx, SEPTEMBER);
    expect(rows).toMatchObject([
      {
        provider: 'AWS',
        billingCurrency: 'USD',
        billedCost: '1368.004',
        steps: [
          { step: 'usage', billedCost: '158.004', effectiveCost: '158.004', difference: '0', lines: 4 },
          { step: 'coveredUsage', billedCost: '0', effectiveCost: '900.25', difference: '900.25' },
          { step: 'unusedCommitments', billedCost: '0', effectiveCost: '299.75', difference: '299.75' },
          { step: 'commitmentPurchases', billedCost: '1200', effectiveCost: '0', difference: '-1200' },
          { step: 'credits', billedCost: '-10', effectiveCost: '-10', difference: '0' },
          { step: 'tax', billedCost: '20', effectiveCost: '20', difference: '0' },
        ],
        effectiveCost: '1368.004',
        chargedElsewhere: '3',
        billedElsewhere: '0',
        reportedCost: '1365.004',
      },
      { provider: 'Microsoft', billingCurrency: 'EUR', billedCost: '25', chargedElsewhere: '5', reportedCost: '20' },
    ]);
    for (const row of rows) {
      expect(sum([row.billedCost, ...row.steps.map((step) => step.difference)])).toBe(row.effectiveCost);
      expect(sum(row.steps.map((step) => step.billedCost))).toBe(row.billedCost);
      expect(sum(row.steps.map((step) => step.effectiveCost))).toBe(row.effectiveCost);
    }
  });

  test('ends at what the cost explorer shows, for every provider and currency of any period', async ({
    bills,
    trx,
  }) => {
    expect(bills.aws).not.toBe('');
    for (const period of ['2026-08', '2026-09', '2026-10', '2026-Q3', '2026']) {
      const { rows } = await bridge(trx, { period, at: AT });
      const explorer = await costs(trx, { period, at: AT, by: ['provider'], where: [], currency: 'billing' });
      const shown = new Map(
        explorer.rows.map((row) => [`${row['provider']} ${row['billingCurrency']}`, row.effectiveCost]),
      );
      const reported = rows.filter((row) => row.reportedCost !== decimal('0'));
      expect(
        new Map(reported.map((row) => [`${row.provider} ${row.billingCurrency}`, row.reportedCost])),
        period,
      ).toEqual(shown);
    }
  });
});

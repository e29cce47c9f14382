/** Invoices in the terminal: what an import did, how invoices stand against the bills, and the bridge from there to the reports. */
import type { InvoiceImport } from '../../services/invoices/import-invoices.ts';
import type { ListedInvoice } from '../../services/invoices/list-invoices.ts';
import { roundParts } from '../../services/kernel/round-parts.ts';
import type { Bridge, BridgeRow, BridgeStep } from '../../services/reports/bridge.ts';
import type { InvoiceReport, InvoiceRow } from '../../services/reports/invoices.ts';
import { closedLines, withNow } from './closed.ts';
import { asMoney, cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const ID_WIDTH_MAX = 28;
const STATE_WORDS: Readonly<Record<InvoiceRow['state'], string>> = {
  equal: 'equal',
  withinTolerance: 'within tolerance',
  explained: 'explained',
  differs: 'DIFFERS',
  notInBill: 'NOT IN THE BILL',
  notStated: 'no total stated',
  noInvoiceId: 'no invoice yet',
};
const STEP_WORDS: Readonly<Record<BridgeStep, string>> = {
  usage: 'usage without a commitment',
  coveredUsage: 'usage covered by a commitment',
  unusedCommitments: 'unused commitments',
  commitmentPurchases: 'purchases of commitments',
  otherPurchases: 'other purchases',
  credits: 'credits',
  tax: 'tax',
  adjustments: 'adjustments',
  other: 'other',
};

export function renderInvoiceImport(result: InvoiceImport): string {
  const would = result.dryRun ? 'Dry run, nothing was written. It would be: ' : '';
  return `${would}${result.created} created, ${result.changed} changed, ${result.unchanged} unchanged.`;
}

export function renderInvoiceList(invoices: readonly ListedInvoice[]): string {
  if (invoices.length === 0) return 'No invoice was stated yet. Import some with "outturn invoices import FILE.csv".';
  const rows = invoices.map((one) => [
    one.sourceId,
    cutTo(one.invoiceId, ID_WIDTH_MAX),
    one.billingPeriod,
    cutTo(one.billingAccountId ?? 'all others', ID_WIDTH_MAX),
    asMoney(one.total),
    one.currency,
    one.state,
  ]);
  return textTable(['source', 'invoice', 'billing period', 'account', 'total', 'cur', 'state'], rows, [4]);
}

/** Every row, then for each that is not equal why, as far as the data tells. */
export function renderInvoiceReport(report: InvoiceReport): string {
  if (report.rows.length === 0) return `No published bill and no invoice touches ${report.period.id}.`;
  const rows = report.rows.map((row) => [
    row.sourceId,
    row.billingPeriod,
    row.billingAccountId === null ? null : cutTo(row.billingAccountId, ID_WIDTH_MAX),
    row.invoiceIds.length === 0 ? '' : cutTo(row.invoiceIds.join(' '), ID_WIDTH_MAX),
    row.currency,
    asMoney(row.billed),
    row.invoice === null ? '' : asMoney(row.invoice),
    row.difference ?? '',
    STATE_WORDS[row.state],
  ]);
  const totals = report.total.map(({ currency, billed, invoiced, difference, withoutInvoice }) => [
    'total',
    '',
    '',
    withoutInvoice === '0' ? '' : `${asMoney(withoutInvoice)} without one`,
    currency,
    asMoney(billed),
    asMoney(invoiced),
    difference,
    '',
  ]);
  const heads = ['source', 'billing period', 'account', 'invoice', 'cur', 'BilledCost', 'invoiced', 'difference', ''];
  const reasons = report.rows.flatMap((row) =>
    row.reasons.map(({ amount, text }) => `  ${row.invoiceIds.join(' ')}: ${amount} ${row.currency}. ${text}`),
  );
  return [
    textTable(heads, [...rows, ...totals], [5, 6, 7]),
    ...(reasons.length === 0 ? [] : ['', 'Why they differ (invoice less BilledCost):', ...reasons]),
  ].join('\n');
}

/** One table per provider and currency; the printed steps add up to the printed ends. */
export function renderBridge(report: Bridge): string {
  return withNow(report, renderOneBridge);
}

function renderOneBridge(report: Bridge): string {
  if (report.rows.length === 0) return `No published bill touches ${report.period.id}.`;
  return [
    `From the invoice to the reports of ${report.period.id}, by billing period, in billing currency`,
    ...report.rows.flatMap((row) => [
      '',
      `${row.provider ?? 'no provider'}, ${row.billingCurrency}`,
      bridgeTable(row, report.period.id),
    ]),
    ...closedLines(report).flatMap((line) => ['', line]),
  ].join('\n');
}

function bridgeTable(row: BridgeRow, period: string): string {
  const moved: [string, string][] = [
    ['BilledCost of the bills', row.billedCost],
    ...row.steps.map((one): [string, string] => [STEP_WORDS[one.step], one.difference]),
    [`charged on dates outside of ${period}`, negated(row.chargedElsewhere)],
    [`charged in ${period}, billed elsewhere`, row.billedElsewhere],
  ];
  const printed = roundParts(moved.map(([, amount]) => amount as BridgeRow['billedCost']));
  const rows = moved.map(([word], index) => [word, withThousands(printed.parts[index] ?? '')]);
  return textTable(
    ['step', 'amount'],
    [...rows, [`EffectiveCost in the reports of ${period}`, withThousands(printed.total)]],
    [1],
  );
}

function negated(amount: string): string {
  if (amount === '0') return amount;
  return amount.startsWith('-') ? amount.slice(1) : `-${amount}`;
}

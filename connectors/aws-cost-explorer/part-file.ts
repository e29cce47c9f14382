/**
 * Days as a file: one record per group, cells as Cost Explorer wrote them, in an order that does not depend on the answer's. The same
 * costs are then the same bytes, and days that did not change change nothing. Billing reads it as one of its dialects.
 */
import { appendFile, writeFile } from 'node:fs/promises';
import { addDays } from '../../services/kernel/period.ts';
import type { CostQuery } from './cost-queries.ts';
import type { CostDay } from './walk-days.ts';

const COLUMNS = [
  'TimePeriodStart',
  'TimePeriodEnd',
  'Estimated',
  'PayerAccountId',
  'LinkedAccountId',
  'LinkedAccountName',
  'Service',
  'RecordType',
  'TagKey',
  'TagValue',
  'UnblendedCost',
  'NetAmortizedCost',
  'CurrencyCode',
];

export interface PartFileOptions {
  readonly billingAccountId: string;
  readonly accountNames: ReadonlyMap<string, string>;
  readonly groupByTag: string | undefined;
}

/** Begins the file with its header; what was at the path before is gone. */
export async function beginPartFile(path: string): Promise<void> {
  await writeFile(path, `${COLUMNS.join(',')}\n`);
}

/** Appends a day; gives its bytes. */
export async function appendDay(path: string, costs: CostDay, options: PartFileOptions): Promise<number> {
  const records = costs.rows.map((row) => {
    const [account = '', key = ''] = row.keys;
    const cells = [
      costs.day,
      addDays(costs.day, 1),
      String(costs.isEstimated),
      options.billingAccountId,
      account,
      options.accountNames.get(account) ?? '',
      ...groupCells(row.query, key, options.groupByTag),
      row.unblendedCost,
      row.netAmortizedCost,
      row.currency,
    ];
    return `${cells.map(quoted).join(',')}\n`;
  });
  const text = records.sort().join('');
  await appendFile(path, text);
  return Buffer.byteLength(text);
}

/** Service, record type, tag key, tag value. A group by tag is written `key$value`, without a value where it is empty. */
function groupCells(query: CostQuery['name'], key: string, tag = ''): string[] {
  if (query === 'kinds') return ['', key, '', ''];
  if (query === 'services') return [key, '', '', ''];
  return ['', '', tag, key.startsWith(`${tag}$`) ? key.slice(tag.length + 1) : key];
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

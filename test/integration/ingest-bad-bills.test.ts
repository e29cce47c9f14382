/** What is no bill, or no right one, is refused with a sentence that names the place and the fix; nothing else is left behind. */
import { createWriteStream } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { discoverBillFiles } from '../../services/billing/discover-files.ts';
import { inspectBill } from '../../services/billing/inspect-bill.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { silentLogger, silentProgress } from '../../services/kernel/ports.ts';
import { type BillLine, billLine, csvOf, inspect, makeBillFolder, writeBill } from '../support/billing.ts';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeEach(async () => {
  folder = await makeBillFolder();
});
afterEach(() => folder.remove());

async function refusalOf(name: string, content: string | Buffer): Promise<AppError> {
  const path = await writeBill(folder.path, name, content);
  const error: unknown = await inspect(folder.path, path).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect(await readdir(join(folder.path, 'work')).catch(() => [])).toEqual([]);
  return error as AppError;
}

function without(line: BillLine, ...columns: string[]): BillLine {
  return Object.fromEntries(Object.entries(line).filter(([name]) => !columns.includes(name)));
}

describe('what is no CSV', () => {
  test('a picture named .csv', async () => {
    const error = await refusalOf('bill.csv', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 1, 2]));
    expect(error).toMatchObject({
      code: 'bill_unreadable',
      message: 'bill.csv is not text: it has NUL bytes. Save it as CSV in UTF-8.',
    });
  });

  test('a web page', async () => {
    const error = await refusalOf('bill.csv', '<!doctype html>\n<p>Sign in</p>\n');
    expect(error.message).toBe(
      'bill.csv is not a CSV file with a header: it begins with "<!doctype html>". Export the bill as FOCUS CSV or Parquet.',
    );
  });

  test('gzip, Parquet, a workbook or UTF-16 under the name of a CSV', async () => {
    expect((await refusalOf('a.csv', gzipSync('a,b\n'))).message).toBe(
      'a.csv is not a CSV file: it is gzip. Name it .csv.gz.',
    );
    expect((await refusalOf('b.csv', 'PAR1....')).message).toContain('it is Parquet. Name it .parquet.');
    expect((await refusalOf('c.csv', 'PK\u0003\u0004')).message).toContain('a ZIP archive or an Excel workbook');
    expect((await refusalOf('d.csv', Buffer.from('\ufeffa,b', 'utf16le'))).message).toContain('text in UTF-16');
  });

  test('an empty file', async () => {
    expect((await refusalOf('bill.csv', '')).message).toBe(
      'bill.csv is empty: it has not even a header. Deliver it again.',
    );
  });

  test('text that is not UTF-8', async () => {
    const content = Buffer.from(csvOf([billLine(), billLine({ ServiceName: 'M\u00fcnchen' })]), 'latin1');
    expect((await refusalOf('bill.csv', content)).message).toBe(
      'bill.csv line 3 is not UTF-8. Save the file as CSV in UTF-8.',
    );
  });

  test('a Parquet file that was cut off', async () => {
    const error = await refusalOf('bill.parquet', 'PAR1 and then nothing that ends like Parquet');
    expect(error.code).toBe('bill_unreadable');
    expect(error.message).toMatch(/^bill\.parquet cannot be read as Parquet, it may be cut off or damaged: /);
  });
});

describe('gzip', () => {
  test('cut off in the middle, or only in its last bytes', async () => {
    const whole = gzipSync(
      csvOf(Array.from({ length: 500 }, (_, index) => billLine({ ResourceId: `vm-${index * 7919}` }))),
    );
    for (const length of [Math.floor(whole.length / 2), whole.length - 4]) {
      const error = await refusalOf('bill.csv.gz', whole.subarray(0, length));
      expect(error).toMatchObject({
        code: 'bill_unreadable',
        message: 'bill.csv.gz is cut off: its gzip data ends in the middle. Download it again.',
      });
    }
  });

  test('whose second member is damaged', async () => {
    const second = gzipSync(csvOf([billLine()]).split('\n')[1] ?? '');
    second[0] = 0x20;
    const error = await refusalOf('bill.csv.gz', Buffer.concat([gzipSync(csvOf([billLine()])), second]));
    expect(error.message).toMatch(/^bill\.csv\.gz is damaged gzip, or none at all/);
  });
});

describe('columns', () => {
  test('all missing mandatory ones are named at once, with what is close', async () => {
    const { BilledCost, ...line } = without(billLine(), 'ChargeCategory', 'BillingCurrency');
    const error = await refusalOf('bill.csv', csvOf([{ ...line, BiledCost: BilledCost ?? '' }]));
    expect(error.code).toBe('invalid_bill');
    expect(error.message).toBe(
      'bill.csv lacks the mandatory columns ChargeCategory, BillingCurrency, BilledCost. Outturn reads FOCUS 1.0 to 1.4 and ' +
        'the own formats of AWS, Azure, Google Cloud and Oracle; export the bill with these columns. BilledCost: The header has "BiledCost": rename it if that is the one.',
    );
    expect(error.faults.map((fault) => fault.column)).toEqual(['ChargeCategory', 'BillingCurrency', 'BilledCost']);
  });

  test('neither ProviderName nor ServiceProviderName', async () => {
    const error = await refusalOf('bill.csv', csvOf([without(billLine(), 'ProviderName')]));
    expect(error.message).toContain('lacks the mandatory column ProviderName or ServiceProviderName.');
  });

  test("a provider's own format is recognised, and what it lacks is named in its own words", async () => {
    const error = await refusalOf('cur.csv', 'lineItem/UnblendedCost,lineItem/LineItemType\n1,Usage\n');
    expect(error.message).toContain(
      'cur.csv looks like an AWS Cost and Usage Report, but lacks the columns line_item_usage_start_date, line_item_usage_end_date,',
    );
  });

  test('a mandatory column that stands there twice', async () => {
    const error = await refusalOf('bill.csv', csvOf([billLine()]).replace('ListCost', 'BilledCost'));
    expect(error.message).toBe(
      'bill.csv has the column BilledCost 2 times (BilledCost, BilledCost), so it is unclear which one counts. Keep one of them.',
    );
  });
});

describe('records', () => {
  test('with too few or too many cells are named by line, and counted', async () => {
    const [header, record] = csvOf([billLine()]).trimEnd().split('\n');
    const error = await refusalOf('bill.csv', [header, record, 'a,b', record, `${record},more`, ''].join('\n'));
    expect(error.code).toBe('invalid_bill');
    expect(error.message).toBe(
      'bill.csv has 2 broken records; the first is on line 3: the record has 2 cells, the header has 15. Nothing was loaded.',
    );
    expect(error.faults).toMatchObject([
      { line: 3, record: 2, reason: 'the record has 2 cells, the header has 15' },
      { line: 5, record: 4, reason: 'the record has 16 cells, the header has 15' },
    ]);
  });

  test('a single one that is too short, as a file cut off in it has', async () => {
    const [header] = csvOf([billLine()]).split('\n');
    const error = await refusalOf('bill.csv', `${header}\na,b\n`);
    expect(error.message).toContain('line 2: the record has 2 cells, the header has 15');
  });

  test('with a quote that is never closed', async () => {
    const error = await refusalOf('bill.csv', `${csvOf([billLine()])}"never,closed\n`);
    expect(error.message).toMatch(
      /^bill\.csv has a broken record; the first is on line \d+: no CSV from here on: Quote Not Closed/,
    );
  });
});

describe('cells', () => {
  const lines = (at: number, cells: BillLine) =>
    Array.from({ length: 20 }, (_, index) => billLine(index + 2 === at ? cells : {}));

  test('BilledCost = abc at line 17', async () => {
    const error = await refusalOf('bill.csv', csvOf(lines(17, { BilledCost: 'abc' })));
    expect(error.message).toBe(
      'bill.csv line 17 (record 16), column BilledCost: "abc" is not a number. Write a plain decimal such as 12.34 or 2.32E-9. Nothing was loaded.',
    );
    expect(error.faults).toEqual([
      {
        file: 'bill.csv',
        line: 17,
        record: 16,
        column: 'BilledCost',
        reason: '"abc" is not a number',
        fix: 'Write a plain decimal such as 12.34 or 2.32E-9.',
      },
    ]);
  });

  test('numbers that only look like some', async () => {
    const cells = ['NaN', 'Infinity', '1_000', '0x1F', '1,5', '$5', '+', '+ 5', '1e9999'];
    const error = await refusalOf('bill.csv', csvOf(cells.map((cell) => billLine({ EffectiveCost: cell }))));
    expect(error.faults.map(({ line, column, reason }) => ({ line, column, reason }))).toEqual(
      cells.map((cell, index) => ({
        line: index + 2,
        column: 'EffectiveCost',
        reason: `${JSON.stringify(cell)} is not a number`,
      })),
    );
  });

  test('an empty BilledCost, account, provider, category or currency', async () => {
    const columns = [
      'BilledCost',
      'EffectiveCost',
      'BillingAccountId',
      'ProviderName',
      'ChargeCategory',
      'BillingCurrency',
    ];
    const empties = columns.flatMap((column) => ['', 'NULL', '(null)'].map((nothing) => ({ column, nothing })));
    const error = await refusalOf(
      'bill.csv',
      csvOf(empties.map(({ column, nothing }) => billLine({ [column]: nothing }))),
    );
    expect(error.faults.map(({ line, column, reason }) => ({ line, column, reason }))).toEqual(
      empties.map(({ column }, index) => ({ line: index + 2, column, reason: 'the cell is empty' })),
    );
  });

  test('an unknown currency', async () => {
    const error = await refusalOf('bill.csv', csvOf(lines(9, { BillingCurrency: 'ZZZ' })));
    expect(error.message).toBe(
      'bill.csv line 9 (record 8), column BillingCurrency: "ZZZ" is not a currency of ISO 4217. Write its code in capital letters, such as USD. Nothing was loaded.',
    );
    const others = await refusalOf(
      'bill.csv',
      csvOf(['usd', 'Credits'].map((BillingCurrency) => billLine({ BillingCurrency }))),
    );
    expect(others.faults).toHaveLength(2);
  });

  test('a charge period that ends before it starts, or where it starts', async () => {
    const ends = ['2026-09-13T00:00:00Z', '2026-09-14T00:00:00Z'];
    const error = await refusalOf('bill.csv', csvOf(ends.map((ChargePeriodEnd) => billLine({ ChargePeriodEnd }))));
    expect(error.faults.map(({ line, column, reason }) => ({ line, column, reason }))).toEqual(
      ends.map((end, index) => ({
        line: index + 2,
        column: 'ChargePeriodEnd',
        reason: `${end.slice(0, 10)} 00:00:00 is not after ChargePeriodStart 2026-09-14 00:00:00`,
      })),
    );
  });

  test('a billing period that ends before it starts', async () => {
    const error = await refusalOf('bill.csv', csvOf(lines(5, { BillingPeriodEnd: '2026-08-01T00:00:00Z' })));
    expect(error.faults[0]).toMatchObject({ line: 5, reason: '2026-08-01 is not after BillingPeriodStart 2026-09-01' });
    expect(error.message).toBe(
      'bill.csv line 5 (record 4), column BillingPeriodEnd: 2026-08-01 is not after BillingPeriodStart 2026-09-01. A period is half-open: its end is the first day after it. Nothing was loaded.',
    );
  });

  test('what is no instant', async () => {
    const cells = ['yesterday', '2026-02-30T00:00:00Z', '2026-09-14T00:61:00Z', '2026-09-14T48:00:00Z', ''];
    const error = await refusalOf('bill.csv', csvOf(cells.map((cell) => billLine({ ChargePeriodStart: cell }))));
    expect(error.faults.map(({ line, reason }) => ({ line, reason }))).toEqual(
      cells.map((cell, index) => ({
        line: index + 2,
        reason: cell === '' ? 'the cell is empty' : `${JSON.stringify(cell)} is not an instant`,
      })),
    );
  });

  test('slashed dates whose order nothing proves, or that have the day first', async () => {
    const unclear = billLine({ ChargePeriodStart: '4/1/25', ChargePeriodEnd: '4/2/25' });
    expect((await refusalOf('a.csv', csvOf([unclear]))).faults[0]?.reason).toBe(
      '"4/1/25" could have the month or the day first, and nothing in the file tells which',
    );
    const dayFirst = billLine({ ChargePeriodStart: '21/09/2023', ChargePeriodEnd: '22/09/2023' });
    expect((await refusalOf('b.csv', csvOf([dayFirst]))).faults[0]?.reason).toBe(
      '"21/09/2023" is a date with the day first',
    );
  });

  test('tags that are no JSON', async () => {
    const error = await refusalOf('bill.csv', csvOf(lines(7, { Tags: 'pod=checkout' })));
    expect(error.faults[0]).toMatchObject({ line: 7, column: 'Tags', reason: '"pod=checkout" is not a JSON object' });
  });

  test('more than twenty faults are counted, the first twenty located', async () => {
    const error = await refusalOf('bill.csv', csvOf(Array.from({ length: 30 }, () => billLine({ ListCost: 'x' }))));
    expect(error.faults).toHaveLength(20);
    expect(error.faults.at(-1)).toMatchObject({ line: 21, record: 20 });
    expect(error.details).toEqual({ faultCount: 30 });
    expect(error.message).toContain('29 more cells are wrong.');
  });

  test('the line is the physical one where cells above span several', async () => {
    const error = await refusalOf(
      'bill.csv',
      csvOf([billLine({ ServiceName: 'two\nlines' }), billLine(), billLine({ BilledCost: 'x' })]),
    );
    expect(error.faults[0]).toMatchObject({ record: 3, line: 5 });
  });
});

describe('while it is read', () => {
  test('a file that changes is refused', async () => {
    const path = await writeBill(folder.path, 'bill.csv', csvOf(Array.from({ length: 20_000 }, () => billLine())));
    // Its writer goes on adding lines for as long as it is read.
    const ended = new AbortController();
    const writer = (async () => {
      while (!ended.signal.aborted) await writeFile(path, csvOf([billLine()]), { flag: 'a' });
    })();
    const inspected = inspect(folder.path, path).finally(() => ended.abort());
    await expect(inspected).rejects.toMatchObject({ code: 'bill_changed_while_read' });
    await writer;
    await rm(join(folder.path, 'work'), { recursive: true });
  });

  test('a line of 1 GB is refused before it is read whole', async () => {
    const path = join(folder.path, 'bill.csv');
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    await pipeline(async function* () {
      yield csvOf([billLine()]);
      for (let count = 0; count < 1024; count += 1) yield megabyte;
    }, createWriteStream(path));
    let bytesRead = 0;
    const inspected = inspectBill({
      path,
      name: 'bill.csv',
      archiveDir: join(folder.path, 'archive'),
      workDir: join(folder.path, 'work'),
      logger: silentLogger,
      progress: { report: ({ done }) => (bytesRead = done) },
    });
    await expect(inspected).rejects.toMatchObject({
      code: 'bill_unreadable',
      message:
        'bill.csv line 3: the line is longer than 2 MiB. No bill has such lines; the file is damaged, or it is no CSV.',
    });
    expect(bytesRead).toBeLessThan(64 * megabyte.length);
  });

  test('an aborted inspection ends with its reason', async () => {
    const path = await writeBill(folder.path, 'bill.csv', csvOf([billLine()]));
    const reason = new Error('stopped');
    const inspected = inspectBill({
      path,
      name: 'bill.csv',
      archiveDir: join(folder.path, 'archive'),
      workDir: join(folder.path, 'work'),
      logger: silentLogger,
      progress: silentProgress,
      signal: AbortSignal.abort(reason),
    });
    await expect(inspected).rejects.toBe(reason);
  });
});

describe('what was named', () => {
  test('a path that is not there, a file of another kind, a folder without bills', async () => {
    await expect(discoverBillFiles([join(folder.path, 'none.csv')])).rejects.toThrow(
      /There is no file or folder .*none\.csv\. Check the path\./,
    );
    const text = await writeBill(folder.path, 'notes.txt', 'x');
    await expect(discoverBillFiles([text])).rejects.toThrow(
      /is not a bill: a bill ends in \.csv, \.csv\.gz or \.parquet\./,
    );
    await expect(discoverBillFiles([folder.path])).rejects.toThrow(/holds no bill/);
  });
});

/** Sheets as requests send them, read beside the thread that answers: the same as read at once, one after the other, and never without end. */
import { expect, test } from 'vitest';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { readSheet } from '../../services/sheets/read-sheet.ts';
import { readStrictSheet } from '../../services/sheets/strict-sheet.ts';
import { readXlsx } from '../../services/sheets/read-xlsx.ts';
import { workbookOf } from '../support/workbooks.ts';

test('come over in pieces, whole and in their order, with their faults; what is no workbook is refused as such', async () => {
  const one = Array.from({ length: 6_000 }, (_, index) => `<row><c><v>${index}</v></c><c/><c/><c><v>1</v></c></row>`);
  const bytes = workbookOf({ sheets: { One: `${one.join('')}<row><c t="e"><v>#REF!</v></c></row>` } });
  const [sheet, csv, none] = await Promise.allSettled([
    readSheet({ fileName: 'a.xlsx', content: bytes, sheetName: 'one' }),
    readSheet({ fileName: 'a.csv', content: 'a,b\n1,2\n' }),
    readSheet({ fileName: 'a.xlsx', content: Buffer.from('a,b\n') }),
  ]);
  expect(sheet).toEqual({ status: 'fulfilled', value: readXlsx('a.xlsx', bytes) });
  const cells = ['a,b', '1,2'].map((row, index) => ({ line: index + 1, cells: row.split(',') }));
  expect(csv).toEqual({ status: 'fulfilled', value: { form: 'csv', rows: cells, faults: [] } });
  expect(none).toMatchObject({ reason: { code: 'invalid_input', message: /not a whole archive/ } });
});

test('end with a sentence where they would take more memory than one may have', async () => {
  const bytes = workbookOf({ sheets: { One: '' }, sharedStrings: '<si/>'.repeat(1_000_000) });
  const reading = readSheet({ fileName: 'a.xlsx', content: bytes }, { heapMb: 16, timeMs: 60_000 });
  await expect(reading).rejects.toThrow('it takes more than 16 MB of memory to read. Import it in parts.');
});

test('end where they would take longer than one may; who comes while many wait is asked to come again', async () => {
  const limits = { heapMb: 64, timeMs: 0 };
  const readings = Array.from({ length: 9 }, () => readSheet({ fileName: 'a.csv', content: 'a\n' }, limits));
  const ended = await Promise.allSettled(readings);
  const reasons = ended.map((one) => (one.status === 'rejected' ? (one.reason as unknown) : null));
  expect(
    reasons.filter((reason) => reason instanceof AppError && /takes more than 0 seconds/.test(reason.message)),
  ).toHaveLength(8);
  expect(reasons.filter((reason) => reason instanceof TransientError)).toHaveLength(1);
});

test('in another encoding than UTF-8 are refused: a letter that is lost is not a letter of the sheet', () => {
  const text = Buffer.from('id,title\n1,Z\xfcrich\n', 'latin1').toString('utf8');
  const { rows, faults } = readStrictSheet('a.csv', text, { required: ['id', 'title'], optional: [], rowsMax: 10 });
  expect(rows).toEqual([]);
  expect(faults).toMatchObject([{ file: 'a.csv', line: 2, reason: /not in UTF-8/, fix: /CSV UTF-8/ }]);
});

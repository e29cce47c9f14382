/** Workbooks that are written: exact figures, dates, texts that nobody runs, a head that stays, and the same bytes for the same table. */
import { strFromU8, unzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { readXlsx } from '../../services/sheets/read-xlsx.ts';
import { readXml } from '../../services/sheets/read-xml.ts';
import { csvOf, figures, type ReportTable } from '../../services/sheets/report-table.ts';
import { xlsxOf } from '../../services/sheets/xlsx-workbook.ts';

const EXACT = '-12345678901234567890.000000000123';
const TABLE: ReportTable = {
  name: 'value per pod',
  head: ['pod', 'through', 'cost', 'outcomes', 'note'],
  rows: [
    ['checkout', ...figures('2026-09-30', EXACT, 3), '=HYPERLINK("http://x","y")'],
    ['@cmd|/c calc', ...figures(null, '0.25', 12), ' +1'],
    ['a "b" <c> & \ud800 _x0041_ \r\n\u0001', ...figures('2026-09-30', '100', null), null],
  ],
};

async function sheetXml(table: ReportTable): Promise<string> {
  return strFromU8(unzipSync(await xlsxOf(table))['xl/worksheets/sheet1.xml'] ?? new Uint8Array());
}

describe('a workbook', () => {
  test('has every figure as the decimal text it is, dates as dates, and no formula', async () => {
    const xml = await sheetXml(TABLE);
    expect(xml).toContain(`<c r="C2" s="3"><v>${EXACT}</v></c>`);
    expect(xml).toContain('<c r="B2" s="2"><v>46295</v></c>');
    expect(xml).toContain('<c r="D2" s="4"><v>3</v></c>');
    expect(xml).not.toMatch(/<f[ >]/);
    expect(xml).toMatch(/<c r="E2" s="5" t="inlineStr">/);
    expect(xml).toContain('state="frozen"');
    expect(xml).toContain('<autoFilter ref="A1:E4"/>');
  });

  test('reads back as the texts that went in', async () => {
    const { rows, sheetName, faults } = readXlsx('a.xlsx', await xlsxOf(TABLE));
    expect(sheetName).toBe('value per pod');
    expect(faults).toEqual([]);
    expect(rows[0]?.cells).toEqual(TABLE.head);
    expect(rows[1]?.cells).toEqual([
      'checkout',
      '2026-09-30',
      '-12345678901234600000',
      '3',
      '=HYPERLINK("http://x","y")',
    ]);
    expect(rows[2]?.cells).toEqual(['@cmd|/c calc', '', '0.25', '12', ' +1']);
    expect(rows[3]?.cells).toEqual(['a "b" <c> & \ufffd _x0041_ \r\n\u0001', '2026-09-30', '100']);
  });

  test('is well-formed in every part, and the same table gives the same bytes', async () => {
    const bytes = await xlsxOf(TABLE, { ...TABLE, name: 'again', isHidden: true });
    for (const [name, part] of Object.entries(unzipSync(bytes))) {
      const open: string[] = [];
      readXml(strFromU8(part), {
        open: (element) => open.push(element),
        close: (element) => expect(open.pop(), name).toBe(element),
      });
      expect(open, name).toEqual([]);
    }
    expect((await xlsxOf(TABLE, { ...TABLE, name: 'again', isHidden: true })).equals(bytes)).toBe(true);
  });

  test('that would be too large is refused with what to do instead', async () => {
    const rows = Array.from({ length: 200_001 }, () => TABLE.rows[0] ?? []);
    await expect(xlsxOf({ ...TABLE, rows })).rejects.toThrow('Take it as CSV');
  });

  test('says what the CSV says', () => {
    expect(csvOf(TABLE).split('\r\n').slice(0, 3)).toEqual([
      'pod,through,cost,outcomes,note',
      `checkout,2026-09-30,${EXACT},3,"'=HYPERLINK(""http://x"",""y"")"`,
      "'@cmd|/c calc,,0.25,12,' +1",
    ]);
    // Read with semicolons between cells, what follows one would begin a cell.
    expect(csvOf({ name: 'a', head: ['a'], rows: [['b;=1+1'], ['＝1+1']] })).toBe(`a\r\n"b;=1+1"\r\n'＝1+1\r\n`);
  });
});

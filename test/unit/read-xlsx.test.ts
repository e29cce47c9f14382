/**
 * Workbooks as Excel, LibreOffice and others store them, read as what their cells show: no float is made of money, a date is a date, a
 * formula counts by its stored result, what failed has its place, and what is hostile is refused.
 */
import { zipSync, strToU8 } from 'fflate';
import { describe, expect, test } from 'vitest';
import { readXlsx } from '../../services/sheets/read-xlsx.ts';
import { readStrictSheet, withLetters } from '../../services/sheets/strict-sheet.ts';
import { workbookOf } from '../support/workbooks.ts';

const row = (number: number, cells: string) => `<row r="${number}">${cells}</row>`;
const cellsOf = (cells: string, more: Omit<Parameters<typeof workbookOf>[0], 'sheets'> = {}) =>
  readXlsx('a.xlsx', workbookOf({ sheets: { One: row(1, cells) }, ...more })).rows[0]?.cells;

describe('a number', () => {
  test('comes in as the sheet shows it, with at most 15 digits, and never as a float', () => {
    const shown: readonly (readonly [stored: string, shown: string])[] = [
      ['0.30000000000000004', '0.3'],
      ['41250.099999999999', '41250.1'],
      ['1234567.8899999999', '1234567.89'],
      ['1E-3', '0.001'],
      ['1.2E+20', '120000000000000000000'],
      ['-0.1', '-0.1'],
      ['100', '100'],
      ['123456789012345', '123456789012345'],
    ];
    for (const [stored, text] of shown) expect(cellsOf(`<c r="A1"><v>${stored}</v></c>`), stored).toEqual([text]);
  });

  test('written as text keeps every digit', () => {
    const text = '12345678901234567890.123456789';
    expect(cellsOf(`<c r="A1" t="inlineStr"><is><t>${text}</t></is></c>`)).toEqual([text]);
  });
});

describe('a date', () => {
  const styles =
    '<numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy;@"/><numFmt numFmtId="165" formatCode="#,##0.00\\ &quot;days&quot;"/><numFmt numFmtId="166" formatCode="[$-409]mmm\\-yy"/><numFmt numFmtId="167" formatCode="[Red]0.0"/></numFmts>' +
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>' +
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/><xf numFmtId="167"/><xf numFmtId="22"/></cellXfs>';
  const styled = (style: number, stored: string, workbookProperties = '') =>
    cellsOf(`<c r="A1" s="${style}"><v>${stored}</v></c>`, { styles, workbookProperties })?.[0];

  test('is one by its format, built in or its own; a number in another format is none', () => {
    for (const style of [1, 2, 4]) expect(styled(style, '46270'), String(style)).toBe('2026-09-05');
    for (const style of [0, 3, 5]) expect(styled(style, '46270'), String(style)).toBe('46270');
  });

  test('has its time where there is one, counts from 1904 where the workbook does, and knows 1900 had no 29 February', () => {
    expect(styled(6, '46270.604166666664')).toBe('2026-09-05 14:30:00');
    expect(styled(1, '44808', 'date1904="1"')).toBe('2026-09-05');
    expect(styled(1, '1')).toBe('1900-01-01');
    expect(styled(1, '61')).toBe('1900-03-01');
    expect(cellsOf('<c r="A1" t="d"><v>2026-09-05T00:00:00.000Z</v></c>')).toEqual(['2026-09-05']);
  });
});

describe('a text', () => {
  test('is read in pieces, without its pronunciation, with signs that XML cannot hold', () => {
    const sharedStrings =
      '<si><t>plain &amp; simple</t></si><si><r><t>in </t></r><r><rPr><b/></rPr><t>pieces</t></r><rPh sb="0" eb="1"><t>ぴ</t></rPh></si><si><t>a_x000D_b_x005F_x0041_</t></si><si/>';
    const cells = [0, 1, 2, 3].map((id, index) => `<c r="${'ABCD'[index]}1" t="s"><v>${id}</v></c>`).join('');
    expect(cellsOf(`${cells}<c r="F1" t="b"><v>1</v></c>`, { sharedStrings })).toEqual([
      'plain & simple',
      'in pieces',
      'a\rb_x0041_',
      '',
      '',
      'true',
    ]);
  });

  test('is found without places, behind prefixes, and in CDATA', () => {
    const sheets = { One: '<x:row><x:c t="str"><x:v><![CDATA[<b>]]></x:v></x:c><x:c><x:v>2</x:v></x:c></x:row>' };
    expect(readXlsx('a.xlsx', workbookOf({ sheets })).rows).toEqual([{ line: 1, cells: ['<b>', '2'] }]);
  });
});

describe('a formula', () => {
  test('counts by its stored result', () => {
    expect(cellsOf('<c r="A1"><f>B1*2</f><v>84</v></c><c r="B1" t="str"><f>A1&amp;""</f><v>84</v></c>')).toEqual([
      '84',
      '84',
    ]);
  });

  test('that failed or was never calculated is a fault with its place, not an empty cell', () => {
    const { faults } = readXlsx(
      'a.xlsx',
      workbookOf({ sheets: { One: row(7, '<c r="B7" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="AC7"><f>B7</f></c>') } }),
    );
    expect(faults).toMatchObject([
      { file: 'a.xlsx', line: 7, column: 'B', reason: 'the formula gives #DIV/0!' },
      { file: 'a.xlsx', line: 7, column: 'AC', reason: 'the formula was never calculated' },
    ]);
  });
});

describe('a sheet', () => {
  const sheets = { Notes: row(1, '<c r="A1"><v>1</v></c>'), Two: row(1, '<c r="A1"><v>2</v></c>') };

  test('is the named one, else the first that is not hidden', () => {
    expect(readXlsx('a.xlsx', workbookOf({ sheets })).rows[0]?.cells).toEqual(['1']);
    expect(readXlsx('a.xlsx', workbookOf({ sheets, hidden: ['Notes'] })).rows[0]?.cells).toEqual(['2']);
    expect(readXlsx('a.xlsx', workbookOf({ sheets }), 'two').rows[0]?.cells).toEqual(['2']);
    expect(() => readXlsx('a.xlsx', workbookOf({ sheets }), 'Three')).toThrow('It has "Notes" or "Two".');
  });

  test('keeps the numbers of its rows, leaves out the empty ones, and its faults say the letter of the column', () => {
    const text = (place: string, value: string) => `<c r="${place}" t="inlineStr"><is><t>${value}</t></is></c>`;
    const one = [
      row(3, text('A3', 'id') + text('C3', 'amount')),
      row(5, text('B5', ' ')),
      row(9, text('A9', 'x')),
    ].join('');
    const grid = readXlsx('a.xlsx', workbookOf({ sheets: { One: one } }));
    expect(grid.rows.map(({ line }) => line)).toEqual([3, 9]);
    const layout = { required: ['id'], optional: ['amount'], rowsMax: 10 };
    expect(readStrictSheet('a.xlsx', grid, layout).faults).toMatchObject([{ line: 3, column: '' }]);
    const faults = [{ file: 'a.xlsx', line: 9, column: 'amount', reason: 'no number' }];
    expect(withLetters(grid, faults)).toMatchObject([{ column: 'amount (C)' }]);
    expect(withLetters('id,amount', faults)).toMatchObject([{ column: 'amount' }]);
  });
});

/** The archive with another size written to where it says how much its sheet unpacks to: before its content, and in the list at the end. */
function sayingSize(archive: Uint8Array, size: number): Buffer {
  const bytes = Buffer.from(archive);
  const name = 'xl/worksheets/sheet1.xml';
  bytes.writeUInt32LE(size, bytes.indexOf(name) - 8);
  bytes.writeUInt32LE(size, bytes.lastIndexOf(name) - 22);
  return bytes;
}

describe('what is hostile or no workbook', () => {
  const reading = (bytes: Uint8Array) => () => readXlsx('a.xlsx', bytes);

  test('is refused with what to do: not an archive, cut off, old or locked, without a sheet', () => {
    expect(reading(Buffer.from('a,b\n1,2\n'))).toThrow(/not a whole archive/);
    expect(reading(workbookOf({ sheets: { One: '' } }).subarray(0, 300))).toThrow(/not a whole archive/);
    expect(reading(Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]))).toThrow(
      /old \.xls or has a password/,
    );
    expect(reading(zipSync({ 'a.txt': strToU8('a') }))).toThrow(/has no sheet/);
    expect(reading(workbookOf({ sheets: { One: '<row><c><v>1' } }))).toThrow(/ends inside|cannot be read/);
  });

  test('does not unpack what says it is huge, nor more than it says', () => {
    const blanks = workbookOf({ sheets: { One: row(1, `<c r="A1"><v>1</v></c>${' '.repeat(300_000)}`) } });
    expect(reading(sayingSize(blanks, 70 * 1_048_576))).toThrow(/unpacks to \d+ parts of \d{8} bytes/);
    expect(reading(sayingSize(blanks, 200))).toThrow(/ends inside/);
  });

  test('costs no memory by a row or column that is far away, and names no other file', () => {
    const far =
      '<row r="4000000000"><c r="XFD4000000000"><v>1</v></c></row><row r="2"><c r="ZZZ2"><v>1</v></c><c r="B2"><v>2</v></c></row>';
    expect(readXlsx('a.xlsx', workbookOf({ sheets: { One: far } })).rows).toEqual([{ line: 2, cells: ['', '2'] }]);
    const unplaced = ['abc', '-5', '1e99'].map((place) => `<row r="${place}"><c><v>1</v></c></row>`).join('');
    const { rows } = readXlsx('a.xlsx', workbookOf({ sheets: { One: unplaced } }));
    expect(rows.map(({ line }) => line)).toEqual([1, 2, 3]);
    const entity = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><row><c><v>&x;</v></c></row>';
    expect(reading(workbookOf({ sheets: { One: entity } }))).toThrow(/declares a document type/);
  });

  test('has no more cells than are read at once, however few bytes they take in it', () => {
    const rows = '<row><c r="IV1"><v>1</v></c></row>'.repeat(20_000);
    expect(reading(workbookOf({ sheets: { One: rows } }))).toThrow(/more than 2000000 cells. Import it in parts/);
  });

  test('takes no longer than its length by a tag that is one long word', () => {
    // The square of it would be a quarter of an hour.
    const word = `<row r="1"><c ${'a'.repeat(1_000_000)}><v>1</v></c></row>`;
    expect(readXlsx('a.xlsx', workbookOf({ sheets: { One: word } })).rows).toEqual([{ line: 1, cells: ['1'] }]);
  });
});

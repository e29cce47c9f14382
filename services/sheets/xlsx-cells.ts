/**
 * One sheet of a workbook as XML. Figures go in as the decimal text they are, so that no digit is lost on our side; dates as dates; foreign
 * text as text that no spreadsheet runs, not even when somebody edits the cell.
 */
import { daysBetween, isIsoDate } from '../kernel/period.ts';
import { type Cell, looksLikeFormula } from './report-table.ts';
import { escapeXml } from './xml-text.ts';

/** Styles by their place in STYLES_XML. */
const STYLE = { none: 0, head: 1, date: 2, decimal: 3, integer: 4, text: 5 } as const;

export const STYLES_XML = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="#,##0.00##########"/></numFmts>
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="6"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>
<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="1" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/></cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>
</styleSheet>`;

/** What a cell of Excel holds at most. */
const TEXT_LENGTH_MAX = 32_767;
/** Day 1 of a workbook is 1900-01-01 and there is a 29 February 1900 that never was: from March of that year on, days count from here. */
const DAY_ZERO = '1899-12-30';
const FIRST_DATE = '1900-03-01';
const NUMBER = /^-?\d+(\.\d+)?$/;

/** How the figures of a column are shown: with decimals where any has them. */
export type ColumnForm = 'decimal' | 'integer';

/** A row of the sheet; `number` counts from 1, the head included. */
export function rowXml(cells: readonly Cell[], number: number, forms: readonly ColumnForm[]): string {
  const parts = cells.map((cell, index) =>
    cellXml(cell, `${columnLetters(index)}${number}`, forms[index] ?? 'decimal'),
  );
  return `<row r="${number}">${parts.join('')}</row>`;
}

export function headXml(head: readonly string[]): string {
  const parts = head.map((name, index) => textXml(name, `${columnLetters(index)}1`, STYLE.head));
  return `<row r="1">${parts.join('')}</row>`;
}

export function columnForms(columns: number, rows: readonly (readonly Cell[])[]): ColumnForm[] {
  return Array.from({ length: columns }, (_, index) => {
    const hasDecimals = rows.some((row) => {
      const cell = row[index];
      return cell !== null && typeof cell === 'object' && String(cell.figure).includes('.');
    });
    return hasDecimals ? 'decimal' : 'integer';
  });
}

/** 0 is A, 25 is Z, 26 is AA. */
export function columnLetters(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : `${columnLetters(Math.floor(index / 26) - 1)}${letter}`;
}

function cellXml(cell: Cell, place: string, form: ColumnForm): string {
  if (cell === null) return '';
  if (typeof cell === 'string')
    return textXml(cell, place, looksLikeFormula(cell) || cell.startsWith("'") ? STYLE.text : STYLE.none);
  if (cell.figure === null) return '';
  const text = String(cell.figure);
  if (NUMBER.test(text)) return `<c r="${place}" s="${STYLE[form]}"><v>${text}</v></c>`;
  if (isIsoDate(text) && text >= FIRST_DATE) {
    return `<c r="${place}" s="${STYLE.date}"><v>${daysBetween(DAY_ZERO, text)}</v></c>`;
  }
  return textXml(text, place, STYLE.none);
}

function textXml(text: string, place: string, style: number): string {
  const kept = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX - 1)}…` : text;
  return `<c r="${place}" s="${style}" t="inlineStr"><is><t xml:space="preserve">${escapeXml(kept)}</t></is></c>`;
}

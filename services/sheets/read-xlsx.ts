/**
 * Reads one sheet of a workbook as texts by row, as a CSV of it would have them: what its cells show, exactly. A formula counts by its
 * stored result; one that failed or was never calculated is a fault with its place, never an empty cell.
 */
import type { InputFault } from '../kernel/errors.ts';
import { listWords } from '../organisation/suggestion.ts';
import { UnreadableXml, readXml } from './read-xml.ts';
import type { SheetGrid } from './sheet-grid.ts';
import { openXlsx, unreadable, type XlsxArchive } from './xlsx-archive.ts';
import { columnLetters } from './xlsx-cells.ts';
import { isDateFormat, shownDate, shownNumber } from './xlsx-values.ts';
import { unescapeHexForms } from './xml-text.ts';

/** A workbook's sheet. */
export interface WorkbookGrid extends SheetGrid {
  readonly sheetName: string;
}

interface Workbook {
  readonly sheets: readonly { readonly name: string; readonly path: string; readonly isHidden: boolean }[];
  readonly isFrom1904: boolean;
  readonly sharedTexts: readonly string[];
  /** By style: whether its numbers are dates. */
  readonly dateStyles: readonly boolean[];
}

/** More columns than any sheet of ours has; what stands further right is no part of it. */
const COLUMNS_MAX = 256;
/** More than the longest sheet of ours has, the empty ones before the last of a row too: a few bytes of a file make a row as wide as the widest. */
const CELLS_MAX = 2_000_000;
const FAULTS_MAX = 1_000;

/**
 * The named sheet, or the first that is not hidden.
 * @throws AppError invalid_input for what is no workbook, is too large, or has no such sheet.
 */
export function readXlsx(fileName: string, bytes: Uint8Array, sheetName?: string): WorkbookGrid {
  const archive = openXlsx(fileName, bytes);
  try {
    const workbook = readWorkbook(archive);
    const sheet =
      sheetName === undefined
        ? (workbook.sheets.find((one) => !one.isHidden) ?? workbook.sheets[0])
        : workbook.sheets.find((one) => one.name.toLowerCase() === sheetName.trim().toLowerCase());
    const xml = sheet === undefined ? undefined : archive.part(sheet.path);
    if (sheet === undefined || xml === undefined) {
      const names = listWords(workbook.sheets.map((one) => one.name));
      const reason = sheetName === undefined ? 'it has no sheet' : `it has no sheet "${sheetName}"`;
      throw unreadable(fileName, reason, names === '' ? 'Save it anew as .xlsx.' : `It has ${names}.`);
    }
    return { form: 'workbook', sheetName: sheet.name, ...readRows(fileName, xml, workbook) };
  } catch (error) {
    if (!(error instanceof UnreadableXml)) throw error;
    throw unreadable(fileName, error.message, 'Save it anew as .xlsx, or as CSV.', error);
  }
}

function readWorkbook(archive: XlsxArchive): Workbook {
  const main =
    readRelations(archive, '_rels/.rels', '').find((one) => one.kind === 'officeDocument')?.path ?? 'xl/workbook.xml';
  const folder = main.slice(0, main.lastIndexOf('/') + 1);
  const relations = readRelations(archive, `${folder}_rels/${main.slice(folder.length)}.rels`, folder);
  const sheets: { name: string; path: string; isHidden: boolean }[] = [];
  let isFrom1904 = false;
  readXml(archive.part(main) ?? '', {
    open: (name, attribute) => {
      if (name === 'workbookPr') isFrom1904 = /^(?:1|true|on)$/.test(attribute('date1904') ?? '');
      if (name !== 'sheet') return;
      const relation = relations.find((one) => one.id === attribute('id') && one.kind === 'worksheet');
      const state = attribute('state') ?? 'visible';
      if (relation !== undefined) {
        sheets.push({ name: attribute('name') ?? '', path: relation.path, isHidden: state !== 'visible' });
      }
    },
  });
  const pathOf = (kind: string) => relations.find((one) => one.kind === kind)?.path ?? '';
  const sharedTexts = readSharedTexts(archive.part(pathOf('sharedStrings')) ?? '');
  return { sheets, isFrom1904, sharedTexts, dateStyles: readDateStyles(archive.part(pathOf('styles')) ?? '') };
}

function readRelations(archive: XlsxArchive, name: string, folder: string) {
  const relations: { id: string; kind: string; path: string }[] = [];
  readXml(archive.part(name) ?? '', {
    open: (element, attribute) => {
      if (element !== 'Relationship') return;
      const target = attribute('Target') ?? '';
      const kind = (attribute('Type') ?? '').split('/').at(-1) ?? '';
      const path = target.startsWith('/') ? target.slice(1) : `${folder}${target}`;
      relations.push({ id: attribute('Id') ?? '', kind, path });
    },
  });
  return relations;
}

/** The texts that cells name by number: in pieces where they are formatted, without what says how to pronounce them. */
function readSharedTexts(xml: string): string[] {
  const texts: string[] = [];
  let pieces: string[] = [];
  let isText = false;
  let isSpoken = false;
  readXml(xml, {
    open: (name) => {
      if (name === 'si') pieces = [];
      if (name === 'rPh') isSpoken = true;
      if (name === 't') isText = !isSpoken;
    },
    text: (text) => {
      if (isText) pieces.push(text);
    },
    close: (name) => {
      if (name === 't') isText = false;
      if (name === 'rPh') isSpoken = false;
      if (name === 'si') texts.push(unescapeHexForms(pieces.join('')));
    },
  });
  return texts;
}

function readDateStyles(xml: string): boolean[] {
  const codes = new Map<number, string>();
  const styles: boolean[] = [];
  let isOfCells = false;
  readXml(xml, {
    open: (name, attribute) => {
      if (name === 'numFmt') codes.set(Number(attribute('numFmtId')), attribute('formatCode') ?? '');
      if (name === 'cellXfs') isOfCells = true;
      if (name !== 'xf' || !isOfCells) return;
      const id = Number(attribute('numFmtId') ?? '0');
      styles.push(isDateFormat(id, codes.get(id)));
    },
    close: (name) => {
      if (name === 'cellXfs') isOfCells = false;
    },
  });
  return styles;
}

interface StoredCell {
  readonly column: number;
  readonly type: string;
  readonly style: number;
  hasFormula: boolean;
  /** Of its value, or of its own text. */
  stored: string | null;
}

function readRows(fileName: string, xml: string, workbook: Workbook): Pick<SheetGrid, 'rows' | 'faults'> {
  const rows: { line: number; cells: string[] }[] = [];
  const faults: InputFault[] = [];
  let cellCount = 0;
  let line = 0;
  let cells: string[] = [];
  let cell: StoredCell | null = null;
  let nextColumn = 0;
  let isSpoken = false;
  let isValue = false;
  readXml(xml, {
    open: (name, attribute) => {
      if (name === 'row') {
        const place = Number(attribute('r'));
        line = Number.isSafeInteger(place) && place > 0 ? place : line + 1;
        cells = [];
        nextColumn = 0;
      } else if (name === 'c') {
        const column = columnOf(attribute('r')) ?? nextColumn;
        nextColumn = column + 1;
        const [type = 'n', style = '0'] = [attribute('t'), attribute('s')];
        cell = { column, type, style: Number(style), hasFormula: false, stored: null };
      } else if (name === 'f' && cell !== null) cell.hasFormula = true;
      else if (name === 'rPh') isSpoken = true;
      else if ((name === 'v' || name === 't') && cell !== null) {
        isValue = !isSpoken;
        if (isValue) cell.stored ??= '';
      }
    },
    text: (text) => {
      if (isValue && cell !== null) cell.stored += text;
    },
    close: (name) => {
      if (name === 'v' || name === 't') isValue = false;
      else if (name === 'rPh') isSpoken = false;
      else if (name === 'c' && cell !== null) {
        const shown = showCell(cell, workbook);
        if ('reason' in shown && faults.length < FAULTS_MAX) {
          faults.push({ file: fileName, line, column: columnLetters(cell.column), ...shown });
        } else if ('text' in shown && shown.text !== '' && cell.column < COLUMNS_MAX) {
          while (cells.length < cell.column) cells.push('');
          cells[cell.column] = shown.text;
        }
        cell = null;
      } else if (name === 'row' && cells.some((text) => text.trim() !== '')) {
        cellCount += cells.length;
        if (cellCount > CELLS_MAX) {
          throw unreadable(fileName, `it has more than ${CELLS_MAX} cells`, 'Import it in parts.');
        }
        rows.push({ line, cells });
      }
    },
  });
  return { rows, faults };
}

function showCell(
  { type, style, stored, hasFormula }: StoredCell,
  { sharedTexts, dateStyles, isFrom1904 }: Workbook,
): { readonly text: string } | { readonly reason: string; readonly fix: string } {
  const damaged = { reason: 'the cell cannot be read', fix: 'Type it again and save the workbook.' };
  if (type === 'e') {
    return { reason: `the formula gives ${stored ?? 'an error'}`, fix: 'Mend the formula, or write the value.' };
  }
  if (stored === null || (stored === '' && type === 'n')) {
    if (!hasFormula) return { text: '' };
    return {
      reason: 'the formula was never calculated',
      fix: 'Open the workbook in a spreadsheet program and save it, or write the value.',
    };
  }
  if (type === 's') {
    const text = sharedTexts[Number(stored)];
    return text === undefined ? damaged : { text };
  }
  if (type === 'str' || type === 'inlineStr') return { text: unescapeHexForms(stored) };
  if (type === 'b') return { text: stored === '1' ? 'true' : 'false' };
  if (type === 'd') return { text: stored.replace(/T00:00:00(\.0+)?Z?$/, '') };
  const shown = dateStyles[style] === true ? shownDate(stored, isFrom1904) : shownNumber(stored);
  return shown === null ? damaged : { text: shown };
}

/** `AB12` is column 27; undefined where the place is not named. */
function columnOf(place: string | undefined): number | undefined {
  const letters = /^([A-Z]{1,3})\d+$/.exec(place ?? '')?.[1];
  if (letters === undefined) return undefined;
  return letters.split('').reduce((column, letter) => column * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

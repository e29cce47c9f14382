/**
 * Tables as a workbook (Office Open XML, as Excel, LibreOffice, Google and Numbers read it): the head stays in sight, columns can be
 * filtered. The same tables give the same bytes. Written here because every library at hand takes figures as floats: docs/adr/0046.
 */
import { setImmediate } from 'node:timers/promises';
import { strToU8, zip, type AsyncZippable } from 'fflate';
import { AppError } from '../kernel/errors.ts';
import { asCheckXml, type CellCheck } from './cell-checks.ts';
import type { ReportTable } from './report-table.ts';
import { columnForms, columnLetters, headXml, rowXml, STYLES_XML } from './xlsx-cells.ts';
import { escapeXml } from './xml-text.ts';

export interface Sheet extends ReportTable {
  /** Rules and hints for who fills it in. */
  readonly checks?: readonly CellCheck[];
  readonly isHidden?: boolean;
}

export const XLSX_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** About a minute of Excel's patience and 60 MB of XML; beyond it CSV is the form. */
const CELLS_MAX = 1_000_000;
/** Rows written between two looks at what else there is to do. */
const ROWS_AT_ONCE = 2_000;
const WIDTH_MIN = 9;
const WIDTH_MAX = 60;
/** Rows whose texts say how wide a column is. */
const ROWS_MEASURED = 200;
const NAMESPACE = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

/** The bytes of the workbook. @throws AppError invalid_input for more cells than are written. */
export async function xlsxOf(...sheets: readonly Sheet[]): Promise<Buffer> {
  const cells = sheets.reduce((count, { head, rows }) => count + head.length * (rows.length + 1), 0);
  if (cells > CELLS_MAX) {
    const message = `The report has ${cells} cells, more than the ${CELLS_MAX} that a workbook is made of. Take it as CSV, or ask for less.`;
    throw new AppError('invalid_input', message);
  }
  const parts: Record<string, string> = {
    '[Content_Types].xml': contentTypesXml(sheets.length),
    '_rels/.rels': relationsXml([['officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': workbookXml(sheets),
    'xl/_rels/workbook.xml.rels': relationsXml([
      ...sheets.map((_, index) => ['worksheet', `worksheets/sheet${index + 1}.xml`] as const),
      ['styles', 'styles.xml'],
    ]),
    'xl/styles.xml': STYLES_XML,
  };
  for (const [index, sheet] of sheets.entries()) parts[`xl/worksheets/sheet${index + 1}.xml`] = await sheetXml(sheet);
  return zipped(parts);
}

async function sheetXml({ head, rows, checks = [] }: Sheet): Promise<string> {
  const forms = columnForms(head.length, rows);
  const written: string[] = [];
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const chunk = rows.slice(from, from + ROWS_AT_ONCE).map((row, index) => rowXml(row, from + index + 2, forms));
    written.push(chunk.join(''));
    await setImmediate();
  }
  const area = `A1:${columnLetters(Math.max(head.length - 1, 0))}${rows.length + 1}`;
  return [
    `${XML}<worksheet xmlns="${NAMESPACE}"><dimension ref="${area}"/>`,
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>',
    `<cols>${widths(head, rows)
      .map((width, index) => `<col min="${index + 1}" max="${index + 1}" width="${width}" customWidth="1"/>`)
      .join('')}</cols>`,
    `<sheetData>${headXml(head)}${written.join('')}</sheetData><autoFilter ref="${area}"/>`,
    `${asCheckXml(checks)}</worksheet>`,
  ].join('');
}

function widths(head: readonly string[], rows: ReportTable['rows']): number[] {
  const measured = rows.slice(0, ROWS_MEASURED);
  return head.map((name, index) => {
    const lengths = measured.map((row) => {
      const cell = row[index] ?? null;
      return cell === null ? 0 : String(typeof cell === 'string' ? cell : (cell.figure ?? '')).length;
    });
    return Math.min(Math.max(WIDTH_MIN, name.length, ...lengths) + 2, WIDTH_MAX);
  });
}

function workbookXml(sheets: readonly Sheet[]): string {
  const listed = sheets.map(({ name, isHidden = false }, index) => {
    if (!/^[\p{L}\d][\p{L}\d -]{0,30}$/u.test(name)) throw new Error(`"${name}" cannot be the name of a sheet`);
    const state = isHidden ? ' state="hidden"' : '';
    return `<sheet name="${escapeXml(name)}" sheetId="${index + 1}"${state} r:id="rId${index + 1}"/>`;
  });
  return `${XML}<workbook xmlns="${NAMESPACE}" xmlns:r="${OFFICE}"><bookViews><workbookView/></bookViews><sheets>${listed.join('')}</sheets></workbook>`;
}

function relationsXml(targets: readonly (readonly [type: string, target: string])[]): string {
  const listed = targets.map(
    ([type, target], index) => `<Relationship Id="rId${index + 1}" Type="${OFFICE}/${type}" Target="${target}"/>`,
  );
  return `${XML}<Relationships xmlns="${PACKAGE}/relationships">${listed.join('')}</Relationships>`;
}

function contentTypesXml(sheets: number): string {
  const main = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
  const parts: readonly (readonly [name: string, type: string])[] = [
    ['/xl/workbook.xml', `${main}.sheet.main+xml`],
    ['/xl/styles.xml', `${main}.styles+xml`],
    ...Array.from(
      { length: sheets },
      (_, index) => [`/xl/worksheets/sheet${index + 1}.xml`, `${main}.worksheet+xml`] as const,
    ),
  ];
  const overrides = parts.map(([name, type]) => `<Override PartName="${name}" ContentType="${type}"/>`);
  return `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>${overrides.join('')}</Types>`;
}

/** Large parts are compressed beside the thread that answers requests. One date for all, so that no clock is in the bytes. */
function zipped(parts: Readonly<Record<string, string>>): Promise<Buffer> {
  const mtime = new Date(2000, 0, 1);
  const files: AsyncZippable = Object.fromEntries(
    Object.entries(parts).map(([name, text]) => [name, [strToU8(text), { mtime, level: 6 }]]),
  );
  return new Promise((resolve, reject) => {
    zip(files, (error, bytes) => {
      if (error === null) resolve(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      else reject(error);
    });
  });
}

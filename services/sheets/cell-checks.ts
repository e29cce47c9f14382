/** Rules and hints of a sheet that somebody fills in: a list to choose from, and what to write, shown when the cell is entered. */
import { columnLetters } from './xlsx-cells.ts';
import { escapeXml } from './xml-text.ts';

export interface CellCheck {
  /** From 0. */
  readonly column: number;
  /** Rows from the second to this one. */
  readonly untilRow: number;
  readonly title: string;
  readonly hint: string;
  /** Words to choose from, or the cells of another sheet that hold them: `lists!$A$1:$A$9`. */
  readonly choice?: readonly string[] | { readonly cells: string };
}

/** What Excel takes of each; longer it calls the file damaged. */
const TITLE_LENGTH_MAX = 32;
const HINT_LENGTH_MAX = 255;

/** The element of a sheet, or nothing. */
export function asCheckXml(checks: readonly CellCheck[]): string {
  if (checks.length === 0) return '';
  const listed = checks.map(({ column, untilRow, title, hint, choice }) => {
    const area = `${columnLetters(column)}2:${columnLetters(column)}${untilRow}`;
    const prompt = `showInputMessage="1" promptTitle="${escapeXml(title.slice(0, TITLE_LENGTH_MAX))}" prompt="${escapeXml(cut(hint))}"`;
    if (choice === undefined) return `<dataValidation allowBlank="1" ${prompt} sqref="${area}"/>`;
    const list = 'cells' in choice ? choice.cells : `"${choice.join(',')}"`;
    return `<dataValidation type="list" allowBlank="1" showErrorMessage="1" ${prompt} sqref="${area}"><formula1>${escapeXml(list)}</formula1></dataValidation>`;
  });
  return `<dataValidations count="${checks.length}">${listed.join('')}</dataValidations>`;
}

function cut(hint: string): string {
  return hint.length > HINT_LENGTH_MAX ? `${hint.slice(0, HINT_LENGTH_MAX - 1)}…` : hint;
}

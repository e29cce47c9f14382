/**
 * Finds FOCUS columns in a file's header. The exact spelling wins; else one that differs only in case, spaces, `_` or `-` is taken
 * (real bills write `SkuPriceid`). Everything else is an extra column. All missing mandatory columns are named at once.
 */
import { distance } from 'fastest-levenshtein';
import { AppError } from '../kernel/errors.ts';
import { FOCUS_COLUMNS, FOCUS_SPELLINGS, type FocusColumn } from './focus-columns.ts';

const SUGGESTION_DISTANCE_MAX = 3;

/** For every FOCUS column (by its FOCUS name) its names in the file, best first; columns that the file lacks are absent. */
export type ColumnMatch = ReadonlyMap<string, readonly string[]>;

/** A cost table saved from the console of Google Cloud: figures for reading, rounded. */
const CONSOLE_TABLE = /^(Cost type|Unrounded Cost)/;

/** True where a header has any column of FOCUS: enough to call it a bill with faults instead of no bill. */
export function looksLikeFocus(header: readonly string[]): boolean {
  return header.some((name) => FOCUS_SPELLINGS.some((spelling) => fold(spelling) === fold(name)));
}

/**
 * Matches a file's header.
 * @throws AppError invalid_bill naming every missing mandatory column, with what the header has that is close.
 */
export function matchColumns(file: string, header: readonly string[]): ColumnMatch {
  const match = new Map<string, string[]>();
  for (const column of FOCUS_COLUMNS) {
    const names = [column.focus, ...column.alternatives].flatMap((spelling) => findName(file, header, spelling) ?? []);
    if (names.length > 0) match.set(column.focus, names);
  }
  const missing = FOCUS_COLUMNS.filter((column) => column.isMandatory && !match.has(column.focus));
  if (missing.length > 0) throw missingColumns(file, header, missing);
  return match;
}

/** The FOCUS version that a header speaks, by the youngest column it has. */
export function focusVersionOf(match: ColumnMatch): string {
  const has = (focus: string, spelling: string) =>
    (match.get(focus) ?? []).some((name) => fold(name) === fold(spelling));
  if (has('ProviderName', 'ServiceProviderName')) return has('ProviderName', 'ProviderName') ? '1.3' : '1.4';
  const versions = FOCUS_COLUMNS.filter((column) => match.has(column.focus)).map((column) => column.since);
  return versions.reduce((youngest, version) => (version > youngest ? version : youngest), '1.0');
}

function findName(file: string, header: readonly string[], spelling: string): string | null {
  const exact = header.filter((name) => name === spelling);
  const close = exact.length > 0 ? exact : header.filter((name) => fold(name) === fold(spelling));
  if (close.length <= 1) return close[0] ?? null;
  throw new AppError(
    'invalid_bill',
    `${file} has the column ${spelling} ${close.length} times (${close.join(', ')}), so it is unclear which one counts. Keep one of them.`,
    { faults: [{ file, column: spelling, reason: `the column stands ${close.length} times in the header` }] },
  );
}

function missingColumns(file: string, header: readonly string[], missing: readonly FocusColumn[]): AppError {
  const named = missing.map((column) => [column.focus, ...column.alternatives].join(' or '));
  const faults = missing.map((column) => {
    const near = nearestName(column.focus, header);
    return {
      file,
      column: column.focus,
      reason: 'the mandatory column is missing',
      ...(near === null ? {} : { fix: `The header has "${near}": rename it if that is the one.` }),
    };
  });
  const advice = header.some((name) => CONSOLE_TABLE.test(name))
    ? "This looks like a cost table saved from Google Cloud's console, whose figures are rounded. Export the billing data to BigQuery."
    : 'Outturn reads FOCUS 1.0 to 1.4 and the own formats of AWS, Azure, Google Cloud and Oracle; export the bill with these columns.';
  const hints = faults.flatMap((fault) => ('fix' in fault ? [`${fault.column}: ${fault.fix}`] : []));
  const message = `${file} lacks ${named.length === 1 ? 'the mandatory column' : 'the mandatory columns'} ${named.join(', ')}. ${advice}`;
  return new AppError('invalid_bill', [message, ...hints].join(' '), { faults });
}

function nearestName(spelling: string, header: readonly string[]): string | null {
  const ranked = header
    .filter((name) => !FOCUS_SPELLINGS.includes(name))
    .map((name) => ({ name, steps: distance(fold(spelling), fold(name)) }))
    .sort((left, right) => left.steps - right.steps);
  const best = ranked[0];
  return best !== undefined && best.steps <= SUGGESTION_DISTANCE_MAX ? best.name : null;
}

function fold(name: string): string {
  return name.trim().replace(/[ _-]/g, '').toLowerCase();
}

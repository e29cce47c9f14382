/**
 * What a command says: one JSON document on stdout with --json, else text; every failure as sentences on stderr with the fix.
 * Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
 */
import { hasCrossed } from '../db/sql-state.ts';
import { AppError, describeFault, type InputFault, TransientError } from '../services/kernel/errors.ts';
import { printable } from '../services/kernel/obeyed-signs.ts';

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Faults printed one by one; the rest is counted. */
const FAULTS_SHOWN_MAX = 20;

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** For people: whatever is in it, no terminal obeys it. */
export function printText(text: string): void {
  const shown = printable(text);
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
}

/** Sentences for a failure. A refusal explains itself; a bug keeps its stack, because somebody must find it. No terminal obeys what they quote. */
export function describeFailure(error: unknown): string {
  return printable(sentencesOf(error));
}

function sentencesOf(error: unknown): string {
  if (error instanceof AppError) {
    // A message tells its only fault, or its first, or lists them all; nothing is said twice.
    if (error.faults.length === 1) return error.message;
    const told = error.faults.slice(0, FAULTS_SHOWN_MAX);
    const further = told.filter((fault) => !error.message.includes(sentenceOf(fault)));
    const hidden = error.faults.length - told.length;
    const more = hidden > 0 ? [`  … and ${hidden} more`] : [];
    return [error.message, ...further.map((fault) => `  ${describeFault(fault)}`), ...more].join('\n');
  }
  if (error instanceof TransientError) return `${error.message} Try again.`;
  if (hasCrossed(error)) return 'Others were changing the same at this moment. Nothing of this was done: run it again.';
  if (isDiskFull(error)) {
    return `No room is left on a disk (${error.message}). Free some, or give OUTTURN_DATA, OUTTURN_ARCHIVE or the database a larger one; then run it again.`;
  }
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}

/** What tells a fault from every other: what is at fault in a line of a file may be so in another. */
function sentenceOf(fault: InputFault): string {
  const { reason, fix } = fault;
  return fault.file !== undefined || fault.line !== undefined
    ? describeFault(fault)
    : describeFault({ reason, ...(fix === undefined ? {} : { fix }) });
}

/** As the system says it, or PostgreSQL of its own disk. */
function isDiskFull(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === '53100';
}

/** The JSON form of a failure, for --json. */
export function failureDocument(error: unknown): object {
  if (error instanceof AppError) {
    return { error: { code: error.code, message: error.message, details: error.details, faults: error.faults } };
  }
  const code = error instanceof TransientError || hasCrossed(error) ? 'transient' : 'internal';
  return { error: { code, message: error instanceof Error ? error.message : String(error) } };
}

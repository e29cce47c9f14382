/** --as-known: the reports of the command line as they were known at an instant. */
import type { Command } from 'commander';
import type { Kysely } from 'kysely';
import type { DB } from '../db/schema.gen.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { type AsKnown, type KnownReport, reportAsKnown } from '../services/replay/replayed-reports.ts';
import type { Runtime } from './runtime.ts';

export interface AsKnownOptions extends KnownReport {
  readonly asKnown?: string;
}

/** Declares the option in the same words everywhere. */
export function withAsKnown(command: Command): Command {
  return command.option(
    '--as-known <when>',
    'as it was known at the end of a day (2026-07-05, in UTC) or at an instant',
  );
}

/** Reads a report now, or as known then; `read` gets the database and the instant to ask at. */
export async function readAsAsked<Report extends object>(
  runtime: Runtime,
  { asKnown, ...asked }: AsKnownOptions,
  read: (db: Kysely<DB>, at: Date) => Promise<Report>,
): Promise<Report | AsKnown<Report>> {
  const now = runtime.clock.now();
  if (asKnown === undefined) return read(runtime.db, now);
  return reportAsKnown(runtime.db, { ...asked, asKnown, now, principal: localOperator }, read);
}

/** The table of a report, and under it since when it may be known otherwise. */
export function withKnownLine(report: object, table: string): string {
  return 'asKnown' in report ? `${table}\nAs known at ${String(report.asKnown)}.` : table;
}

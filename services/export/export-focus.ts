/** FOCUS 1.2 out: what was billed, line by line, with whose it is and why, for whatever reads FOCUS. */
import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type ChildRun, runInChild } from '../billing/run-in-child.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { option, worded } from '../kernel/wording.ts';
import { type IsoDate, parsePeriod } from '../kernel/period.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';
import { readStatement } from '../periods/list-statements.ts';
import type { ExportFormat } from './export-in-child.ts';

export interface ExportRequest extends ChildRun {
  readonly databaseUrl: string;
  /** A period's name, such as 2026-09; absent where a statement is asked for. */
  readonly period?: string;
  /** An approved statement, which gives the period and everything else: its lines are those of the close, even where it was superseded. */
  readonly statementId?: string;
  /** Closed months as now known, not as their statements say. */
  readonly asNow?: boolean;
  readonly by: 'charge' | 'billing';
  /** Ends in .csv, .csv.gz or .parquet. */
  readonly out: string;
  /** Replaces a file that is there. */
  readonly mayOverwrite: boolean;
  /** Where the export makes a folder of its own for as long as it takes; it holds the whole export once, as Parquet. */
  readonly workDir: string;
}

interface ExportedPeriod {
  readonly id: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
}

export interface FocusExport {
  readonly file: string;
  readonly format: ExportFormat;
  readonly focusVersion: '1.2';
  readonly period: ExportedPeriod;
  readonly by: 'charge' | 'billing';
  /** closed: all of it is as statements say; mixed: some of it. */
  readonly state: 'open' | 'closed' | 'mixed';
  /** The statements that closed months come from. */
  readonly statements: readonly { readonly statementId: string; readonly period: string }[];
  /** The newest used. */
  readonly rulebook: number;
  readonly loads: number;
  readonly rows: number;
  readonly bytes: number;
  readonly columns: readonly string[];
  /** Of the file as written; equal to the reports' to the last decimal. */
  readonly totals: readonly {
    readonly billingCurrency: string;
    readonly billedCost: Decimal;
    readonly effectiveCost: Decimal;
    readonly listCost: Decimal;
    readonly contractedCost: Decimal;
  }[];
}

/**
 * Writes the file whole or not at all: under another name first, which is taken away where anything fails.
 * @throws AppError invalid_period, invalid_input (the name, a folder that is not there, what excludes each other), not_found (the statement),
 * conflict (the file is there; the statement is not approved), bill_unreadable (an archive is gone), conservation_broken.
 */
export async function exportFocus(db: Kysely<DB>, request: ExportRequest): Promise<FocusExport> {
  const { databaseUrl, by, out, workDir } = request;
  const format = formatOf(out);
  const { statementId = null, asNow = false } = request;
  const period = await readPeriod(db, request);
  await refuseUnwritable(out, request.mayOverwrite);
  const scope = { from: period.start, until: period.end, by, asNow, statementId };
  const options = { ...scope, databaseUrl, out, format, workDir };
  const result = await runInChild('export-focus', options, request);
  return {
    file: out,
    format,
    focusVersion: '1.2',
    period: { id: period.id, start: period.start, end: period.end },
    by,
    state: result.statements.length === 0 ? 'open' : result.isPartlyOpen ? 'mixed' : 'closed',
    statements: result.statements,
    rulebook: result.rulebookId,
    loads: result.loadCount,
    rows: result.rowCount,
    bytes: result.bytes,
    columns: result.columns,
    totals: result.totals.map(({ billingCurrency, costs: [billedCost, effectiveCost, listCost, contractedCost] }) => ({
      billingCurrency,
      billedCost: billedCost as Decimal,
      effectiveCost: effectiveCost as Decimal,
      listCost: listCost as Decimal,
      contractedCost: contractedCost as Decimal,
    })),
  };
}

async function readPeriod(db: Kysely<DB>, { period, statementId, asNow, by }: ExportRequest): Promise<ExportedPeriod> {
  if ((period === undefined) === (statementId === undefined)) {
    throw new AppError('invalid_input', 'An export is of a period or of a statement. Name one of the two.');
  }
  if (statementId === undefined) return parsePeriod(period ?? '', await readFiscalCalendar(db));
  if (by === 'billing' || asNow === true) {
    throw new AppError(
      'invalid_input',
      'A statement has what was charged in its period, as it was closed. For whole bills, or as now known, name the period.',
    );
  }
  const statement = await readStatement(db, statementId);
  if (statement.state === 'approved') return { id: statement.period, start: statement.start, end: statement.end };
  throw new AppError(
    'conflict',
    `Statement ${statementId} is ${statement.state}, so it closes nothing. Name the period instead.`,
  );
}

function formatOf(out: string): ExportFormat {
  const format = (['csv.gz', 'csv', 'parquet'] as const).find((ending) => out.toLowerCase().endsWith(`.${ending}`));
  if (format !== undefined) return format;
  throw new AppError(
    'invalid_input',
    `The file ${out} does not say its format. End its name in .csv, .csv.gz or .parquet.`,
  );
}

async function refuseUnwritable(out: string, mayOverwrite: boolean): Promise<void> {
  try {
    await access(dirname(out), constants.W_OK);
  } catch (cause) {
    throw new AppError(
      'invalid_input',
      `There is no folder ${dirname(out)} that can be written. Make it, or name another.`,
      {
        cause,
      },
    );
  }
  if (mayOverwrite || !existsSync(out)) return;
  throw new AppError(
    'conflict',
    worded`The file ${out} is there already. Name another, or replace it with ${option('force')}.`,
  );
}

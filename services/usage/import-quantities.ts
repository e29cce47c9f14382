/**
 * Takes quantities of usage metrics from a sheet or over HTTP, all or nothing. The same quantities again change nothing; a missing
 * row deletes nothing; a dry run says the same and writes nothing.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError, countFurther, describeFault, type InputFault } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import type { IsoDate } from '../kernel/period.ts';
import { readStrictSheet, type SheetContent, type SheetLayout, withLetters } from '../sheets/strict-sheet.ts';
import { checkQuantities, type QuantityContext, type RawQuantity } from './check-quantities.ts';
import { lockQuantities, planQuantities, storeQuantities } from './store-quantities.ts';

export interface QuantityImport {
  readonly dryRun: boolean;
  readonly rows: number;
  readonly added: number;
  readonly changed: number;
  /** Former quantities that were taken back. */
  readonly withdrawn: number;
  readonly unchanged: number;
  /** Metrics with a difference: `from` and `until` are the dates (half-open) it spans. */
  readonly metrics: readonly {
    readonly metricId: string;
    readonly unit: string;
    readonly isNew: boolean;
    readonly from: IsoDate;
    readonly until: IsoDate;
  }[];
  /** Charge months whose shared cost was split anew, or would be. */
  readonly rebuiltMonths: readonly string[];
}

interface ImportOptions {
  readonly principal: Principal;
  readonly dryRun: boolean;
  readonly at: Date;
}

const ROWS_MAX = 200_000;
const LAYOUT: SheetLayout = {
  required: ['metric', 'pod', 'period', 'quantity'],
  optional: ['unit'],
  rowsMax: ROWS_MAX,
};

/**
 * Imports a CSV sheet: in the caller's transaction where `db` is one, else in its own.
 * @throws AppError invalid_input with every fault by line and column; nothing is written then.
 */
export async function importQuantities(
  db: Kysely<DB>,
  options: ImportOptions & { readonly sheet: SheetContent; readonly fileName: string },
): Promise<QuantityImport> {
  const sheet = readStrictSheet(options.fileName, options.sheet, LAYOUT);
  refuseFaults(withLetters(options.sheet, sheet.faults));
  const raw = sheet.rows.map(({ line, record, cells }) => ({
    place: { file: options.fileName, line, record },
    metric: cells['metric'] ?? '',
    unit: cells['unit'] ?? '',
    pod: cells['pod'] ?? '',
    period: cells['period'] ?? '',
    quantity: cells['quantity'] ?? '',
  }));
  const work = (trx: Transaction<DB>) => takeQuantities(trx, raw, { ...options, sourceName: options.fileName });
  const isWithin = (given: Kysely<DB>): given is Transaction<DB> => given.isTransaction;
  return isWithin(db) ? work(db) : db.transaction().execute(work);
}

/**
 * Records quantities of one metric.
 * @throws AppError invalid_input with every fault by record and column; nothing is written then.
 */
export function recordQuantities(
  trx: Transaction<DB>,
  options: ImportOptions & {
    readonly metricId: string;
    /** What a new metric counts. */
    readonly unit?: string;
    readonly quantities: readonly { readonly pod: string; readonly period: string; readonly quantity: string }[];
  },
): Promise<QuantityImport> {
  const { metricId, unit = '', quantities } = options;
  const raw = quantities.map((one, index) => ({ place: { record: index + 1 }, metric: metricId, unit, ...one }));
  return takeQuantities(trx, raw, { ...options, sourceName: 'api' });
}

async function takeQuantities(
  trx: Transaction<DB>,
  raw: readonly RawQuantity[],
  options: ImportOptions & { readonly sourceName: string },
): Promise<QuantityImport> {
  await lockQuantities(trx);
  const context = await readContext(trx);
  const known = new Set(context.units.keys());
  const { quantities: stated, faults } = checkQuantities(raw, context);
  refuseFaults(faults);
  const changes = await planQuantities(trx, stated);
  const { units } = context;
  if (!options.dryRun) await storeQuantities(trx, { ...options, stated, units, changes });
  return {
    dryRun: options.dryRun,
    rows: raw.length,
    ...changes.counts,
    metrics: changes.metrics.map(({ metricId, from, until }) => ({
      metricId,
      unit: units.get(metricId) ?? '',
      isNew: !known.has(metricId),
      from,
      until,
    })),
    rebuiltMonths: changes.months,
  };
}

async function readContext(trx: Transaction<DB>): Promise<QuantityContext> {
  const pods = await trx.selectFrom('pod').select('id').execute();
  const { rows } = await sql<{ id: string; unit: string }>`select id, unit from usage_metric`.execute(trx);
  return { podIds: new Set(pods.map(({ id }) => id)), units: new Map(rows.map(({ id, unit }) => [id, unit])) };
}

function refuseFaults(faults: readonly InputFault[]): void {
  const [first] = faults;
  if (first === undefined) return;
  const more = countFurther(faults);
  throw new AppError('invalid_input', `Quantities: ${describeFault(first)}${more} Nothing was imported.`, { faults });
}

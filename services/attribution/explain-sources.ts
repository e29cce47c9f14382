/** What every explanation ends in: the current loads with their files, exchange rates, and lines from the archive. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type ArchiveQuery, readArchivedLines } from '../billing/archive-lines.ts';
import { describeLoads, type LoadView } from '../billing/describe-load.ts';
import type { ArchivedLine } from '../billing/read-lines.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import { METRIC_COLUMNS } from './check-conservation.ts';

/** The four metrics of a group of charges, in their billing currency. */
export interface ExplainedMoney {
  readonly billingCurrency: string;
  readonly billedCost: string;
  readonly effectiveCost: string;
  readonly listCost: string;
  readonly contractedCost: string;
}

export interface ExplainedRate {
  readonly from: string;
  readonly to: string;
  readonly onDate: IsoDate;
  /** Null: no rate is stored for this date. */
  readonly rate: string | null;
  readonly publishedOn: IsoDate | null;
  /** `direct`, `inverse`, or `through` another currency. */
  readonly path: string | null;
  /** The statement that froze it; null on days that are open. */
  readonly statementId: number | null;
}

export interface LinesQuery {
  readonly workDir: string;
  readonly linesPerOrigin: number;
  readonly signal?: AbortSignal;
}

/** The four metrics of `table` summed, as exact texts under their names in the contract. */
export function sumsAsText(table: string) {
  const named = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost'];
  return sql.join(
    METRIC_COLUMNS.map((column, index) => {
      return sql`trim_scale(sum(${sql.ref(`${table}.${column}`)}))::text as ${sql.ref(named[index] ?? column)}`;
    }),
  );
}

/** The ids of the loads whose figures count now. */
export async function readCurrentLoadIds(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from load where state = 'published' order by id`.execute(db);
  return rows.map((row) => row.id);
}

export async function describeSources(db: Kysely<DB>, loadIds: readonly string[]): Promise<readonly LoadView[]> {
  return (await describeLoads(db, loadIds)).loads;
}

/** The rates into the reporting currency on the dates on which these currencies were charged: stored ones, or those a statement froze. */
export async function readRates(
  db: Kysely<DB>,
  charged: readonly { readonly currency: string; readonly date: IsoDate; readonly statementId?: number | null }[],
): Promise<ExplainedRate[]> {
  const { rows } = await sql<ExplainedRate>`
    select charged.currency as "from", organisation.reporting_currency as "to", charged.on_date as "onDate",
      trim_scale(coalesce(frozen.rate, stored.rate))::text as rate,
      case when frozen.rate is null or frozen.rate = stored.rate then stored.published_on end as "publishedOn",
      case when frozen.rate is null or frozen.rate = stored.rate then stored.path end as path, frozen.statement_id as "statementId"
    from organisation
    cross join (
      select distinct currency, on_date, statement_id
      from unnest(${charged.map((one) => one.currency)}::text[], ${charged.map((one) => one.date)}::date[],
        ${charged.map((one) => one.statementId ?? null)}::integer[]) as given (currency, on_date, statement_id)
    ) as charged
    left join conversion_rate as stored on stored.from_currency = charged.currency
      and stored.to_currency = organisation.reporting_currency and stored.on_date = charged.on_date
    left join statement_rate as frozen on frozen.statement_id = charged.statement_id and frozen.from_currency = charged.currency
      and frozen.to_currency = organisation.reporting_currency and frozen.on_date = charged.on_date
    where charged.currency <> organisation.reporting_currency
    order by 1, 3
  `.execute(db);
  return rows;
}

/** A sample of the lines behind origins, or why there is none: an archive that is gone does not spoil the explanation. */
export async function sampleLines(
  db: Kysely<DB>,
  wanted: ArchiveQuery['wanted'],
  { linesPerOrigin, workDir, signal }: LinesQuery,
): Promise<{ lines: readonly ArchivedLine[]; linesNote: string | null }> {
  if (linesPerOrigin === 0 || wanted.length === 0) return { lines: [], linesNote: null };
  try {
    const query = { wanted, limit: linesPerOrigin, workDir, ...(signal === undefined ? {} : { signal }) };
    return { lines: await readArchivedLines(db, query), linesNote: null };
  } catch (error) {
    if (error instanceof AppError && error.code === 'bill_unreadable') return { lines: [], linesNote: error.message };
    throw error;
  }
}

/**
 * The CIO's quarter: what the cloud cost, what it returned, what moved both and what is asked. A closed quarter answers as it was kept when it
 * was closed; any other is put together from the reports of its days, closed ones from their statements.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { prepareConversions } from '../reports/prepare-conversions.ts';
import { type ReportFrame, readReportFrame } from '../reports/report-frame.ts';
import { valuePerPod } from '../reports/value-per-pod.ts';
import { composeCloudReturn } from './compose.ts';
import { quartersOfTrend } from './quarter.ts';
import type { CloudReturn } from './shape.ts';

export interface CloudReturnRequest {
  /** Such as 2026-Q3. */
  readonly quarter: string;
  readonly at: Date;
}

/**
 * The report of a quarter. Reads only; `prepareQuarter` is called before it.
 * @throws AppError invalid_period (also where it is no quarter, or has not begun), missing_exchange_rate.
 */
export async function cloudReturn(db: Kysely<DB>, asked: CloudReturnRequest): Promise<CloudReturn> {
  const [period, ...before] = await quartersOfTrend(db, asked);
  if (period === undefined) throw new Error('a trend begins with the quarter itself');
  const request = { period: period.id, at: asked.at };
  const frame = await readReportFrame(db, request);
  const kept = await readKept(db, frame);
  if (kept !== null) return kept;
  return composeCloudReturn(db, { quarter: { frame, report: await valuePerPod(db, request) }, before, at: asked.at });
}

/** Stores the exchange rates of the quarter and of those that it is compared with. Cheap where all of them are there. */
export async function prepareQuarter(db: Kysely<DB>, asked: CloudReturnRequest): Promise<void> {
  const { quarter, at } = asked;
  const periods = await quartersOfTrend(db, asked);
  if ((await readKept(db, await readReportFrame(db, { period: periods[0]?.id ?? quarter, at }))) !== null) return;
  // The nearest one's detail goes back to the first day of all.
  for (const [back, { id: period }] of periods.entries())
    await prepareConversions(db, { period, at, detail: back === 0 });
}

/** As it was kept; null while the quarter is open, and for one that was closed before there were any. */
async function readKept(db: Kysely<DB>, { statement }: ReportFrame): Promise<CloudReturn | null> {
  if (statement === null) return null;
  const { rows } = await sql<{ content: string }>`
    select content from statement_cloud_return where statement_id = ${statement.statementId}
  `.execute(db);
  return rows[0] === undefined ? null : (JSON.parse(rows[0].content) as CloudReturn);
}

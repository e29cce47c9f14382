/** Which pods a report names, and of which portfolio each is: that of the window's last day, as its statement knew it where it is closed. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import { didYouMean } from '../organisation/suggestion.ts';
import type { HeldPod } from './report-facts.ts';
import type { ReportFrame } from './report-frame.ts';

/** All pods, with what they hold on the window's last day as now known. */
export function heldAtEnd(frame: ReportFrame): HeldPod[] {
  const lastDay = lastDayOf(frame);
  const byId = new Map<string, HeldPod>();
  for (const pod of frame.pods) {
    if (pod.validFrom <= lastDay && pod.validUntil > lastDay) byId.set(pod.id, pod);
    else if (!byId.has(pod.id)) byId.set(pod.id, { ...pod, portfolioId: null });
  }
  return [...byId.values()];
}

function lastDayOf({ period, windowEnd }: ReportFrame): IsoDate {
  return windowEnd > period.start ? addDays(windowEnd, -1) : period.start;
}

/**
 * Pods with their portfolio at the window's end, as the statement of that day knew it where it is closed; of a portfolio those that
 * belonged to it on some day of the window.
 * @throws AppError not_found where there is no such portfolio.
 */
export async function holdingsOf(
  db: Kysely<DB>,
  frame: ReportFrame,
  portfolio: string | undefined,
): Promise<readonly HeldPod[]> {
  if (portfolio !== undefined) await checkPortfolio(db, portfolio);
  const lastDay = lastDayOf(frame);
  const lastStatement = frame.closed.find(({ start, end }) => start <= lastDay && lastDay < end)?.statementId;
  const held = lastStatement === undefined ? heldAtEnd(frame) : await readHeldThen(db, lastStatement, frame);
  if (portfolio === undefined) return held;
  const statements = frame.closed.map(({ statementId }) => statementId);
  const { rows } = await sql<{ pod_id: string }>`
    select distinct pod_id from held_pod where portfolio_id = ${portfolio}
      and (statement_id is null or statement_id = any(${statements}::integer[]))
      and valid_from <= ${lastDay} and valid_until > ${frame.period.start}
  `.execute(db);
  const belonged = new Set(rows.map((row) => row.pod_id));
  return held.filter((pod) => belonged.has(pod.id));
}

/** All pods, with what a statement says they held on the window's last day. */
async function readHeldThen(db: Kysely<DB>, statementId: number, frame: ReportFrame): Promise<HeldPod[]> {
  const lastDay = lastDayOf(frame);
  const { rows } = await sql<HeldPod>`
    select pod.id, pod.name, pod.kind, holder.portfolio_id as "portfolioId", holder.valid_from as "validFrom", holder.valid_until as "validUntil"
    from pod left join statement_pod_period as holder on holder.pod_id = pod.id and holder.statement_id = ${statementId}
      and holder.valid_from <= ${lastDay} and holder.valid_until > ${lastDay}
  `.execute(db);
  return rows;
}

async function checkPortfolio(db: Kysely<DB>, portfolio: string): Promise<void> {
  const ids = (await db.selectFrom('portfolio').select('id').execute()).map(({ id }) => id);
  if (ids.includes(portfolio)) return;
  const fix = didYouMean(portfolio, ids) ?? 'Name one of the organisation file.';
  throw new AppError('not_found', `There is no portfolio "${portfolio}". ${fix}`);
}

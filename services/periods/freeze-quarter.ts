/** A quarter, once its months are closed: its report is made of their frozen rows, adds up from them, and names them; what the CIO reads of it is kept. */
import assert from 'node:assert/strict';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { keepCloudReturn } from '../cloud-return/keep-quarter.ts';
import { add, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import { monthOf, monthsTouched } from '../kernel/period.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import { readReportFrame } from '../reports/report-frame.ts';
import { buildValuePerPod } from '../reports/value-per-pod.ts';
import type { ClosedMonth } from './closed-months.ts';
import { freezeReport } from './freeze-report.ts';
import type { FrozenPeriod } from './freeze-whole-month.ts';
import { frozenValuePerPod } from './frozen-value.ts';
import { readPodAdjustments } from './pod-adjustments.ts';
import { type DocumentFacts, quarterDocument } from './statement-document.ts';

/**
 * Freezes the quarter of a prepared statement.
 * @throws AppError conflict naming the months that are open.
 */
export async function freezeQuarter(
  trx: Transaction<DB>,
  given: { facts: Omit<DocumentFacts, 'valuePerPod'>; closed: readonly ClosedMonth[] },
): Promise<FrozenPeriod> {
  const { facts, closed } = given;
  const { statementId, period, knownAt: at } = facts;
  const months = closed.filter((month) => month.start >= period.start && month.end <= period.end);
  const open = monthsTouched(period.start, period.end).filter(
    (start) => !months.some((month) => month.start === start),
  );
  if (open.length > 0) {
    const names = open.map((start) => monthOf(start).id);
    throw new AppError(
      'conflict',
      worded`${period.id} closes once its months are closed, and ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} open. Begin with ${COMMANDS.close(names[0] ?? '')}.`,
      { details: { open: names } },
    );
  }
  await sql`
    insert into statement_month (statement_id, month_statement_id)
    select ${statementId}::integer, id from unnest(${months.map((month) => month.statementId)}::integer[]) as month (id)
  `.execute(trx);
  // Of the former statement, where this is a reissue, nothing counts.
  const frame = { ...(await readReportFrame(trx, { period: period.id, at })), statement: null };
  const adjustments = await readPodAdjustments(trx, frame);
  const built = await buildValuePerPod(trx, { frame, adjustments });
  await assertFoots(trx, months, built);
  const valuePerPod = await freezeReport(trx, statementId, built);
  await keepCloudReturn(trx, { statementId, quarter: { frame, report: valuePerPod }, at });
  return { valuePerPod, document: await quarterDocument(trx, { ...facts, valuePerPod }) };
}

/** Cost and value of the quarter are those of its months, pod by pod, where all of them are in the same currency and metric. */
async function assertFoots(trx: Transaction<DB>, months: readonly ClosedMonth[], quarter: ValuePerPod): Promise<void> {
  const reports: ValuePerPod[] = [];
  for (const month of months) reports.push(await frozenValuePerPod(trx, month.statementId));
  const isAlike = reports.every(
    (report) => report.currency === quarter.currency && report.costMetric === quarter.costMetric,
  );
  if (!isAlike) return;
  for (const pod of quarter.pods) {
    const parts = reports.flatMap((report) => report.pods.filter((one) => one.podId === pod.podId));
    const cost = parts.reduce((whole, part) => add(whole, part.cost.total), ZERO);
    const verified = parts.reduce((whole, part) => add(whole, part.value.verified), ZERO);
    assert.equal(pod.cost.total, cost, `the cost of ${pod.podId} in its months must add up to the quarter's`);
    assert.equal(
      pod.value.verified,
      verified,
      `the verified value of ${pod.podId} in its months must add up to the quarter's`,
    );
  }
}

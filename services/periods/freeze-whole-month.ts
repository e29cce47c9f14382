/** A month frozen whole: its rows, its value report, the checks of both, and the document over them. */
import type { Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import { asNowKnown, readReportFrame } from '../reports/report-frame.ts';
import { buildValuePerPod } from '../reports/value-per-pod.ts';
import { checkAdjustedMonths, checkFrozenReport } from './check-frozen-month.ts';
import type { ClosedMonth } from './closed-months.ts';
import { freezeMonth, type FreezeScope } from './freeze-month.ts';
import { freezeReport } from './freeze-report.ts';
import type { LockedFigures } from './lock-figures.ts';
import { bookedAdjustments, sumAdjustments } from './pod-adjustments.ts';
import { type DocumentFacts, monthDocument } from './statement-document.ts';

export interface FrozenPeriod {
  readonly document: string;
  readonly valuePerPod: ValuePerPod;
}

/** Freezes the month of a prepared statement. `closed` are all closed months. */
export async function freezeWholeMonth(
  trx: Transaction<DB>,
  given: { facts: Omit<DocumentFacts, 'valuePerPod'>; locked: LockedFigures; closed: readonly ClosedMonth[] },
): Promise<FrozenPeriod> {
  const { facts, locked, closed } = given;
  const { statementId, period, knownAt: at } = facts;
  const scope: FreezeScope = {
    statementId,
    month: period,
    rulebookId: locked.rulebookId,
    currency: locked.currency,
    costMetric: locked.costMetric,
    revenueBasis: locked.revenueBasis,
    closedBefore: closed.filter((month) => month.start < period.start),
    supersedesId: facts.supersedesId,
  };
  await freezeMonth(trx, scope);
  await checkAdjustedMonths(trx, scope);
  const frame = await asNowKnown(trx, await readReportFrame(trx, { period: period.id, at }));
  const adjustments = await sumAdjustments(trx, bookedAdjustments([statementId]), frame);
  const built = await buildValuePerPod(trx, { frame, adjustments });
  const { start, end, id: periodId } = period;
  const { rulebookId, currency } = locked;
  const month = { statementId, periodId, start, end, rulebookId, currency, dataAsOf: built.dataAsOf };
  await checkFrozenReport(trx, { month, frame, adjustments, built });
  const valuePerPod = await freezeReport(trx, statementId, built);
  return { valuePerPod, document: await monthDocument(trx, { ...facts, valuePerPod }) };
}

/**
 * Cost and verified value of everybody since the first day there is: benefit lags cost, so that the return of one quarter says little by itself. It
 * is the value report of these days, so that `report value-per-pod --period <first day>..<the day after the last>` says the same.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import { valuePerPod } from '../reports/value-per-pod.ts';
import { firstMonth } from '../reports/value-since-start.ts';
import type { Quarter } from './quarter.ts';

export interface SinceStart {
  /** The first day of the first month with cost or value. */
  readonly since: IsoDate;
  readonly cost: Decimal;
  readonly verified: Decimal;
  /** Of what is attributed to pods, and of everything; null: n/a. */
  readonly return: string | null;
  readonly returnOnTotal: string | null;
  readonly coverage: ValuePerPod['coverage'];
}

/** Up to the last day of the quarter's window; null where there is nothing yet, or where an exchange rate is missing. */
export async function readSinceStart(db: Kysely<DB>, { frame, report }: Quarter, at: Date): Promise<SinceStart | null> {
  const since = await firstMonth(db, frame.windowEnd);
  if (since === null) return null;
  const { currency, costMetric } = report;
  try {
    const { total, coverage } = await valuePerPod(db, {
      period: `${since}..${frame.windowEnd}`,
      at,
      currency,
      costMetric,
    });
    const { cost, verified, return: onAttributed, returnOnTotal } = total;
    return { since, cost, verified, return: onAttributed, returnOnTotal, coverage };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'missing_exchange_rate') throw error;
    return null;
  }
}

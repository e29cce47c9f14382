/** The drift that stands of a few pods, for what shows a pod: since when, how far, at what cost a month. One look-up by an index of open ones. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type Decimal, ratio, subtract } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';

export interface OpenDrift {
  readonly since: IsoDate;
  /** A median week of now ÷ that of the baseline − 1, four decimals. */
  readonly change: string;
  /** Above the baseline, in a month of 365 ÷ 12 days, to two decimals. */
  readonly perMonth: Decimal;
  readonly currency: string;
}

/** By pod; pods that do not drift are left out. */
export async function readOpenDrift(db: Kysely<DB>, podIds: readonly string[]): Promise<Map<string, OpenDrift>> {
  if (podIds.length === 0) return new Map();
  const { rows } = await sql<{
    pod_id: string;
    started_on: IsoDate;
    per_week: Decimal;
    baseline: Decimal;
    per_month: Decimal;
    currency: string;
  }>`
    select drift.pod_id, started_on, trim_scale(drift.per_week) as per_week, trim_scale(baseline.per_week) as baseline,
      trim_scale(round((drift.per_week - baseline.per_week) * 365 / 84, 2)) as per_month, baseline.currency
    from drift join drift_baseline as baseline on baseline.id = drift.baseline_id
    where drift.closed_at is null and drift.pod_id = any (${[...podIds]}::text[])
  `.execute(db);
  return new Map(
    rows.map((row) => [
      row.pod_id,
      {
        since: row.started_on,
        change: ratio(subtract(row.per_week, row.baseline), row.baseline),
        perMonth: row.per_month,
        currency: row.currency,
      },
    ]),
  );
}

/** How quiet and how right the alerts of a period were, and the drifts that were not told to anybody but finance. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type AlertPrecision, readPrecision } from '../alerts/precision.ts';
import { type DriftEpisode, readDriftEpisodes } from '../drift/drift-episodes.ts';
import { parsePeriod } from '../kernel/period.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';
import type { Cell, ReportTable } from '../sheets/report-table.ts';

export interface AlertsReport extends AlertPrecision {
  readonly drift: readonly DriftEpisode[];
}

/** @throws AppError invalid_period */
export async function alertsReport(db: Kysely<DB>, request: { period: string }): Promise<AlertsReport> {
  const period = parsePeriod(request.period, await readFiscalCalendar(db));
  return { ...(await readPrecision(db, period)), drift: await readDriftEpisodes(db, period) };
}

/** One row per figure, then one per drift with its money a month. */
export function alertsReportTable({ period, drift, ...figures }: AlertsReport): ReportTable {
  const counted = Object.entries(figures).map(([name, value]): Cell[] => [
    period.id,
    name,
    null,
    { figure: value },
    null,
  ]);
  const drifts = drift.map(({ podId, perMonth, currency }): Cell[] => [
    period.id,
    'driftPerMonth',
    podId,
    { figure: perMonth },
    currency,
  ]);
  const head = ['period', 'figure', 'pod', 'value', 'currency'];
  return { name: 'alerts', head, rows: [...counted, ...drifts] };
}

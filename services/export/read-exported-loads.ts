/** Which loads an export is of, and what it must come to: read from PostgreSQL in the export's own snapshot. */
import type pg from 'pg';
import { METRIC_COLUMNS } from '../attribution/check-conservation.ts';
import { COST_METRICS } from '../attribution/rulebook.ts';
import type { FileTotal } from '../billing/sum-file.ts';
import { compare, decimal, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { ExportedFile, ExportedLoad } from './locate-lines.ts';

interface ExportScope {
  readonly from: IsoDate;
  readonly until: IsoDate;
  readonly by: 'charge' | 'billing';
}

/** The current loads with charges in the scope, in the order of their sources and billing periods. */
export async function readExportedLoads(
  client: pg.Client,
  rulebookId: number,
  scope: ExportScope,
): Promise<ExportedLoad[]> {
  const condition =
    scope.by === 'billing'
      ? 'billing_period_start < $2::date and billing_period_end > $1::date and $3::integer is not null'
      : `exists (select from rollup_cost where load_id = load.id and rulebook_id = $3
          and charge_date >= $1::date and charge_date < $2::date)`;
  const { rows } = await client.query<{
    id: string;
    source_id: string;
    start: IsoDate;
    end: IsoDate;
    files: ExportedFile[];
  }>(
    `select id::text, source_id, billing_period_start::text as start, billing_period_end::text as "end",
      (select json_agg(json_build_object('number', ordinal, 'name', name, 'archivePath', archive_path) order by ordinal)
        from load_file where load_id = load.id and row_count > 0) as files
     from load where state = 'published' and ${condition}
     order by source_id collate "C", billing_period_start, billing_period_end`,
    [scope.from, scope.until, rulebookId],
  );
  return rows.map(({ id, source_id, start, end, files }) => ({
    loadId: id,
    sourceId: source_id,
    start,
    end,
    files: files ?? [],
  }));
}

/**
 * Holds the file's own sums against the rollups of its loads.
 * @throws AppError conservation_broken; the file is not made then.
 */
export async function refuseOtherTotals(
  client: pg.Client,
  totals: readonly FileTotal[],
  loads: readonly ExportedLoad[],
  scope: ExportScope & { rulebookId: number },
): Promise<void> {
  const { rows } = await client.query<Readonly<Record<string, string>>>(
    `select billing_currency, ${METRIC_COLUMNS.map((column) => `sum(${column})::text as ${column}`).join(', ')} from rollup_cost
     where load_id = any($1::bigint[]) and rulebook_id = $2
       and ($3 = 'billing' or charge_date >= $4::date and charge_date < $5::date)
     group by billing_currency`,
    [loads.map(({ loadId }) => loadId), scope.rulebookId, scope.by, scope.from, scope.until],
  );
  const currencies = new Set([
    ...totals.map((one) => one.billingCurrency),
    ...rows.map((row) => row['billing_currency'] ?? ''),
  ]);
  for (const currency of [...currencies].sort()) {
    const written = totals.find((one) => one.billingCurrency === currency);
    const expected = rows.find((row) => row['billing_currency'] === currency);
    for (const [index, column] of METRIC_COLUMNS.entries()) {
      const [due, found] = [decimal(expected?.[column] ?? '0'), written?.costs[index] ?? ZERO];
      if (compare(due, found) === 0) continue;
      throw new AppError(
        'conservation_broken',
        `The export does not add up: ${COST_METRICS[index] ?? column} in ${currency} should be ${due} and is ${found}. No file was made. ` +
          'This is a fault of Outturn; please report it with this message.',
        { details: { currency, metric: COST_METRICS[index], expected: due, found } },
      );
    }
  }
}

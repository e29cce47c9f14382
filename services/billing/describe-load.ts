/** Loads as `outturn ingest --json` and `GET /loads` show them. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import { isFinalSql } from './load-finality.ts';
import { type LoadWarning, readOverlaps } from './load-overlaps.ts';

export interface LoadTotalView {
  readonly billingCurrency: string;
  readonly billedCost: Decimal;
  readonly effectiveCost: Decimal;
  readonly listCost: Decimal;
  readonly contractedCost: Decimal;
}

export interface LoadView {
  readonly loadId: string;
  readonly sourceId: string;
  /** `2026-09`, or `start..end` where it is no calendar month. */
  readonly billingPeriod: string;
  readonly state: 'staging' | 'staged' | 'published' | 'superseded' | 'failed';
  /** Of a delivery, not of a load: the caller that delivered sets it. */
  readonly unchanged: boolean;
  readonly rows: number;
  /** More than zero only where the load failed. */
  readonly rejectedRows: number;
  readonly files: readonly {
    readonly name: string;
    readonly sha256: string;
    readonly rows: number;
    /** The bill format: `focus`, or a provider's own such as `aws-cur`; null where it was read by an earlier version. */
    readonly dialect: string | null;
    /** The currency that its source, or else the organisation, has; only of a file that names none. */
    readonly assumedCurrency?: string;
  }[];
  readonly totals: readonly LoadTotalView[];
  /** `final` once every charge has its invoice id; an estimate may still move. */
  readonly finality: 'estimated' | 'final';
  /** What somebody should look at; the load counts all the same. */
  readonly warnings: readonly LoadWarning[];
}

/** Describes these loads, in the order of the ids given; unknown ids are left out. */
export async function describeLoads(db: Kysely<DB>, loadIds: readonly string[]): Promise<{ loads: LoadView[] }> {
  const ids = [...new Set(loadIds)];
  if (ids.length === 0) return { loads: [] };
  // Money inside JSON is text: a driver would read a JSON number as a float.
  const { rows } = await sql<{
    id: string;
    source_id: string;
    start: IsoDate;
    end: IsoDate;
    state: LoadView['state'];
    rows: string;
    rejected: number;
    files: LoadView['files'];
    totals: LoadTotalView[];
    finality: LoadView['finality'];
  }>`
    select load.id, source_id, billing_period_start as start, billing_period_end as "end", state,
      case when ${isFinalSql('load')} then 'final' else 'estimated' end as finality,
      coalesce(load.row_count, (select sum(row_count) from load_file where load_id = load.id), 0)::text as rows,
      (select count(distinct (ordinal, record))::int from rejection where load_id = load.id) as rejected,
      (select coalesce(json_agg(jsonb_build_object('name', name, 'sha256', sha256, 'rows', coalesce(row_count, 0), 'dialect', dialect)
          || jsonb_strip_nulls(jsonb_build_object('assumedCurrency', assumed_currency)) order by ordinal), '[]')
        from load_file where load_id = load.id) as files,
      (select coalesce(json_agg(json_build_object('billingCurrency', billing_currency, 'billedCost', trim_scale(billed_cost)::text,
          'effectiveCost', trim_scale(effective_cost)::text, 'listCost', trim_scale(list_cost)::text,
          'contractedCost', trim_scale(contracted_cost)::text) order by billing_currency), '[]')
        from load_total where load_id = load.id) as totals
    from load where load.id = any(${ids}::bigint[])`.execute(db);
  const warnings = await readOverlaps(db, ids);
  const views = new Map(
    rows.map((row): [string, LoadView] => [
      row.id,
      {
        loadId: row.id,
        sourceId: row.source_id,
        billingPeriod: billingPeriodName(row.start, row.end),
        state: row.state,
        unchanged: false,
        rows: Number(row.rows),
        rejectedRows: row.rejected,
        files: row.files,
        totals: row.totals,
        finality: row.finality,
        warnings: warnings.get(row.id) ?? [],
      },
    ]),
  );
  return { loads: loadIds.flatMap((id) => views.get(id) ?? []) };
}

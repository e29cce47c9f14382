/**
 * What an export is made of: stretches of charge dates, each of its own knowledge. Closed months come from their statements, with the loads
 * and the rulebook of the close; all else is as now known. Read from PostgreSQL in the export's own snapshot.
 */
import type pg from 'pg';
import { METRIC_COLUMNS } from '../attribution/check-conservation.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { COST_METRICS } from '../attribution/rulebook.ts';
import type { FileTotal } from '../billing/sum-file.ts';
import { compare, decimal, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import { openRanges } from '../periods/closed-months.ts';
import type { ExportedFile, ExportedLoad } from './locate-lines.ts';

export interface ExportScope {
  readonly from: IsoDate;
  readonly until: IsoDate;
  /** By charge date: lines of these dates. By billing period: whole billing periods that touch them, as now known. */
  readonly by: 'charge' | 'billing';
  /** Closed months as now known too. */
  readonly asNow: boolean;
  /** Of this statement alone, whether others supersede it or not. */
  readonly statementId: string | null;
}

/** The statement of a month: what the close froze. */
export interface ExportedStatement {
  readonly statementId: number;
  readonly periodId: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly rulebookId: number;
  readonly knownAt: string;
}

export interface ExportedPart {
  readonly from: IsoDate;
  readonly until: IsoDate;
  readonly by: 'charge' | 'billing';
  /** Null: as now known. */
  readonly statement: ExportedStatement | null;
  readonly rulebook: { readonly id: number; readonly content: RulebookContent };
  /** In the order of their sources and billing periods. */
  readonly loads: readonly ExportedLoad[];
}

/** The parts of a scope, by date. */
export async function readExportedParts(client: pg.Client, scope: ExportScope): Promise<ExportedPart[]> {
  const { by, asNow, statementId } = scope;
  const closed = by === 'billing' || (asNow && statementId === null) ? [] : await readStatements(client, scope);
  const open = statementId === null ? openRanges({ start: scope.from, end: scope.until }, closed) : [];
  const stretches = [
    ...closed.map((statement) => ({ from: statement.start, until: statement.end, statement })),
    ...open.map(({ start, end }) => ({ from: start, until: end, statement: null })),
  ].sort((one, other) => (one.from < other.from ? -1 : 1));
  const parts: ExportedPart[] = [];
  for (const stretch of stretches) {
    const rulebook = await readRulebook(client, stretch.statement?.rulebookId ?? null);
    const part = { ...stretch, by, rulebook };
    parts.push({ ...part, loads: await readLoads(client, part) });
  }
  return parts;
}

/** The approved statements of months: those of the one asked for, else those that stand, cut to the scope. */
async function readStatements(
  client: pg.Client,
  { from, until, statementId }: ExportScope,
): Promise<ExportedStatement[]> {
  const which =
    statementId === null
      ? `month.period_start < $2::date and month.period_end > $1::date and $3::text is null and not exists (
          select from statement as later where later.supersedes_id = month.id and later.state = 'approved')`
      : `(month.id::text = $3 or month.id in (select month_statement_id from statement_month where statement_id::text = $3))
          and month.period_start < $2::date and month.period_end > $1::date`;
  const { rows } = await client.query<ExportedStatement>(
    `select id as "statementId", period_id as "periodId", greatest(period_start, $1::date)::text as start,
      least(period_end, $2::date)::text as end, rulebook_id as "rulebookId", known_at::text as "knownAt"
    from statement as month where kind = 'month' and state = 'approved' and ${which} order by period_start`,
    [from, until, statementId],
  );
  return rows;
}

async function readRulebook(client: pg.Client, rulebookId: number | null): Promise<ExportedPart['rulebook']> {
  const { rows } = await client.query<ExportedPart['rulebook']>(
    'select id, content from rulebook where id = coalesce($1, (select rulebook_id from organisation))',
    [rulebookId],
  );
  const [rulebook] = rows;
  if (rulebook === undefined) throw new Error('a rulebook that is in force or frozen is there');
  return rulebook;
}

async function readLoads(client: pg.Client, part: Omit<ExportedPart, 'loads'>): Promise<ExportedLoad[]> {
  const { from, until, by, statement, rulebook } = part;
  const hasCharges = `exists (select from rollup_cost where load_id = load.id and rulebook_id = $3
    and charge_date >= $1::date and charge_date < $2::date)`;
  const which =
    by === 'billing'
      ? `state = 'published' and billing_period_start < $2::date and billing_period_end > $1::date and $3::integer is not null
          and $4::integer is null`
      : statement === null
        ? `state = 'published' and $4::integer is null and ${hasCharges}`
        : `id in (select load_id from statement_load where statement_id = $4) and ${hasCharges}`;
  const { rows } = await client.query<ExportedLoad & { files: ExportedFile[] | null }>(
    `select id::text as "loadId", source_id as "sourceId", billing_period_start::text as start, billing_period_end::text as "end",
      (select json_agg(json_build_object('number', ordinal, 'name', name, 'archivePath', archive_path) order by ordinal)
        from load_file where load_id = load.id and row_count > 0) as files
     from load where ${which}
     order by source_id collate "C", billing_period_start, billing_period_end`,
    [from, until, rulebook.id, statement?.statementId ?? null],
  );
  return rows.map((row) => ({ ...row, files: row.files ?? [] }));
}

/** What the lines of a part must come to, by currency: its statement's own rows, or the rollups of its loads. */
async function readDue(client: pg.Client, part: ExportedPart): Promise<Readonly<Record<string, string>>[]> {
  const { from, until, by, statement, rulebook, loads } = part;
  const sums = METRIC_COLUMNS.map((column) => `sum(${column})::text as ${column}`).join(', ');
  if (statement !== null) {
    const { rows } = await client.query<Readonly<Record<string, string>>>(
      `select billing_currency, ${sums} from statement_pod_day where statement_id = $1 and kind <> 'owned'
        and charge_date >= $2::date and charge_date < $3::date group by billing_currency`,
      [statement.statementId, from, until],
    );
    return rows;
  }
  const { rows } = await client.query<Readonly<Record<string, string>>>(
    `select billing_currency, ${sums} from rollup_cost
     where load_id = any($1::bigint[]) and rulebook_id = $2
       and ($3 = 'billing' or charge_date >= $4::date and charge_date < $5::date)
     group by billing_currency`,
    [loads.map(({ loadId }) => loadId), rulebook.id, by, from, until],
  );
  return rows;
}

/**
 * Holds a part's sums against what they must be.
 * @throws AppError conservation_broken; the file is not made then.
 */
export async function refuseOtherTotals(
  client: pg.Client,
  part: ExportedPart,
  totals: readonly FileTotal[],
): Promise<void> {
  const rows = await readDue(client, part);
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
      const of = part.statement === null ? '' : ` of statement ${part.statement.statementId}`;
      throw new AppError(
        'conservation_broken',
        `The export does not add up: ${COST_METRICS[index] ?? column}${of} in ${currency} should be ${due} and is ${found}. No file was made. ` +
          'This is a fault of Outturn; please report it with this message.',
        { details: { currency, metric: COST_METRICS[index], expected: due, found } },
      );
    }
  }
}

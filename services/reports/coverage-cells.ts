/**
 * A period's money by origin, rule and charge month, where possible from the months that staging added up
 * (`load_origin`), a sixth of the charges. Charges themselves are read only where their date decides: the rule of their origin
 * changes within the period, nobody can carry their split on some day, their currency is converted, or their month is cut.
 *
 * Shared cost counts as attributed where somebody carries it. Who carries a split depends on its rule, the charge date and the
 * currency alone, so a charge of a split is left over exactly where `shared_cost` has no pod for these three.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { laidAttribution } from '../attribution/laid-attribution.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { readRulebook } from '../attribution/store-rulebook.ts';
import { monthOf, monthsTouched } from '../kernel/period.ts';
import { type DateRange, openRanges } from '../periods/closed-months.ts';
import { rateOf } from '../periods/closed-rows.ts';
import { listLoadsOf } from './cost-lines.ts';
import type { ReportFrame } from './report-frame.ts';

/** Charges that are read under one rulebook: the loads that hold them, and its names and attribution. */
export interface ChargeScope {
  readonly frame: ReportFrame;
  readonly loadIds: readonly string[];
  readonly content: RulebookContent;
  /** A query in parentheses, as `laidAttribution` gives it. */
  readonly attribution: RawBuilder<unknown>;
}

/** Days that are read alike: as now known (no statement), or as a statement froze them. */
export interface CoveragePart extends DateRange {
  readonly statementId: number | null;
  readonly loadIds: readonly string[];
  readonly content: RulebookContent;
  readonly attribution: RawBuilder<unknown>;
}

/** The parts of a frame's period, ascending by date. */
export interface CoverageScope {
  readonly frame: ReportFrame;
  readonly parts: readonly CoveragePart[];
}

/** The charges of the frame's period as now known. */
export async function readChargeScope(db: Kysely<DB>, frame: ReportFrame): Promise<ChargeScope> {
  const { content } = await readRulebook(db, frame.rulebook);
  const attribution = await laidAttribution(db, frame.rulebook);
  return { frame, content, loadIds: await listLoadsOf(db, frame), attribution };
}

/** The scope of a frame: its open days by the rulebook in force, each closed month by its statement's loads and rulebook. */
export async function readCoverageScope(db: Kysely<DB>, frame: ReportFrame): Promise<CoverageScope> {
  const open = openRanges(frame.period, frame.closed);
  const current = open.length === 0 ? null : await readChargeScope(db, frame);
  const parts: CoveragePart[] =
    current === null ? [] : open.map(({ start, end }) => ({ ...current, statementId: null, start, end }));
  for (const { statementId, start, end, rulebookId } of frame.closed) {
    const { content } = await readRulebook(db, rulebookId);
    const attribution = await laidAttribution(db, rulebookId);
    parts.push({ statementId, start, end, loadIds: await listLoadsOfStatement(db, statementId), content, attribution });
  }
  return { frame, parts: parts.sort((left, right) => (left.start < right.start ? -1 : 1)) };
}

async function listLoadsOfStatement(db: Kysely<DB>, statementId: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select load_id::text as id from statement_load where statement_id = ${statementId} order by load_id
  `.execute(db);
  return rows.map((row) => row.id);
}

export const COSTS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'] as const;

/**
 * Plans for many rows that pass through steps without statistics, where the planner would walk an index once per row, or in its whole
 * length: hashes only. What staging wrote a moment ago has no statistics either.
 */
const BULK_PLANS = [
  ['enable_nestloop', 'off'],
  ['enable_mergejoin', 'off'],
  ['work_mem', '64MB'],
  ['jit', 'off'],
] as const;

/** Reads with the plans that many rows need: in the transaction at hand, or in one of its own that sees one state of the database. */
export async function withBulkReads<Result>(
  db: Kysely<DB>,
  read: (db: Kysely<DB>) => Promise<Result>,
): Promise<Result> {
  const work = async (trx: Kysely<DB>) => {
    const settings = sql.join(BULK_PLANS.map(([name, value]) => sql`set_config(${name}, ${value}, true)`));
    await sql`select ${settings}`.execute(trx);
    const result = await read(trx);
    for (const [name] of BULK_PLANS) await sql`set local ${sql.ref(name)} to default`.execute(trx);
    return result;
  };
  if (db.isTransaction) return work(db);
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work);
}

/**
 * The steps of a WITH clause that end in `amount`: rows (origin_id, kind, rule_id, charge_month, is_attributed, four metrics in the
 * report's currency, line_count, is_missing: a rate is), several of which may be of one cell.
 */
export function amountSteps({ frame, parts }: CoverageScope): RawBuilder<unknown> {
  const steps = parts.map((part, index) => partSteps(frame, part, `_${index}`));
  const amounts = sql.join(
    parts.map((_, index) => sql`select * from ${sql.table(`amount_${index}`)}`),
    sql` union all `,
  );
  return sql`${sql.join(steps)}, amount as materialized (${amounts})`;
}

/** The steps of one part, their names ending in its suffix. */
function partSteps(frame: ReportFrame, part: CoveragePart, suffix: string): RawBuilder<unknown> {
  const { start, end, statementId, loadIds, attribution } = part;
  const [uncarried, stretch, amount] = ['uncarried', 'stretch', 'amount'].map((name) => sql.table(`${name}${suffix}`));
  const whole = wholeMonths(part);
  const loads = sql`${[...loadIds]}::bigint[]`;
  const costs = sql.join(COSTS.map((metric) => sql.ref(metric)));
  const plain = sql.join(COSTS.map((metric) => sql.ref(`charge.${metric}`)));
  const converted = sql.join(COSTS.map((metric) => convertedCost(frame, metric, statementId)));
  const isMissing = sql`charge.billing_currency <> ${frame.currency} and ${rateOf(statementId !== null)} is null`;
  const sharedCost =
    statementId === null ? sql`shared_cost where true` : sql`statement_shared_cost where statement_id = ${statementId}`;
  const chargesOf = (money: RawBuilder<unknown>, conversion: RawBuilder<unknown>) => sql`
    select charge.origin_id, stretch.kind, stretch.rule_id, date_trunc('month', charge.charge_date::timestamp)::date,
      stretch.kind = 'pod' or (stretch.kind = 'split' and uncarried.rule_id is null), ${money}
    from charge
    join ${stretch} as stretch on stretch.origin_id = charge.origin_id
      and stretch.valid_from <= charge.charge_date and stretch.valid_until > charge.charge_date
    left join ${uncarried} as uncarried on stretch.kind = 'split' and uncarried.rule_id = stretch.rule_id
      and uncarried.charge_date = charge.charge_date and uncarried.billing_currency = charge.billing_currency
    ${conversion}
    where charge.load_id = any(${loads}) and charge.charge_date >= ${start} and charge.charge_date < ${end}`;
  const isPlain = sql`(charge.billing_currency = ${frame.currency}
    and charge.charge_date >= ${whole.start} and charge.charge_date < ${whole.end})`;
  return sql`
    ${uncarried} as materialized (
      select distinct rule_id, charge_date, billing_currency from ${sharedCost}
        and pod_id is null and charge_date >= ${start} and charge_date < ${end}
    ), ${stretch} as materialized (
      select origin_id, rule_id, kind, valid_from, valid_until, valid_from <= ${start} and valid_until >= ${end}
        and not (kind = 'split' and rule_id in (select rule_id from ${uncarried})) as is_whole
      from ${attribution} as attribution where valid_from < ${end} and valid_until > ${start}
    ), ${amount} (origin_id, kind, rule_id, charge_month, is_attributed, ${costs}, line_count, is_missing) as not materialized (
      select stretch.origin_id, stretch.kind, stretch.rule_id, month.charge_month, stretch.kind <> 'unattributed', ${costs},
        month.line_count, false
      from load_origin as month join ${stretch} as stretch on stretch.origin_id = month.origin_id
      where stretch.is_whole and month.load_id = any(${loads}) and month.billing_currency = ${frame.currency}
        and month.charge_month >= ${whole.start} and month.charge_month < ${whole.end}
      union all
      ${chargesOf(sql`${plain}, charge.line_count, false`, sql``)} and ${isPlain} and not stretch.is_whole
      union all
      ${chargesOf(sql`${converted}, charge.line_count, ${isMissing}`, conversionJoin(frame, statementId))} and not ${isPlain}
    )`;
}

/** The rate of a charge whose currency is another than the report's: of a statement's day the one it froze, where it did. */
export function conversionJoin({ currency }: ReportFrame, statementId: number | null = null): RawBuilder<unknown> {
  const live = sql`left join conversion_rate as conversion on charge.billing_currency <> ${currency}
      and conversion.from_currency = charge.billing_currency and conversion.to_currency = ${currency}
      and conversion.on_date = charge.charge_date`;
  if (statementId === null) return live;
  return sql`${live} left join statement_rate as frozen on charge.billing_currency <> ${currency}
      and frozen.statement_id = ${statementId} and frozen.from_currency = charge.billing_currency
      and frozen.to_currency = ${currency} and frozen.on_date = charge.charge_date`;
}

/** One metric of a charge in the report's currency: null where the rate is missing. */
export function convertedCost(
  { currency }: ReportFrame,
  column: string,
  statementId: number | null = null,
): RawBuilder<unknown> {
  const cost = sql.ref(`charge.${column}`);
  return sql`case when charge.billing_currency = ${currency} then ${cost} else ${cost} * ${rateOf(statementId !== null)} end`;
}

/** The months that lie in the days as a whole, from the first's start to the day after the last; empty where none does. */
function wholeMonths({ start, end }: DateRange): DateRange {
  const months = monthsTouched(start, end)
    .map(monthOf)
    .filter((month) => month.start >= start && month.end <= end);
  const [first] = months;
  return first === undefined ? { start, end: start } : { start: first.start, end: months.at(-1)?.end ?? first.end };
}

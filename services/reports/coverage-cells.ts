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
import { type IsoDate, monthOf, monthsTouched, type Period } from '../kernel/period.ts';
import { listLoadsOf } from './cost-lines.ts';
import type { ReportFrame } from './report-frame.ts';

/** What is read: the loads that hold the frame's charges, and the rulebook's names and attribution. */
export interface CoverageScope {
  readonly frame: ReportFrame;
  readonly loadIds: readonly string[];
  readonly content: RulebookContent;
  /** A query in parentheses, as `laidAttribution` gives it. */
  readonly attribution: RawBuilder<unknown>;
}

/** The scope of a frame. */
export async function readCoverageScope(db: Kysely<DB>, frame: ReportFrame): Promise<CoverageScope> {
  const { content } = await readRulebook(db, frame.rulebook);
  const attribution = await laidAttribution(db, frame.rulebook);
  return { frame, content, loadIds: await listLoadsOf(db, frame), attribution };
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
export function amountSteps({ frame, loadIds, attribution }: CoverageScope): RawBuilder<unknown> {
  const { start, end } = frame.period;
  const whole = wholeMonths(frame.period);
  const loads = sql`${[...loadIds]}::bigint[]`;
  const costs = sql.join(COSTS.map((metric) => sql.ref(metric)));
  const plain = sql.join(COSTS.map((metric) => sql.ref(`charge.${metric}`)));
  const converted = sql.join(COSTS.map((metric) => convertedCost(frame, metric)));
  const isMissing = sql`charge.billing_currency <> ${frame.currency} and conversion.rate is null`;
  const chargesOf = (money: RawBuilder<unknown>, conversion: RawBuilder<unknown>) => sql`
    select charge.origin_id, stretch.kind, stretch.rule_id, date_trunc('month', charge.charge_date::timestamp)::date,
      stretch.kind = 'pod' or (stretch.kind = 'split' and uncarried.rule_id is null), ${money}
    from charge
    join stretch on stretch.origin_id = charge.origin_id
      and stretch.valid_from <= charge.charge_date and stretch.valid_until > charge.charge_date
    left join uncarried on stretch.kind = 'split' and uncarried.rule_id = stretch.rule_id
      and uncarried.charge_date = charge.charge_date and uncarried.billing_currency = charge.billing_currency
    ${conversion}
    where charge.load_id = any(${loads}) and charge.charge_date >= ${start} and charge.charge_date < ${end}`;
  const isPlain = sql`(charge.billing_currency = ${frame.currency}
    and charge.charge_date >= ${whole.start} and charge.charge_date < ${whole.end})`;
  return sql`
    uncarried as materialized (
      select distinct rule_id, charge_date, billing_currency from shared_cost
      where pod_id is null and charge_date >= ${start} and charge_date < ${end}
    ), stretch as materialized (
      select origin_id, rule_id, kind, valid_from, valid_until, valid_from <= ${start} and valid_until >= ${end}
        and not (kind = 'split' and rule_id in (select rule_id from uncarried)) as is_whole
      from ${attribution} as attribution where valid_from < ${end} and valid_until > ${start}
    ), amount (origin_id, kind, rule_id, charge_month, is_attributed, ${costs}, line_count, is_missing) as materialized (
      select stretch.origin_id, stretch.kind, stretch.rule_id, month.charge_month, stretch.kind <> 'unattributed', ${costs},
        month.line_count, false
      from load_origin as month join stretch on stretch.origin_id = month.origin_id
      where stretch.is_whole and month.load_id = any(${loads}) and month.billing_currency = ${frame.currency}
        and month.charge_month >= ${whole.start} and month.charge_month < ${whole.end}
      union all
      ${chargesOf(sql`${plain}, charge.line_count, false`, sql``)} and ${isPlain} and not stretch.is_whole
      union all
      ${chargesOf(sql`${converted}, charge.line_count, ${isMissing}`, conversionJoin(frame))} and not ${isPlain}
    )`;
}

/** The rate of a charge whose currency is another than the report's. */
export function conversionJoin(frame: ReportFrame): RawBuilder<unknown> {
  return sql`left join conversion_rate as conversion on charge.billing_currency <> ${frame.currency}
      and conversion.from_currency = charge.billing_currency and conversion.to_currency = ${frame.currency}
      and conversion.on_date = charge.charge_date`;
}

/** One metric of a charge in the report's currency: null where the rate is missing. */
export function convertedCost(frame: ReportFrame, column: string): RawBuilder<unknown> {
  const cost = sql.ref(`charge.${column}`);
  return sql`case when charge.billing_currency = ${frame.currency} then ${cost} else ${cost} * conversion.rate end`;
}

/** The months that lie in the period as a whole, from the first's start to the day after the last; empty where none does. */
function wholeMonths({ start, end }: Period): { start: IsoDate; end: IsoDate } {
  const months = monthsTouched(start, end)
    .map(monthOf)
    .filter((month) => month.start >= start && month.end <= end);
  const [first] = months;
  return first === undefined ? { start, end: start } : { start: first.start, end: months.at(-1)?.end ?? first.end };
}

/**
 * Which charges a planned rulebook attributes otherwise: found by comparing the attribution of origins, never by asking lines about rules.
 * From them come the lines affected, the rules that win and lose, and the origins that are newly attributed or lost.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from '../attribution/bulk-plans.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { METRIC_COLUMN } from '../attribution/check-conservation.ts';
import { laidAttribution } from '../attribution/laid-attribution.ts';
import { movedRules } from '../attribution/moved-rules.ts';
import { readLayers } from '../attribution/rulebook-layers.ts';
import type { CostMetric, Rule, RulebookContent } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';

/** Cost and lines that a rule takes from others, and that others take from it. */
export interface RuleMoved {
  /** Null: no rule, that is unattributed. */
  readonly ruleId: string | null;
  readonly currency: string;
  readonly gained: Decimal;
  readonly gainedLines: string;
  readonly lost: Decimal;
  readonly lostLines: string;
}

export interface OriginMoved {
  readonly originId: string;
  readonly providerName: string | null;
  readonly subAccountId: string | null;
  readonly serviceName: string | null;
  readonly resourceId: string | null;
  readonly fromRule: string | null;
  readonly fromPod: string | null;
  readonly toRule: string | null;
  readonly toPod: string | null;
  readonly lines: string;
  readonly currency: string;
  readonly cost: Decimal;
}

export interface OriginsMoved {
  readonly count: number;
  readonly lines: string;
  readonly costs: readonly { readonly currency: string; readonly cost: Decimal }[];
  /** By the size of their cost. */
  readonly biggest: readonly OriginMoved[];
}

export interface MovedCharges {
  /** Lines of the bills whose attribution changes, or whose rule splits otherwise. */
  readonly linesAffected: string;
  /** Those with the most cost, gained and lost; the others are counted in `rulesLeftOut`. */
  readonly rules: readonly RuleMoved[];
  readonly rulesLeftOut: number;
  readonly origins: { readonly attributed: OriginsMoved; readonly lost: OriginsMoved };
}

const RULES_MAX = 50;
const ORIGINS_MAX = 10;
/** The charges of fewer stretches are looked up by origin; for more of them all are read once, or their sums by month. */
const LOOKED_UP_MAX = 2_000;

/** Reads what moves between two rulebooks that are ready for these loads; planned_rate is there. */
export async function readMovedCharges(
  trx: Transaction<DB>,
  plan: {
    from: number;
    to: number;
    loadIds: readonly string[];
    currency: string;
    costMetric: CostMetric;
    change: RuleChange;
    /** Fewer stretches than this have their charges looked up. */
    lookedUpMax?: number;
  },
): Promise<MovedCharges> {
  const stretches = await withBulkPlans(trx, () => fillStretches(trx, plan));
  await sql`analyze moved_stretch (origin_id)`.execute(trx);
  const isLookedUp = stretches < (plan.lookedUpMax ?? LOOKED_UP_MAX);
  const isByMonth = !isLookedUp && !(await needsDates(trx, plan.currency));
  await withBulkPlans(trx, () => fillMoved(trx, { ...plan, isLookedUp, isByMonth }));
  await sql`analyze moved (origin_id)`.execute(trx);
  const linesAffected = await countLines(trx, plan);
  const rules = await readRules(trx);
  return {
    linesAffected,
    rules: rules.slice(0, RULES_MAX),
    rulesLeftOut: Math.max(0, rules.length - RULES_MAX),
    origins: {
      attributed: await readOrigins(trx, sql`from_kind = 'unattributed' and to_kind <> 'unattributed'`),
      lost: await readOrigins(trx, sql`from_kind <> 'unattributed' and to_kind = 'unattributed'`),
    },
  };
}

/** How the rules of two rulebooks differ, by the rules' ids. */
export interface RuleChange {
  /**
   * Rules that both have and that give to another pod, or share out otherwise: lines that keep such a rule are affected although no rule takes
   * them from another. Their number is the rollups' to tell; which origins they are is asked only where cost is attributed or lost.
   */
  readonly turned: readonly string[];
  /** The only former rules whose lines can have moved otherwise; null: any line can. */
  readonly leaving: readonly string[] | null;
}

/** Compares two rulebooks' rules. */
export function compareRules(former: RulebookContent, planned: RulebookContent): RuleChange {
  const formerRules = new Map(former.rules.map((rule) => [rule.id, rule]));
  const turned = planned.rules.flatMap((rule) => {
    const before = formerRules.get(rule.id);
    const [from, to] = [before === undefined ? null : givenTo(before), givenTo(rule)];
    return from !== null && to !== null && from !== to ? [rule.id] : [];
  });
  const { gone, asked, given } = movedRules(former, planned);
  const others = given.map(({ ruleId }) => ruleId).filter((id) => !turned.includes(id));
  return { turned, leaving: asked.length > 0 ? null : [...gone, ...others] };
}

/** Null: to nobody, or to whom a tag names. */
function givenTo(rule: Rule): string | null {
  if ('pod' in rule) return `pod ${rule.pod}`;
  return 'split' in rule ? `split ${canonicalJson(rule.split)}` : null;
}

/** Writes moved_stretch, without what keeps one of the turned rules; gives how many there are. */
async function fillStretches(
  trx: Transaction<DB>,
  { from, to, change: { turned, leaving } }: { from: number; to: number; change: RuleChange },
): Promise<number> {
  await sql`
    create temporary table moved_stretch (origin_id bigint, valid_from date, valid_until date, from_kind text, from_rule text, from_pod text,
      to_kind text, to_rule text, to_pod text) on commit drop
  `.execute(trx);
  if (leaving?.length === 0) return 0;
  const [former, planned] = await laidAttributions(trx, from, to);
  const written = await sql`
    insert into moved_stretch
    select former.origin_id, greatest(former.valid_from, planned.valid_from), least(former.valid_until, planned.valid_until),
      former.kind, former.rule_id, former.pod_id, planned.kind, planned.rule_id, planned.pod_id
    from ${former} as former
    join ${planned} as planned on planned.origin_id = former.origin_id
      and planned.valid_from < former.valid_until and planned.valid_until > former.valid_from
    where (former.kind, former.rule_id, former.pod_id) is distinct from (planned.kind, planned.rule_id, planned.pod_id)
      and (former.rule_id = planned.rule_id and planned.rule_id = any(${[...turned]}::text[])) is not true
      ${leaving === null ? sql`` : sql`and former.rule_id = any(${[...leaving]}::text[])`}
  `.execute(trx);
  return Number(written.numAffectedRows ?? 0n);
}

/** The lines of what moved, and those of the turned rules' cells that did not come from another rule. */
async function countLines(
  trx: Transaction<DB>,
  { to, loadIds, change: { turned } }: { to: number; loadIds: readonly string[]; change: RuleChange },
): Promise<string> {
  const { rows } = await sql<{ lines: string }>`
    select (coalesce(moved.lines, 0) + coalesce(kept.lines, 0))::text as lines
    from (select sum(lines) filter (where (to_rule = any(${[...turned]}::text[])) is not true) as lines from moved) as moved,
      (select sum(line_count) as lines from rollup_cost
        where load_id = any(${[...loadIds]}::bigint[]) and rulebook_id = ${to} and rule_id = any(${[...turned]}::text[])) as kept
  `.execute(trx);
  return rows[0]?.lines ?? '0';
}

/**
 * Both attributions; where one rulebook is laid upon the other, of the origins only that the upper one has rows of its own for: no other
 * can differ.
 */
async function laidAttributions(
  trx: Transaction<DB>,
  from: number,
  to: number,
): Promise<[former: RawBuilder<unknown>, planned: RawBuilder<unknown>]> {
  const own = (upper: number) => sql`(select * from attribution where rulebook_id = ${upper})`;
  const below = (lower: number, upper: number) => sql`(
    select * from attributed_origin where rulebook_id = ${lower}
      and origin_id in (select origin_id from attribution where rulebook_id = ${upper}))`;
  const [, baseOfTo] = await readLayers(trx, to);
  if (baseOfTo === from) return [below(from, to), own(to)];
  const [, baseOfFrom] = await readLayers(trx, from);
  return baseOfFrom === to
    ? [own(from), below(to, from)]
    : [await laidAttribution(trx, from), await laidAttribution(trx, to)];
}

/** Whether the date of a charge decides what it counts for: a stretch begins or ends somewhere, or a currency is converted by the day. */
async function needsDates(db: Kysely<DB>, currency: string): Promise<boolean> {
  const { rows } = await sql<{ isDated: boolean }>`
    select exists (select from moved_stretch where valid_from <> '-infinity' or valid_until <> 'infinity')
      or exists (select from planned_rate where billing_currency <> ${currency}) as "isDated"
  `.execute(db);
  return rows[0]?.isDated ?? true;
}

/**
 * By origin and move, in the reporting currency at the planned rates where they can be converted. `isByMonth`: the sums of each origin by
 * month (`load_origin`) are read, a sixth of its charges; they have what the charges have where no date decides.
 */
async function fillMoved(
  trx: Transaction<DB>,
  plan: {
    loadIds: readonly string[];
    currency: string;
    costMetric: CostMetric;
    isLookedUp: boolean;
    isByMonth: boolean;
  },
): Promise<void> {
  const { currency } = plan;
  const isOfOrigin = sql`charge.load_id = any(${[...plan.loadIds]}::bigint[]) and charge.origin_id = stretch.origin_id`;
  const isOfStretch = sql`${isOfOrigin}
    and charge.charge_date >= stretch.valid_from and charge.charge_date < stretch.valid_until`;
  // A lateral query that is kept as it is walks the charges' index by origin, once for each stretch.
  const charges = plan.isLookedUp
    ? sql`cross join lateral (select * from charge where ${isOfStretch} offset 0) as charge`
    : sql`join charge on ${isOfStretch}`;
  const cost = sql.ref(`charge.${METRIC_COLUMN[plan.costMetric]}`);
  await sql`
    create temporary table moved (origin_id bigint, from_kind text, from_rule text, from_pod text, to_kind text, to_rule text, to_pod text,
      currency text, cost numeric, lines numeric) on commit drop
  `.execute(trx);
  const [moneyOf, billed] = plan.isByMonth
    ? [sql`charge.billing_currency, sum(${cost})`, sql`join load_origin as charge on ${isOfOrigin}`]
    : [
        sql`case when rate.on_date is null then charge.billing_currency else ${currency} end, sum(${cost} * coalesce(rate.planned, 1))`,
        sql`${charges}
          left join planned_rate as rate on rate.billing_currency = charge.billing_currency and rate.on_date = charge.charge_date`,
      ];
  await sql`
    insert into moved
    select stretch.origin_id, from_kind, from_rule, from_pod, to_kind, to_rule, to_pod, ${moneyOf}, sum(charge.line_count)
    from moved_stretch as stretch ${billed}
    group by 1, 2, 3, 4, 5, 6, 7, 8
  `.execute(trx);
}

async function readRules(db: Kysely<DB>): Promise<RuleMoved[]> {
  const { rows } = await sql<RuleMoved>`
    select rule_id as "ruleId", currency, trim_scale(sum(gained)) as gained, sum(gained_lines)::text as "gainedLines",
      trim_scale(sum(lost)) as lost, sum(lost_lines)::text as "lostLines"
    from (
      select to_rule as rule_id, currency, cost as gained, lines as gained_lines, 0::numeric as lost, 0::numeric as lost_lines
      from moved where to_rule is distinct from from_rule
      union all
      select from_rule, currency, 0, 0, cost, lines from moved where to_rule is distinct from from_rule
    ) as side
    group by rule_id, currency
    order by greatest(abs(sum(gained)), abs(sum(lost))) desc, rule_id collate "C" nulls last, currency collate "C"
  `.execute(db);
  return rows;
}

async function readOrigins(db: Kysely<DB>, which: RawBuilder<unknown>): Promise<OriginsMoved> {
  const { rows: counts } = await sql<{ count: number; lines: string }>`
    select count(distinct origin_id)::int as count, coalesce(sum(lines), 0)::text as lines from moved where ${which}
  `.execute(db);
  const { rows: costs } = await sql<{ currency: string; cost: Decimal }>`
    select currency, trim_scale(sum(cost)) as cost from moved where ${which} group by currency order by currency collate "C"
  `.execute(db);
  const { rows: biggest } = await sql<OriginMoved>`
    select origin_id::text as "originId", provider_name as "providerName", sub_account_id as "subAccountId", service_name as "serviceName",
      resource_id as "resourceId", from_rule as "fromRule", from_pod as "fromPod", to_rule as "toRule", to_pod as "toPod",
      lines::text as lines, currency, trim_scale(cost) as cost
    from (select * from moved where ${which} order by abs(cost) desc, origin_id limit ${ORIGINS_MAX}) as moved
    join origin on origin.id = moved.origin_id order by abs(cost) desc, origin_id
  `.execute(db);
  return { count: counts[0]?.count ?? 0, lines: counts[0]?.lines ?? '0', costs, biggest };
}

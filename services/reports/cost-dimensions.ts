/**
 * What costs can be grouped and filtered by, and where each dimension lives: in the rollups (fast), on the origin of a charge (the
 * charges themselves are read then), or in a tag. Names are those of the organisation file's `when`, and our own.
 */
import { type RawBuilder, sql } from 'kysely';
import { DIMENSION_COLUMNS } from '../attribution/compile-when.ts';
import { RULE_DIMENSIONS, type RuleDimension } from '../attribution/rulebook.ts';
import { AppError } from '../kernel/errors.ts';
import { didYouMean, listWords } from '../organisation/suggestion.ts';

const OWN_DIMENSIONS = [
  'pod',
  'portfolio',
  'owner',
  'costCentre',
  'rule',
  'source',
  'day',
  'month',
  'billingPeriod',
  'billingCurrency',
  'kind',
] as const;
type OwnDimension = (typeof OWN_DIMENSIONS)[number];

export type CostDimension =
  | { readonly name: string; readonly place: 'own'; readonly own: OwnDimension }
  /** `isKept`: the rollups and the split parts of shared cost have it too. */
  | { readonly name: string; readonly place: 'origin'; readonly column: string; readonly isKept: boolean }
  | { readonly name: string; readonly place: 'tag'; readonly key: string };

const KEPT_COLUMNS: ReadonlySet<string> = new Set(['provider_name', 'service_name', 'charge_category']);
const TAG_PREFIX = 'tag.';
const DIMENSIONS_MAX = 12;

/**
 * Reads the name of a dimension.
 * @throws AppError invalid_input with a suggestion.
 */
export function parseDimension(name: string): CostDimension {
  const own = OWN_DIMENSIONS.find((known) => known === name);
  if (own !== undefined) return { name, place: 'own', own };
  if (isRuleDimension(name)) {
    const column = DIMENSION_COLUMNS[name];
    return { name, place: 'origin', column, isKept: KEPT_COLUMNS.has(column) };
  }
  if (name.startsWith(TAG_PREFIX) && name.length > TAG_PREFIX.length) {
    return { name, place: 'tag', key: name.slice(TAG_PREFIX.length) };
  }
  const known = [...OWN_DIMENSIONS, ...RULE_DIMENSIONS];
  const fix = didYouMean(name, known) ?? `Use ${listWords(known, known.length)}, or tag.<key>.`;
  throw new AppError('invalid_input', `"${name}" is not a dimension of cost. ${fix}`);
}

/** The dimensions of `by`, each once, in their order. */
export function parseDimensions(names: readonly string[]): CostDimension[] {
  const once = [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))];
  if (once.length > DIMENSIONS_MAX) {
    throw new AppError(
      'invalid_input',
      `Costs are grouped by at most ${DIMENSIONS_MAX} dimensions, not ${once.length}.`,
    );
  }
  return once.map(parseDimension);
}

/** What a pod holds by charge date, from `held_pod` joined as `holder`: on closed days as their statement knew it. */
export const DATED_DIMENSIONS: readonly string[] = ['portfolio', 'owner', 'costCentre'] satisfies OwnDimension[];

/** True where the rollups keep it, so that no charge need be read. */
export function isKeptByRollup(dimension: CostDimension): boolean {
  return dimension.place === 'own' || (dimension.place === 'origin' && dimension.isKept);
}

const OF_MONTHS: ReadonlySet<OwnDimension> = new Set(['pod', 'month', 'billingCurrency', 'kind']);

/** True where the months of the rollups (cost_month) keep it, so that no day need be read. */
export function isKeptByMonth(dimension: CostDimension): boolean {
  return dimension.place === 'own' ? OF_MONTHS.has(dimension.own) : isKeptByRollup(dimension);
}

/** Text of the dimension in a row of `line` (see cost-lines.ts); `tagColumn` names the column that holds a tag. */
export function dimensionSql(dimension: CostDimension, tagColumn: (key: string) => string): RawBuilder<unknown> {
  if (dimension.place === 'origin') return sql.ref(`line.${dimension.column}`);
  if (dimension.place === 'tag') return sql.ref(`line.${tagColumn(dimension.key)}`);
  return OWN_SQL[dimension.own];
}

const OWN_SQL: Readonly<Record<OwnDimension, RawBuilder<unknown>>> = {
  pod: sql`line.pod_id`,
  portfolio: sql`holder.portfolio_id`,
  owner: sql`holder.owner_email`,
  costCentre: sql`holder.cost_centre`,
  rule: sql`line.rule_id`,
  source: sql`load.source_id`,
  day: sql`line.charge_date::text`,
  month: sql`to_char(line.charge_date, 'YYYY-MM')`,
  billingPeriod: billingPeriodSql('load'),
  billingCurrency: sql`line.billing_currency`,
  kind: sql`line.kind`,
};

/** The contract's name of a load's billing period: `YYYY-MM` for a calendar month, else `start..end`. */
export function billingPeriodSql(table: string): RawBuilder<unknown> {
  const start = sql.ref(`${table}.billing_period_start`);
  const end = sql.ref(`${table}.billing_period_end`);
  return sql`case when extract(day from ${start}) = 1 and ${start} + interval '1 month' = ${end}
    then to_char(${start}, 'YYYY-MM') else ${start}::text || '..' || ${end}::text end`;
}

function isRuleDimension(name: string): name is RuleDimension {
  return RULE_DIMENSIONS.some((known) => known === name);
}

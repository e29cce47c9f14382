/**
 * Filters of the cost explorer: `dim=value`, `dim!=value`, `dim~glob`. Filters of one dimension that ask for something are alternatives;
 * everything else must hold together. An empty value means "none": `pod=` is the unattributed cost.
 */
import { type RawBuilder, sql } from 'kysely';
import { foldSql, globToLike } from '../attribution/compile-when.ts';
import { AppError } from '../kernel/errors.ts';
import { type CostDimension, parseDimension } from './cost-dimensions.ts';

export interface CostFilter {
  readonly dimension: CostDimension;
  readonly operator: '=' | '!=' | '~';
  readonly value: string;
}

const FILTER = /^([^=!~]+)(=|!=|~)(.*)$/s;
const FILTERS_MAX = 50;

/**
 * Reads filters as they are written on the command line or in a URL.
 * @throws AppError invalid_input for another form or an unknown dimension.
 */
export function parseFilters(texts: readonly string[]): CostFilter[] {
  if (texts.length > FILTERS_MAX) {
    throw new AppError('invalid_input', `At most ${FILTERS_MAX} filters are taken, not ${texts.length}.`);
  }
  return texts.map((text) => {
    const [, name = '', operator = '', value = ''] = FILTER.exec(text) ?? [];
    if (operator !== '=' && operator !== '!=' && operator !== '~') {
      throw new AppError(
        'invalid_input',
        `"${text}" is not a filter. Write dim=value, dim!=value or dim~glob, such as serviceName~*Storage*.`,
      );
    }
    return { dimension: parseDimension(name.trim()), operator, value };
  });
}

/** The condition under which a line passes all filters. `foldsTags`: tag values are compared trimmed and case-folded. */
export function filterSql(
  filters: readonly CostFilter[],
  dimensionSql: (dimension: CostDimension) => RawBuilder<unknown>,
  foldsTags: boolean,
): RawBuilder<unknown> {
  const asked = Map.groupBy(
    filters.filter((filter) => filter.operator !== '!='),
    (filter) => filter.dimension.name,
  );
  const test = (filter: CostFilter) => testSql(filter, dimensionSql(filter.dimension), foldsTags);
  const conditions = [
    ...[...asked.values()].map((alternatives) => sql`(${sql.join(alternatives.map(test), sql` or `)})`),
    ...filters.filter((filter) => filter.operator === '!=').map((filter) => sql`(${test(filter)}) is not true`),
  ];
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
}

function testSql(filter: CostFilter, operand: RawBuilder<unknown>, foldsTags: boolean): RawBuilder<unknown> {
  const { dimension, operator, value } = filter;
  if (operator !== '~' && value === '') return sql`${operand} is null`;
  const isProvider = dimension.place === 'origin' && dimension.column === 'provider_name';
  const folds = isProvider || (dimension.place === 'tag' && foldsTags);
  const fold = (expression: RawBuilder<unknown>) => {
    const [before = '', after = ''] = foldSql('|').split('|');
    return folds ? sql`${sql.raw(before)}${expression}${sql.raw(after)}` : expression;
  };
  if (operator === '~') return sql`${fold(operand)} like ${fold(sql`${globToLike(value)}::text`)}`;
  return sql`${fold(operand)} = ${fold(sql`${value}::text`)}`;
}

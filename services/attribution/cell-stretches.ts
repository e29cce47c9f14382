/**
 * Which stretches of charge dates of which origins are a cell's: from the attribution under each rulebook the cell is made of, never
 * from charges, narrowed by the filters that an origin, the rule that won, or the pod can be told by.
 */
import { type RawBuilder, sql } from 'kysely';
import { DATED_DIMENSIONS, dimensionSql } from '../reports/cost-dimensions.ts';
import { filterSql } from '../reports/cost-filters.ts';
import { createWhenScope } from './compile-when.ts';
import {
  type Cell,
  filtersOfLines,
  filtersOfOrigins,
  filtersOfPods,
  partsByRulebook,
  type RulebookParts,
} from './explain-scope.ts';

/** A rule whose shared cost is the cell's. */
export interface CellRuleKey {
  readonly rulebook: number;
  readonly ruleId: string | null;
  readonly kind: string;
}

/** Stretches of charge dates under one rulebook, for a FROM clause. */
export interface RulebookStretches {
  readonly of: RulebookParts;
  /** Split rules of which the cell carries a part. */
  readonly splitRuleIds: readonly (string | null)[];
}

/** The rulebooks of the cell, each with the split rules that reach it. */
export function stretchesOf(cell: Cell, rules: readonly CellRuleKey[]): RulebookStretches[] {
  const shared = rules.filter((rule) => rule.kind === 'shared');
  return partsByRulebook(cell).map((of) => ({
    of,
    splitRuleIds: shared.filter((rule) => rule.rulebook === of.rulebookId).map((rule) => rule.ruleId),
  }));
}

/**
 * The stretches of charge dates in which an origin's charges are the cell's: (origin_id, valid_from, valid_until, kind, rule_id, pod_id).
 * With `originIds` only of these origins.
 */
export function stretchesSql(
  cell: Cell,
  { of, splitRuleIds }: RulebookStretches,
  originIds?: readonly string[],
): RawBuilder<unknown> {
  const own =
    cell.owner === 'everybody'
      ? sql`kind <> 'split'`
      : cell.owner.podId === null
        ? sql`kind = 'unattributed'`
        : sql`pod_id = ${cell.owner.podId}::text`;
  const isOfCell =
    splitRuleIds.length === 0 ? own : sql`(${own} or kind = 'split' and rule_id = any(${splitRuleIds}::text[]))`;
  const listed = originIds === undefined ? sql`` : sql`and origin_id = any(${originIds}::bigint[])`;
  const { start, end } = spanOf(of);
  return sql`(
    select attribution.origin_id, attribution.valid_from, attribution.valid_until, attribution.kind, attribution.rule_id,
      attribution.pod_id
    from ${heldBy(
      cell,
      of,
      sql`(select origin_id, valid_from, valid_until, kind, rule_id, pod_id from attributed_origin
        where rulebook_id = ${of.rulebookId} and ${isOfCell} ${listed}
          and valid_from < ${end}::date and valid_until > ${start}::date)`,
    )} as attribution ${passOrigins(cell, of)})`;
}

/** The first day of the parts and the one after their last. */
export function spanOf({ parts }: RulebookParts): { start: string; end: string } {
  const days = parts.flatMap((part) => part.days);
  return {
    start: days.map(({ start }) => start).sort()[0] ?? '',
    end:
      days
        .map(({ end }) => end)
        .sort()
        .at(-1) ?? '',
  };
}

/** Filters that a row of charges or of their months can be told by. */
export function passLines(cell: Cell): RawBuilder<unknown> {
  return filterSql(filtersOfLines(cell), (dimension) => dimensionSql(dimension, () => ''), true);
}

/**
 * Stretches of the pods that pass the filters on whose cost it is, cut where what a pod held changed. Of split origins all: which of
 * their cost passes is known by rule already.
 */
function heldBy(cell: Cell, of: RulebookParts, stretches: RawBuilder<unknown>): RawBuilder<unknown> {
  const filters = filtersOfPods(cell);
  if (filters.length === 0) return stretches;
  const condition = filterSql(filters, (dimension) => dimensionSql(dimension, () => ''), true);
  if (!filters.some(({ dimension }) => DATED_DIMENSIONS.includes(dimension.name))) {
    return sql`(select * from ${stretches} as line where kind = 'split' or ${condition})`;
  }
  return sql`(
    select origin_id, greatest(line.valid_from, coalesce(holder.valid_from, '-infinity')) as valid_from,
      least(line.valid_until, coalesce(holder.valid_until, 'infinity')) as valid_until, kind, rule_id, line.pod_id
    from ${stretches} as line
    left join held_pod as holder on holder.pod_id = line.pod_id
      and holder.statement_id is not distinct from ${of.parts[0]?.statementId ?? null}::integer
      and holder.valid_from < line.valid_until and holder.valid_until > line.valid_from
    where kind = 'split' or ${condition})`;
}

/** Filters that an origin, or the rule that won for it, can be told by. */
function passOrigins(cell: Cell, { rulebookId }: RulebookParts): RawBuilder<unknown> {
  const filters = filtersOfOrigins(cell);
  if (filters.length === 0) return sql``;
  const tags = cell.rulebooks.get(rulebookId)?.tags ?? { fold: true, keys: {} };
  const scope = createWhenScope(tags, 'bound.texts');
  const condition = filterSql(filters, (one) => dimensionSql(one, (key) => scope.tag(key)), tags.fold);
  const texts = [...scope.columns].map(([name, text]) => sql`, ${sql.raw(text)} as ${sql.ref(name)}`);
  const won = sql`attribution.rule_id, case attribution.kind when 'split' then 'shared' else 'direct' end as kind`;
  if (filters.every(({ dimension }) => dimension.place === 'own')) {
    return sql`join lateral (select ${won}) as line on ${condition}`;
  }
  return sql`
    join origin on origin.id = attribution.origin_id
    cross join (select ${[...scope.texts]}::text[] as texts) as bound
    join lateral (select origin.*, ${won} ${texts.length === 0 ? sql`` : sql.join(texts, sql` `)}) as line on ${condition}`;
}

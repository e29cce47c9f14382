/**
 * Compiles what a layered rulebook still has to attribute itself: the origins that no layer has, and those that a layer below has while
 * the rules between it and the rulebook may have moved them. Asked again it finds only what came since, whichever layer it came to.
 */
import { canonicalJson } from './canonical-json.ts';
import type { Bind } from './compile-rules.ts';
import { compileWhen, createWhenScope } from './compile-when.ts';
import { movedWhens } from './moved-rules.ts';
import type { RuleWhen, RulebookContent } from './rulebook.ts';
import type { NumberedRulebook } from './store-rulebook.ts';

interface Side {
  readonly tags: RulebookContent['tags'];
  readonly whens: readonly RuleWhen[];
}

/**
 * A SELECT of the ids, as SQL of the statement that `bind` belongs to, among the origins that `originFilter` selects. `layers` are the
 * rulebook and those below it, nearest first.
 */
export function compileMovedOrigins(
  layers: readonly NumberedRulebook[],
  originFilter: (bind: Bind) => string,
  bind: Bind,
): string {
  const ids = bind(
    layers.map(({ id }) => id),
    'integer[]',
  );
  const columns = new Map<string, string>();
  // A link is crossed by every origin that only layers further down have.
  const links = layers.slice(1).map((below, index) => {
    const sides = sidesOf(below.content, (layers[index] ?? below).content);
    const conditions = sides.map((side, place) => compileSide(side, `link_${index}_${place}_tag`, columns, bind));
    return `or origin.place > ${index + 1} and (${conditions.join(' or ')})`;
  });
  const computed = [...columns].map(([column, definition]) => `,\n ${definition} as ${column}`).join('');
  return `
    select origin.id from (
      select origin.*, nearest.place${computed}
      from origin left join (
        select attribution.origin_id, min(array_position(${ids}, attribution.rulebook_id)) as place
        from attribution where attribution.rulebook_id = any(${ids}) group by attribution.origin_id
      ) as nearest on nearest.origin_id = origin.id
      where ${originFilter(bind)} offset 0
    ) as origin
    where origin.place is null ${links.join('\n ')}`;
}

/** One side where both spell tags alike: what a condition needs is then computed once per origin. */
function sidesOf(former: RulebookContent, own: RulebookContent): Side[] {
  const moved = movedWhens(former, own);
  if (canonicalJson(former.tags) === canonicalJson(own.tags)) {
    return [{ tags: own.tags, whens: [...moved.former, ...moved.own] }];
  }
  return [
    { tags: former.tags, whens: moved.former },
    { tags: own.tags, whens: moved.own },
  ];
}

/** True where one of the side's conditions holds; adds what they compute once per origin to `columns`. */
function compileSide(side: Side, tagColumnStart: string, columns: Map<string, string>, bind: Bind): string {
  if (side.whens.length === 0) return 'false';
  const texts: string[] = [];
  const textsParameter = bind(texts, 'text[]');
  const scope = createWhenScope(side.tags, textsParameter, tagColumnStart);
  const conditions = side.whens.map((when) => `(${compileWhen(when, scope)})`);
  texts.push(...scope.texts);
  for (const [column, definition] of scope.columns) columns.set(column, definition);
  // The parameter is mentioned even where no condition has a text: PostgreSQL refuses one it does not find.
  return `(${textsParameter} is not null and (${conditions.join(' or ')})) is true`;
}

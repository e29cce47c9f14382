/**
 * Compiles the question which origins a rulebook has to be asked about again: those that rules new to it may take, and those whose former
 * rule is gone or gives to somebody else (moved-rules.ts). An origin too many does no harm: asked again, it gets what is right.
 */
import type { Bind } from './compile-rules.ts';
import { compileWhen, createWhenScope } from './compile-when.ts';
import { movedRules } from './moved-rules.ts';
import type { RuleWhen, RulebookContent } from './rulebook.ts';
import type { NumberedRulebook } from './store-rulebook.ts';

/** A SELECT of the ids of all origins for which one of the conditions holds; any number of processes can walk them side by side. */
export function compileTakenOrigins(tags: RulebookContent['tags'], whens: readonly RuleWhen[], bind: Bind): string {
  const columns = new Map<string, string>();
  const condition = compileConditions({ tags, whens }, 'tag', columns, bind);
  return `select origin.id from (select origin.*${computedColumns(columns)} from origin offset 0) as origin where ${condition}`;
}

/**
 * A SELECT of the ids, among the origins that `originFilter` selects, that no layer has, or that a layer below has while the rules between
 * it and the rulebook may have moved them. Asked again it finds only what came since, whichever layer it came to. `layers` are the rulebook
 * and those below it, nearest first.
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
  const lost: string[] = [];
  // A link is crossed by every origin that only layers further down have.
  const links = layers.slice(1).map((below, index) => {
    const own = layers[index] ?? below;
    const { gone, asked, given } = movedRules(below.content, own.content);
    const losing = bind([...gone, ...given.map(({ ruleId }) => ruleId)], 'text[]');
    lost.push(`bool_or(attribution.rule_id = any(${losing})) as lost_${index}`);
    const taken = compileConditions({ tags: own.content.tags, whens: asked }, `link_${index}_tag`, columns, bind);
    return `or origin.place > ${index + 1} and (origin.lost_${index} or ${taken})`;
  });
  return `
    select origin.id from (
      select origin.*, nearest.*${computedColumns(columns)}
      from origin left join (
        select attribution.origin_id, min(array_position(${ids}, attribution.rulebook_id)) as place, ${lost.join(', ')}
        from attribution where attribution.rulebook_id = any(${ids}) group by attribution.origin_id
      ) as nearest on nearest.origin_id = origin.id
      where ${originFilter(bind)} offset 0
    ) as origin
    where origin.place is null ${links.join('\n ')}`;
}

/** True where one of the conditions holds; adds what they compute once per origin to `columns`. */
function compileConditions(
  { tags, whens }: { tags: RulebookContent['tags']; whens: readonly RuleWhen[] },
  tagColumnStart: string,
  columns: Map<string, string>,
  bind: Bind,
): string {
  if (whens.length === 0) return 'false';
  const texts: string[] = [];
  const textsParameter = bind(texts, 'text[]');
  const scope = createWhenScope(tags, textsParameter, tagColumnStart);
  const conditions = whens.map((when) => `(${compileWhen(when, scope)})`);
  texts.push(...scope.texts);
  // The parameter is mentioned even where no condition has a text: PostgreSQL refuses one it does not find.
  for (const [column, definition] of scope.columns) columns.set(column, definition);
  return `(${textsParameter} is not null and (${conditions.join(' or ')})) is true`;
}

function computedColumns(columns: ReadonlyMap<string, string>): string {
  return [...columns].map(([column, definition]) => `,\n ${definition} as ${column}`).join('');
}

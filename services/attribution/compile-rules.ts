/**
 * Compiles a rulebook into the one statement that attributes origins: a row per origin and stretch of charge dates in which the
 * same rule wins. First match wins, per charge date.
 *
 * Each origin meets every rule at most twice, however many dates the rulebook has: first the first match is found (compile-lookups.ts);
 * only where that match holds on some dates alone (a dated rule, or a pod with dates found by tag) all matches are listed, and
 * the dates of these few are laid out. An outcome travels as one integer: rule number × base + pod number, both from 1.
 *
 * An explicit `pod:` holds whatever the pod's dates: somebody named it on purpose, and cost that arrives after a pod has ended
 * must not lose its owner. `podFromTag` trusts a tag, which outlives teams, so there the dates count.
 */
import { type AskedValues, askedValues, firstMatchCode } from './compile-lookups.ts';
import { kindOf, type Rule, type RulebookContent } from './rulebook.ts';
import { compileWhen, createWhenScope, foldSql, type WhenScope } from './compile-when.ts';

export interface CompiledStatement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** Adds a value to the statement's parameters and gives its placeholder, cast to `type`. */
export type Bind = (value: unknown, type: string) => string;

export interface CompiledRule {
  readonly condition: string;
  /** Set where the condition is one equality or list, and the outcome the same for every origin. */
  readonly asked: AskedValues | undefined;
  /** The integer of this outcome, as SQL. */
  readonly outcome: string;
  /** True, false, or SQL: whether the outcome holds on every charge date. */
  readonly isUndated: string;
}

/** The statement always mentions it: PostgreSQL refuses a parameter that no rule happens to use. */
const TEXTS_PARAMETER = '$1::text[]';
const NO_START = '-infinity';
const NO_END = 'infinity';
/** Stands for "the first match holds on some dates only"; no outcome is negative, and 0 is "nothing matched". */
const DATED = '-1';

/**
 * The INSERT (for `insertAttribution`) of the origins that `originFilter` selects: a condition of our own over `origin.id`.
 */
export function compileAttribution(
  rulebookId: number,
  content: RulebookContent,
  originFilter: (bind: Bind) => string,
): CompiledStatement {
  const parameters: unknown[] = [];
  const bind: Bind = (value, type) => `$${parameters.push(value)}::${type}`;
  const scope = createWhenScope(content.tags, TEXTS_PARAMETER);
  parameters.push(scope.texts);

  const { rules, pods } = content;
  const base = pods.length + 1;
  const compiled = rules.map((rule, index) => compileRule(rule, index + 1, content, base, scope, bind));
  const ruleId = `(${bind(
    rules.map((rule) => rule.id),
    'text[]',
  )})[stretch.outcome / ${base}]`;
  const kind = `coalesce((${bind(rules.map(kindOf), 'text[]')})[stretch.outcome / ${base}], 'unattributed')`;
  const podId = `(${bind(
    pods.map((pod) => pod.id),
    'text[]',
  )})[stretch.outcome % ${base}]`;

  const text = `
insert into attribution (rulebook_id, origin_id, valid_from, valid_until, rule_id, kind, pod_id)
select ${bind(rulebookId, 'integer')}, matched.id, stretch.valid_from, stretch.valid_until, ${ruleId}, ${kind}, ${podId}
from (
  select origin.id, origin.outcome, case when origin.outcome = ${DATED} then ${allMatches(compiled)} end as outcomes
  from (
    select origin.*, case when origin.code % 2 = 1 then ${DATED} else origin.code / 2 end as outcome
    from (select origin.*, ${firstMatchCode(compiled, bind)} as code from (${preparedOrigins(content, scope, originFilter, bind)}
    ) as origin offset 0) as origin offset 0
  ) as origin offset 0
) as matched
cross join lateral (
  select matched.outcome, date '${NO_START}' as valid_from, date '${NO_END}' as valid_until
  where matched.outcome <> ${DATED}
  union all
  select dated.outcome, dated.valid_from, dated.valid_until from (${datedStretches(content, base, bind)}) as dated
  where matched.outcome = ${DATED}
) as stretch
order by matched.id, stretch.valid_from`;
  return { text, parameters };
}

/**
 * A SELECT of one row per selected origin: per rule whether its `when` matches (dates and tagged pods aside), and the number of
 * the pod that its tag names, if it reads one.
 */
export function compileRuleChecks(content: RulebookContent, originFilter: (bind: Bind) => string): CompiledStatement {
  const parameters: unknown[] = [];
  const bind: Bind = (value, type) => `$${parameters.push(value)}::${type}`;
  const scope = createWhenScope(content.tags, TEXTS_PARAMETER);
  parameters.push(scope.texts);
  const matches = content.rules.map((rule) => `(${compileWhen(rule.when, scope)}) is true`);
  const taggedPods = content.rules.map((rule) =>
    'podFromTag' in rule ? `origin.${taggedPodColumn(scope.tag(rule.podFromTag))}` : 'null',
  );
  const text = `
select array[${matches.join(',\n')}]::boolean[] as matches, array[${taggedPods.join(', ')}]::integer[] as tagged_pods
from (${preparedOrigins(content, scope, originFilter, bind)}) as origin`;
  return { text, parameters };
}

/** The selected origins with what is computed once each: asked tags, the folded provider, and the pods that tags name. */
function preparedOrigins(
  content: RulebookContent,
  scope: WhenScope,
  originFilter: (bind: Bind) => string,
  bind: Bind,
): string {
  return `
      select origin.*${taggedPodColumns(content, scope, bind)}
      from (select origin.*${computedColumns(scope)} from origin
        where ${TEXTS_PARAMETER} is not null and ${originFilter(bind)} offset 0) as origin offset 0`;
}

function compileRule(
  rule: Rule,
  ruleNumber: number,
  content: RulebookContent,
  base: number,
  scope: WhenScope,
  bind: Bind,
): CompiledRule {
  const condition = compileWhen(rule.when, scope);
  const hasDates = rule.from !== undefined || rule.until !== undefined;
  if ('podFromTag' in rule) {
    const podNumber = `origin.${taggedPodColumn(scope.tag(rule.podFromTag))}`;
    const undatedPods = content.pods.flatMap((pod, index) => (hasNoDates(pod) ? [index + 1] : []));
    return {
      condition: `(${condition}) and ${podNumber} is not null`,
      asked: undefined,
      outcome: `${ruleNumber * base} + ${podNumber}`,
      isUndated: hasDates ? 'false' : `${podNumber} = any(${bind(undatedPods, 'integer[]')})`,
    };
  }
  const podNumber = 'pod' in rule ? content.pods.findIndex((pod) => pod.id === rule.pod) + 1 : 0;
  if ('pod' in rule && podNumber === 0) throw new Error(`rule ${rule.id} names the unknown pod ${rule.pod}`);
  return {
    condition,
    asked: askedValues(rule.when, scope),
    outcome: String(ruleNumber * base + podNumber),
    isUndated: hasDates ? 'false' : 'true',
  };
}

function allMatches(compiled: readonly CompiledRule[]): string {
  const matches = compiled.map(({ condition, outcome }) => `case when ${condition} then ${outcome} end`);
  return `array_remove(array[${matches.join(',\n')}]::integer[], null)`;
}

/** Lays the matches of one origin over the calendar: between two bounds the first match that holds wins; equal neighbours merge. */
function datedStretches(content: RulebookContent, base: number, bind: Bind): string {
  const { rules, pods } = content;
  const ruleNumber = `outcome / ${base}`;
  const readsTag = `(${bind(
    rules.map((rule) => 'podFromTag' in rule),
    'boolean[]',
  )})[${ruleNumber}]`;
  const ruleFrom = `(${bind(
    rules.map((rule) => rule.from ?? NO_START),
    'date[]',
  )})[${ruleNumber}]`;
  const ruleUntil = `(${bind(
    rules.map((rule) => rule.until ?? NO_END),
    'date[]',
  )})[${ruleNumber}]`;
  const podFrom = `(${bind(
    pods.map((pod) => pod.activeFrom ?? NO_START),
    'date[]',
  )})[outcome % ${base}]`;
  const podUntil = `(${bind(
    pods.map((pod) => pod.activeUntil ?? NO_END),
    'date[]',
  )})[outcome % ${base}]`;
  return `
    with candidate as materialized (
      select outcome, place, greatest(${ruleFrom}, case when ${readsTag} then ${podFrom} end) as holds_from,
        least(${ruleUntil}, case when ${readsTag} then ${podUntil} end) as holds_until
      from unnest(matched.outcomes) with ordinality as listed (outcome, place)
    ), bound as (
      select date '${NO_START}' as valid_from
      union select holds_from from candidate
      union select holds_until from candidate where holds_until < '${NO_END}'
    ), winner as (
      select bound.valid_from, coalesce((
        select candidate.outcome from candidate
        where candidate.holds_from <= bound.valid_from and bound.valid_from < candidate.holds_until
        order by candidate.place limit 1), 0) as outcome
      from bound
    ), change as (
      select outcome, valid_from, lag(outcome) over (order by valid_from) as former_outcome from winner
    )
    select outcome, valid_from, lead(valid_from, 1, date '${NO_END}') over (order by valid_from) as valid_until
    from change where former_outcome is distinct from outcome`;
}

function computedColumns(scope: WhenScope): string {
  return [...scope.columns].map(([column, definition]) => `,\n ${definition} as ${column}`).join('');
}

/** For each tag that names pods, the number of the pod whose id or alias it holds; ids come before aliases. */
function taggedPodColumns(content: RulebookContent, scope: WhenScope, bind: Bind): string {
  const tags = new Set(content.rules.flatMap((rule) => ('podFromTag' in rule ? [scope.tag(rule.podFromTag)] : [])));
  if (tags.size === 0) return '';
  const names = [
    ...content.pods.map((pod, index) => ({ name: pod.id, podNumber: index + 1 })),
    ...content.pods.flatMap((pod, index) => pod.aliases.map((name) => ({ name, podNumber: index + 1 }))),
  ].reverse();
  const name = content.tags.fold ? foldSql('named.name') : 'named.name';
  // Of equal keys jsonb keeps the last, so the list is read backwards: the first name wins.
  const podNumbers = `(select jsonb_object_agg(${name}, named.pod_number order by named.place) from unnest(
    ${bind(
      names.map((one) => one.name),
      'text[]',
    )}, ${bind(
      names.map((one) => one.podNumber),
      'integer[]',
    )}
  ) with ordinality as named (name, pod_number, place))`;
  return [...tags].map((tag) => `, (${podNumbers} ->> origin.${tag})::integer as ${taggedPodColumn(tag)}`).join('');
}

function taggedPodColumn(tagColumn: string): string {
  return `${tagColumn}_pod`;
}

function hasNoDates(pod: RulebookContent['pods'][number]): boolean {
  return pod.activeFrom === undefined && pod.activeUntil === undefined;
}

/**
 * The first match of an origin among many rules. Rules that ask one attribute or one tag for certain values, which most rules do, are
 * answered together by one look into a table from value to the first such rule; only the others are asked one after the other. The
 * winner is the least of the answers, because answers are ordered by rule.
 */
import type { Bind, CompiledRule } from './compile-rules.ts';
import { foldSql, isFolded, operandOf, type WhenScope } from './compile-when.ts';
import { RULE_DIMENSIONS, type RuleTest, type RuleWhen } from './rulebook.ts';

/** The one column that a `when` asks, and the values for which it holds. */
export interface AskedValues {
  readonly operand: string;
  readonly folds: boolean;
  readonly values: readonly string[];
}

/** What a `when` asks where it is one equality or list and nothing else; undefined otherwise. */
export function askedValues(when: RuleWhen, scope: WhenScope): AskedValues | undefined {
  const tests = Object.entries(when).filter(([, test]) => test !== undefined);
  const [name] = tests[0] ?? [];
  if (tests.length !== 1 || name === undefined) return undefined;
  const dimension = RULE_DIMENSIONS.find((one) => one === name);
  if (dimension !== undefined) {
    const values = listedValues(when[dimension]);
    if (values === undefined) return undefined;
    const folds = isFolded(dimension, values);
    // Of ids that are compared in two ways each has its own column to look into.
    if (!folds && values.some((value) => isFolded(dimension, value))) return undefined;
    return { operand: operandOf(dimension, folds, scope), folds, values };
  }
  const tags = Object.entries(when.tag ?? {});
  const [tag] = tags;
  if (tags.length !== 1 || tag === undefined) return undefined;
  const values = listedValues(tag[1]);
  return values && { operand: `origin.${scope.tag(tag[0])}`, folds: scope.foldsTags, values };
}

/**
 * The code of the first match as SQL, 0 where nothing matches: outcome × 2, and one more where that match holds on some charge dates only.
 */
export function firstMatchCode(compiled: readonly CompiledRule[], bind: Bind): string {
  const byOperand = new Map<string, CompiledRule[]>();
  const others: CompiledRule[] = [];
  for (const rule of compiled) {
    const operand = rule.asked?.operand;
    if (operand === undefined) others.push(rule);
    else byOperand.set(operand, [...(byOperand.get(operand) ?? []), rule]);
  }
  const answers = [...byOperand].map(([operand, rules]) => lookup(operand, rules, bind));
  const branches = others.map((rule) => `when ${rule.condition} then ${codeOf(rule)}`);
  if (branches.length > 0) answers.push(`case ${branches.join('\n')} end`);
  return answers.length === 0 ? '0' : `coalesce(least(${answers.join(',\n')}), 0)`;
}

/** Of equal keys jsonb keeps the last, so the list is read backwards: the first rule wins. Made once per statement. */
function lookup(operand: string, rules: readonly CompiledRule[], bind: Bind): string {
  const entries = rules.flatMap((rule) => (rule.asked?.values ?? []).map((value) => ({ value, code: codeOf(rule) })));
  const key = rules[0]?.asked?.folds === true ? foldSql('asked.value') : 'asked.value';
  const values = bind(
    entries.map((entry) => entry.value),
    'text[]',
  );
  return `((select jsonb_object_agg(${key}, asked.code order by asked.place desc)
    from unnest(${values}, array[${entries.map((entry) => entry.code).join(', ')}]::integer[]) with ordinality as asked (value, code, place)
  ) ->> ${operand})::integer`;
}

function codeOf({ outcome, isUndated }: CompiledRule): string {
  if (isUndated === 'true') return `(${outcome}) * 2`;
  return isUndated === 'false' ? `(${outcome}) * 2 + 1` : `(${outcome}) * 2 + (not ${isUndated})::integer`;
}

function listedValues(test: RuleTest | undefined): readonly string[] | undefined {
  if (typeof test === 'string') return [test];
  return Array.isArray(test) && test.length > 0 ? (test as readonly string[]) : undefined;
}

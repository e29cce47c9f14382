/** A plan in words: one line per thing, `+` added, `~` changed with its keys, `-` removed, `=` kept, `?` to look at, `!` in conflict. */
import { isSame } from './merge-three-way.ts';
import type { Plan } from './plan-organisation.ts';

const SIGNS = { add: '+', change: '~', remove: '-' } as const;
const VALUE_CHARACTERS_MAX = 120;

/** The plan as text for a terminal, without colours. */
export function describePlan(plan: Plan): string {
  if (plan.unchanged)
    return `Nothing to change: the file says what is in force (rulebook ${plan.rulebook.current}).${keptLines(plan)}${warningLines(plan)}`;
  const lines = plan.changes.map((change) => {
    const head = `${SIGNS[change.action]} ${change.noun} ${change.id}`;
    return change.action === 'change' ? `${head}: ${describeDifference(change.from, change.to)}` : head;
  });
  if (plan.reordered.length > 0) lines.push(`~ order of rules: ${plan.reordered.join(', ')}`);
  lines.push(...plan.agreed.map(({ noun, id }) => `= ${noun} ${id}: the product has it already`));
  lines.push(describeRulebook(plan));
  const conflicts = plan.conflicts.map((conflict) => `\n${describeConflict(conflict)}`).join('');
  return `${lines.join('\n')}${keptLines(plan)}${warningLines(plan)}${conflicts}`;
}

/** One conflict: what both sides made of it. */
export function describeConflict(conflict: Plan['conflicts'][number]): string {
  const file = conflict.file === null ? 'removed' : describeDifference(conflict.base, conflict.file);
  const product = conflict.product === null ? 'withdrawn' : describeDifference(conflict.base, conflict.product);
  return `! ${conflict.noun} ${conflict.id}: changed in the file (${file}) and in the product (${product})`;
}

function describeRulebook(plan: Plan): string {
  const { current, next, changed } = plan.rulebook;
  if (!changed) return `Rulebook ${current} stays in force.`;
  return next === null
    ? `A new rulebook takes the place of rulebook ${current}.`
    : `Rulebook ${next} takes the place of rulebook ${current}.`;
}

function keptLines(plan: Plan): string {
  const lines = plan.kept.map(({ noun, id, base, product }) => {
    const what = product === null ? 'withdrawn' : describeDifference(base, product);
    return `\n= ${noun} ${id}: changed in the product since (${what}), stays`;
  });
  return lines.join('');
}

function warningLines(plan: Plan): string {
  return plan.warnings.map((warning) => `\n? ${warning}`).join('');
}

/** The keys in which two values differ, each with both sides. */
function describeDifference(from: unknown, to: unknown): string {
  if (!isRecord(from) || !isRecord(to)) return `${shorten(from)} → ${shorten(to)}`;
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].filter(
    (key) => !isSame(from[key] ?? null, to[key] ?? null),
  );
  return keys.map((key) => `${key} ${shorten(from[key])} → ${shorten(to[key])}`).join(', ');
}

function shorten(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > VALUE_CHARACTERS_MAX ? `${text.slice(0, VALUE_CHARACTERS_MAX)}…` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

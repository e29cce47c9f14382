/**
 * The three-way comparison, as a table: a thing can be absent or have one of three values on each of three sides. Every
 * combination that differs in kind stands here once, with what must come of it.
 */
import { describe, expect, test } from 'vitest';
import { mergeThreeWay } from '../../services/organisation/merge-three-way.ts';

type Side = string | null;

function merge(base: Side, file: Side, product: Side): string {
  const side = (value: Side): Map<string, string> => new Map(value === null ? [] : [['pod', value]]);
  const { changes, kept, agreed, conflicts } = mergeThreeWay({
    base: side(base),
    file: side(file),
    product: side(product),
  });
  const outcomes = [
    ...changes.map(({ action, from, to }) => `${action} ${from ?? '-'} ${to ?? '-'}`),
    ...kept.map((entry) => `keep ${entry.product ?? '-'}`),
    ...agreed.map(() => 'agree'),
    ...conflicts.map(() => 'conflict'),
  ];
  return outcomes.join() || 'nothing';
}

describe('three sides', () => {
  test.each<[what: string, base: Side, file: Side, product: Side, outcome: string]>([
    ['nothing changed', 'a', 'a', 'a', 'nothing'],
    ['the file adds', null, 'a', null, 'add - a'],
    ['the file changes', 'a', 'b', 'a', 'change a b'],
    ['the file removes', 'a', null, 'a', 'remove a -'],
    ['the product adds', null, null, 'a', 'keep a'],
    ['the product changes', 'a', 'a', 'b', 'keep b'],
    ['the product removes', 'a', 'a', null, 'keep -'],
    ['both change to the same', 'a', 'b', 'b', 'agree'],
    ['both add the same', null, 'a', 'a', 'agree'],
    ['both remove', 'a', null, null, 'agree'],
    ['both change, differently', 'a', 'b', 'c', 'conflict'],
    ['both add, differently', null, 'a', 'b', 'conflict'],
    ['the file changes what the product removed', 'a', 'b', null, 'conflict'],
    ['the file removes what the product changed', 'a', null, 'b', 'conflict'],
  ])('%s', (_what, base, file, product, outcome) => {
    expect(merge(base, file, product)).toBe(outcome);
  });

  test('the order of keys is no difference', () => {
    const one = new Map<string, object>([['a', { x: 1, y: [{ p: 1, q: 2 }] }]]);
    const other = new Map<string, object>([['a', { y: [{ q: 2, p: 1 }], x: 1 }]]);
    expect(mergeThreeWay({ base: one, file: other, product: one }).changes).toEqual([]);
  });
});

/**
 * Three-way comparison of one kind of thing: as the last applied file said it (base), as the file says it now, and as the product
 * has it. What the file did not change never overrides the product; what both changed, differently, is a conflict.
 */
import { canonicalJson } from '../attribution/canonical-json.ts';

export interface Change<Value> {
  readonly id: string;
  readonly action: 'add' | 'change' | 'remove';
  readonly from: Value | null;
  readonly to: Value | null;
}

/** The product changed it and the file did not: it stays as the product has it. */
export interface Kept<Value> {
  readonly id: string;
  readonly base: Value | null;
  readonly product: Value | null;
}

export interface Conflict<Value> {
  readonly id: string;
  readonly base: Value | null;
  readonly file: Value | null;
  readonly product: Value | null;
}

export interface Merge<Value> {
  /** What the product has to do, `from` being what it has. */
  readonly changes: readonly Change<Value>[];
  readonly kept: readonly Kept<Value>[];
  /** Ids that the file changed to what the product has already. */
  readonly agreed: readonly string[];
  readonly conflicts: readonly Conflict<Value>[];
}

/** Compares by id; ids come in the file's order, those only elsewhere after them. Values are plain data. */
export function mergeThreeWay<Value>(sides: {
  readonly base: ReadonlyMap<string, Value>;
  readonly file: ReadonlyMap<string, Value>;
  readonly product: ReadonlyMap<string, Value>;
}): Merge<Value> {
  const changes: Change<Value>[] = [];
  const kept: Kept<Value>[] = [];
  const agreed: string[] = [];
  const conflicts: Conflict<Value>[] = [];
  for (const id of new Set([...sides.file.keys(), ...sides.base.keys(), ...sides.product.keys()])) {
    const base = sides.base.get(id) ?? null;
    const file = sides.file.get(id) ?? null;
    const product = sides.product.get(id) ?? null;
    if (isSame(file, product)) {
      if (!isSame(file, base)) agreed.push(id);
    } else if (isSame(product, base)) changes.push({ id, action: actionOf(product, file), from: product, to: file });
    else if (isSame(file, base)) kept.push({ id, base, product });
    else conflicts.push({ id, base, file, product });
  }
  return { changes, kept, agreed, conflicts };
}

/** Equality of plain data, whatever the order of keys. */
export function isSame(left: unknown, right: unknown): boolean {
  return canonicalJson(left) === canonicalJson(right);
}

function actionOf(from: unknown, to: unknown): 'add' | 'change' | 'remove' {
  if (from === null) return 'add';
  return to === null ? 'remove' : 'change';
}

/**
 * Checks a JSON document key by key against a shape: which keys it must have and of what kind each value is. Further keys are allowed,
 * as the contract allows them; a missing or retyped one is named with its path.
 */

const MONEY = /^-?\d+(\.\d*[1-9])?$/;
const RATIO = /^-?\d+\.\d{4}$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/** A kind of value, an exact value, an object of shapes, or a list whose every entry has one shape. */
export type Shape = ((value: unknown) => boolean) | { readonly [key: string]: Shape } | readonly [Shape];

const matching = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value);

/** Plain decimal text: no exponent, no zeros at its end, never -0. */
export const money = (value: unknown): boolean => matching(MONEY)(value) && value !== '-0';
export const ratio = matching(RATIO);
export const date = matching(DATE);
export const instant = matching(INSTANT);
export const text = (value: unknown): boolean => typeof value === 'string' && value !== '';
export const integer = (value: unknown): boolean => Number.isSafeInteger(value);
export const yesOrNo = (value: unknown): boolean => typeof value === 'boolean';
export const nothing = (value: unknown): boolean => value === null;

export function oneOf(...values: readonly unknown[]) {
  return (value: unknown): boolean => values.includes(value);
}

export function orNull(shape: Shape) {
  return (value: unknown): boolean => value === null || faultsOf(value, shape).length === 0;
}

/** Where the document is not of the shape, as paths with what stands there. */
export function faultsOf(document: unknown, shape: Shape, path = '$'): string[] {
  if (typeof shape === 'function') return shape(document) ? [] : [`${path}: ${JSON.stringify(document)}`];
  if (isList(shape)) {
    if (!Array.isArray(document)) return [`${path} is no list`];
    return document.flatMap((entry, index) => faultsOf(entry, shape[0], `${path}[${index}]`));
  }
  if (typeof document !== 'object' || document === null) return [`${path} is no object`];
  const found = new Map(Object.entries(document));
  return Object.entries(shape).flatMap(([key, expected]) =>
    found.has(key) ? faultsOf(found.get(key), expected, `${path}.${key}`) : [`${path}.${key} is missing`],
  );
}

function isList(shape: object): shape is readonly [Shape] {
  return Array.isArray(shape);
}

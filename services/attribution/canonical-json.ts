/**
 * One text per value: object keys in code unit order, absent members left out, no blanks. Two contents are the same rulebook
 * exactly when their texts are equal.
 */

/** The canonical JSON text of plain data (objects, arrays, strings, numbers, booleans, null). */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortKeys(value));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  // fromEntries defines members, so that a tag called "__proto__" stays a member.
  return Object.fromEntries(
    entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([key, member]) => [key, sortKeys(member)]),
  );
}

/**
 * Reads a line's tags from any form that bills use: a JSON object, the same without its braces (Azure), a list of key and value pairs
 * (Google Cloud, Spark), or nothing. Keys and values keep the bill's spelling; numbers keep their digits.
 */
import { isNothingText } from './nothing-text.ts';

/** Key and value, sorted by key; a key of equal spelling keeps its last value, as PostgreSQL's jsonb does. */
export type TagEntries = readonly (readonly [key: string, value: string | null])[];

/** PostgreSQL's text cannot hold it. */
const NUL = '\u0000';

/** The tags of a text, or null where it is neither empty nor tags. */
export function readTags(text: string | null): TagEntries | null {
  if (text === null || isNothingText(text)) return [];
  const trimmed = text.trim();
  const parsed = parseJson(trimmed) ?? parseJson(`{${trimmed}}`);
  if (parsed === null || typeof parsed.value !== 'object' || parsed.value === null) return null;
  const entries = Array.isArray(parsed.value) ? readPairs(parsed.value) : Object.entries(parsed.value);
  if (entries === null) return null;
  const tags = new Map(entries.map(([key, value]) => [key, textOfValue(value)]));
  if ([...tags].some(([key, value]) => key.includes(NUL) || value?.includes(NUL) === true)) return null;
  return [...tags].sort(([left], [right]) => (left < right ? -1 : 1));
}

/** The form that enters an origin's digest: the number of tags, then each key and value with its length. */
export function canonicalTags(tags: TagEntries): string {
  const parts = tags.map(([key, value]) => `${key.length}:${key}${value === null ? '-' : `${value.length}:${value}`}`);
  return `${tags.length}:${parts.join('')}`;
}

/** The form that is stored. */
export function jsonOfTags(tags: TagEntries): string {
  return `{${tags.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

function parseJson(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text, keepDigits) as unknown };
  } catch {
    return null; // No JSON: the caller says so, with the line.
  }
}

/** Numbers become their own text: an id of twenty digits must not be rounded. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? context.source : value;
}

function readPairs(list: readonly unknown[]): [string, unknown][] | null {
  const pairs: [string, unknown][] = [];
  for (const item of list) {
    if (typeof item !== 'object' || item === null) return null;
    const fields = new Map(Object.entries(item).map(([name, value]) => [name.toLowerCase(), value as unknown]));
    const key = fields.get('key');
    if (typeof key !== 'string') return null;
    pairs.push([key, fields.get('value') ?? null]);
  }
  return pairs;
}

function textOfValue(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

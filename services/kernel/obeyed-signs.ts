/**
 * Signs in a text that are not read but obeyed: control characters, which a terminal follows, and those that turn the direction of writing,
 * so that something reads as something else.
 */
const OBEYED = '\\p{Cc}\\u061C\\u200E\\u200F\\u2028-\\u202E\\u2066-\\u2069';
const ALL_OBEYED = new RegExp(`(?![\\n\\t])[${OBEYED}]`, 'gu');
const FIRST_OBEYED = new RegExp(`(?![\\n\\t])[${OBEYED}]`, 'u');
const FIRST_OBEYED_OR_BREAK = new RegExp(`[${OBEYED}]`, 'u');

/** The same text with a dot for each such sign; line breaks and tabs stay. */
export function printable(text: string): string {
  return text.replaceAll(ALL_OBEYED, '·');
}

/** Within one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, '·');
}

/** The first such sign as U+001B; null where there is none. `lines`: of a text that may have line breaks and tabs. */
export function findObeyed(text: string, lines: 'one' | 'several' = 'one'): string | null {
  const [sign] = (lines === 'one' ? FIRST_OBEYED_OR_BREAK : FIRST_OBEYED).exec(text) ?? [];
  const point = sign?.codePointAt(0);
  return point === undefined ? null : `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Slack's rules for text: what must be escaped, and how long each part may be. Cutting never splits an entity or a character. */

/** Slack's limits, with room: a refused message would tell nobody. */
export const SECTION_LENGTH_MAX = 3_000;
export const CONTEXT_LENGTH_MAX = 2_000;
export const HEADER_LENGTH_MAX = 150;
/** Slack advises 4,000 and cuts at 40,000. */
export const TEXT_LENGTH_MAX = 4_000;
export const BLOCKS_MAX = 50;
export const BUTTON_LENGTH_MAX = 75;
const NAME_LENGTH_MAX = 80;

/** Foreign text (names, services, approvals) as Slack must see it: one line, of bearable length, nothing in it is markup. */
export function escapeForeign(text: string, lengthMax = NAME_LENGTH_MAX): string {
  const line = onOneLine(text);
  const cut = line.length > lengthMax ? `${withoutHalf(line.slice(0, lengthMax - 1))}…` : line;
  return cut.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** As a title has it. */
export function onOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Cuts already escaped text with "…", before an entity that would be split. */
export function cutEscaped(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  return `${withoutHalf(text.slice(0, lengthMax - 1).replace(/&[a-z]{0,3}$/, ''))}…`;
}

/** Cuts text in which nothing is markup (buttons, headers, titles) with "…". */
export function cutPlain(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${withoutHalf(text.slice(0, lengthMax - 1))}…`;
}

/** A character beyond the basic plane is two units; its first half alone is none. */
function withoutHalf(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, '');
}

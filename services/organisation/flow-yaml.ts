/** Plain data as one line of YAML, for people to paste. Foreign text is quoted wherever YAML could take it for anything else. */

const RESERVED = /^(?:true|false|null|yes|no|on|off|~)$/i;
const PLAIN = /^[A-Za-z][A-Za-z0-9_-]*(?: [A-Za-z0-9_-]+)*$/;

/** Flow style YAML of plain data: `{ id: a, aliases: ["B b"] }`. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, part]) => `${scalar(key)}: ${flow(part)}`)
      .join(', ')} }`;
  }
  return typeof value === 'string' ? scalar(value) : JSON.stringify(value);
}

/** One text: plain where that is safe, else quoted. */
export function scalar(text: string): string {
  return PLAIN.test(text) && !RESERVED.test(text) ? text : JSON.stringify(text);
}

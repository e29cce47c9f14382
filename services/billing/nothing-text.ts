/** How bills spell "no value" in text: empty, NULL, null or (null), with spaces around or not. The SQL form is `isNothing` in cell-sql.ts. */

/** True where a text cell holds nothing. */
export function isNothingText(text: string): boolean {
  return ['', 'null', '(null)'].includes(text.trim().toLowerCase());
}

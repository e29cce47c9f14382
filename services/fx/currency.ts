/** Which currency codes exist: ISO 4217 as the runtime knows it, so that a misspelt one is refused and not silently unconvertible. */

const KNOWN_CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/** True for a currency code in use or once in use, in capitals. */
export function isCurrencyCode(text: string): boolean {
  return KNOWN_CURRENCIES.has(text);
}

/** What to change in a text that is no currency code: its capitals where that helps. */
export function currencyFix(text: string): string {
  const capitals = text.trim().toUpperCase();
  if (capitals !== text && isCurrencyCode(capitals)) return `Write ${capitals}.`;
  return 'Write a three-letter ISO 4217 code such as USD or EUR.';
}

/** An address that can be kept and shown as a link: of the web, without a name or password, without signs that nobody sees. */
const LENGTH_MAX = 2_000;

/** Why it was not taken, and what to do. */
export const NO_WEB_ADDRESS = {
  reason: 'is not a web address that can be kept',
  fix: 'Start it with https:// and leave out names and passwords.',
} as const;

export function isWebAddress(text: string): boolean {
  if (text.length > LENGTH_MAX || /[\s\p{Cc}\p{Cf}\p{Cs}]/u.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
}

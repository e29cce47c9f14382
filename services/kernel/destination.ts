/**
 * Where a message goes, as one text: a Slack channel id, `mailto:ADDRESS`, `teams:NAME`, `webhook:NAME`, or `user:ADDRESS` for one person,
 * wherever that person reads. The text stands in the organisation file and in the outbox; addresses that are secrets never do.
 */

export type Destination =
  | { readonly kind: 'slack'; readonly channel: string }
  | { readonly kind: 'mail'; readonly address: string }
  | { readonly kind: 'teams'; readonly name: string }
  | { readonly kind: 'webhook'; readonly name: string }
  | { readonly kind: 'person'; readonly email: string };

const SLACK_CHANNEL = /^[A-Z][A-Z0-9]+$/;
/** What every mail server takes; quoted local parts and comments are left out. */
const ADDRESS = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])$/;
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/;

/** What a text of the outbox names; null where it is none of these. */
export function parseDestination(text: string): Destination | null {
  if (SLACK_CHANNEL.test(text)) return { kind: 'slack', channel: text };
  const colon = text.indexOf(':');
  const value = text.slice(colon + 1);
  switch (text.slice(0, Math.max(colon, 0))) {
    case 'mailto':
      return ADDRESS.test(value) ? { kind: 'mail', address: value } : null;
    case 'user':
      return ADDRESS.test(value) ? { kind: 'person', email: value } : null;
    case 'teams':
      return NAME.test(value) ? { kind: 'teams', name: value } : null;
    case 'webhook':
      return NAME.test(value) ? { kind: 'webhook', name: value } : null;
    default:
      return null;
  }
}

/** Whether a text may stand in the organisation file as a channel: people are reached by their roles, not from there. */
export function isChannelText(text: string): boolean {
  const destination = parseDestination(text);
  return destination !== null && destination.kind !== 'person';
}

/** A name as environment variables have it: `ops-room` is OPS_ROOM. */
export function settingName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

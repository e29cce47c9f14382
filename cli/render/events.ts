/** Events for the terminal. Their texts are foreign: textTable lets no control character through. */
import type { ListedEvent, UnmappedScope } from '../../services/intake/list-events.ts';
import { textTable } from './text-table.ts';

const SUBJECT_LENGTH_MAX = 50;

export function renderEvents(events: readonly ListedEvent[]): string {
  if (events.length === 0) return 'No events. docs/intake.md says how a tool sends them.';
  // What could not be done, why nobody counts it, or what overtook it.
  const hasReasons = events.some(({ reason }) => reason !== null);
  return textTable(
    ['id', 'occurred', 'source', 'type', 'subject', 'stands', 'state', 'pod', ...(hasReasons ? ['reason'] : [])],
    events.map((event) => [
      event.eventId,
      event.occurredAt.slice(0, 16).replace('T', ' '),
      event.source,
      event.type,
      cut(event.subject),
      event.status,
      event.state,
      event.podId,
      ...(hasReasons ? [event.reason] : []),
    ]),
  );
}

/** With the lines to paste into the organisation file. */
export function renderUnmapped(scopes: readonly UnmappedScope[], events: readonly ListedEvent[]): string {
  if (scopes.length === 0) return 'Nothing waits for a mapping.';
  const counted = textTable(
    ['of', 'name', 'source', 'events', 'since'],
    scopes.map(({ kind, name, source, events: count, since }) => [
      kind,
      name,
      source,
      String(count),
      since.toISOString().slice(0, 10),
    ]),
    [3],
  );
  const lines = scopes.map(({ kind, name }) => `    - { ${kind}: ${JSON.stringify(name)}, pod: … }`);
  return (
    `${counted}\n\nSay whose they are in the organisation file, or that nobody counts them (ignored: "why" instead of pod), and apply it:\n\n` +
    `intake:\n  mappings:\n${lines.join('\n')}\n\n${renderEvents(events)}`
  );
}

function cut(text: string): string {
  return text.length > SUBJECT_LENGTH_MAX ? `${text.slice(0, SUBJECT_LENGTH_MAX - 1)}…` : text;
}

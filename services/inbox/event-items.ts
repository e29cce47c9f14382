/** What of the events that came in waits for somebody: those of nobody's, and those whose consequence could not be drawn. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { listUnmapped } from '../intake/list-events.ts';
import type { InboxItem } from './list-inbox.ts';

const ABOUT_NO_MONEY = { scope: null, period: null, amount: null, currency: null, amountOf: null } as const;

export async function readEventItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const unmapped = await listUnmapped(db);
  const { rows: failed } = await sql<{ source: string; events: number; since: Date; reason: string | null }>`
    select source, count(*)::int as events, min(received_at) as since, min(reason) as reason from inbound_event where state = 'failed'
    group by source order by source
  `.execute(db);
  return [
    ...unmapped.map(
      ({ source, kind, name, events, since }): InboxItem => ({
        ...ABOUT_NO_MONEY,
        kind: 'unmapped-events',
        id: `${kind} ${name}`,
        since: since.toISOString(),
        sentence:
          `${events === 1 ? 'An event' : `${events} events`} of the ${kind} ${name} (${source}) ${events === 1 ? 'waits' : 'wait'}: no pod is mapped to it on ` +
          `${events === 1 ? 'its day' : 'their days'}. Add it to intake.mappings of the organisation file, with a pod or as ignored, and apply it.`,
        settle: ['outturn apply', 'outturn events --state unmapped'],
        calls: ['GET /api/v1/events?state=unmapped'],
      }),
    ),
    ...failed.map(
      ({ source, events, since, reason }): InboxItem => ({
        ...ABOUT_NO_MONEY,
        kind: 'failed-events',
        id: source,
        since: since.toISOString(),
        sentence:
          `What ${events === 1 ? 'an event' : `${events} events`} of ${source} asked for could not be done (${reason ?? 'no reason given'}). ` +
          'Correct what is named, and apply the organisation file: it is tried again.',
        settle: ['outturn apply', 'outturn events --state failed'],
        calls: ['GET /api/v1/events?state=failed'],
      }),
    ),
  ];
}

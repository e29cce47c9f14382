/** Events over HTTP: what came in, whose it is, what became of it. Its texts are foreign. */
import { Type } from 'typebox';
import { EVENT_STATES } from '../../services/intake/list-events.ts';
import { EVENT_KINDS, SCOPE_KINDS } from '../../services/kernel/inbound-event.ts';
import { PAGE_QUERY } from '../paging.ts';
import { nullable, oneOf } from './common.ts';

export const EventQuery = Type.Object(
  {
    ...PAGE_QUERY,
    state: Type.Optional(oneOf(EVENT_STATES, 'Only events in this state.')),
    source: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description:
          'github, jira, linear, pagerduty, or events/SENDER: the principal of a token, or the name of a secret.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const EventView = Type.Object({
  eventId: Type.String(),
  source: Type.String(),
  type: Type.String({ description: 'As its source names it.' }),
  kind: oneOf(EVENT_KINDS, 'What it is about.'),
  objectId: nullable(Type.String()),
  subject: Type.String({
    description: 'Foreign text, cut and without control characters: escape it where you show it.',
  }),
  status: nullable(Type.String({ description: 'How its object stands by it.' })),
  occurredAt: Type.String({ description: 'By the clock of its source.' }),
  receivedAt: Type.String(),
  state: oneOf(
    EVENT_STATES,
    'received: not looked at yet; unmapped: waits for a mapping; outdated: something newer of it came first.',
  ),
  reason: nullable(Type.String()),
  podId: nullable(Type.String()),
  scopes: Type.Array(Type.Object({ kind: oneOf(SCOPE_KINDS, 'What a mapping names.'), name: Type.String() })),
  attributes: Type.Unknown({ description: 'What else is kept of it.' }),
});

export const ReceivedView = Type.Object({
  received: Type.Integer({ description: 'Events of the request.' }),
  new: Type.Integer({ description: 'Of these, those not known yet.' }),
});

/** Events of the pods' tools: taking CloudEvents and CDEvents, and listing what came in, with what waits for a mapping. */
import type { FastifyInstance } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { listEvents } from '../../services/intake/list-events.ts';
import { WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { rawRequest, takeRawBodies } from '../raw-body.ts';
import { asResponse } from '../response.ts';
import { EventQuery, EventView, ReceivedView } from '../schemas/events.ts';

const TAGS = ['events'];
const BODY_BYTES_MAX = 1_048_576;
const NOT_OFFERED_MS = 60_000;

export function addEventRoutes(app: ApiApp, context: ApiContext): void {
  addListRoute(app, context);
  void app.register((scope: FastifyInstance, _options, done) => {
    takeRawBodies(scope, BODY_BYTES_MAX);
    addTakeRoute(scope, context);
    done();
  });
}

function addListRoute(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/events',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Events that came in, newest first',
        description: '`state=unmapped`: those that wait for a mapping in the organisation file.',
        tags: TAGS,
        querystring: EventQuery,
        response: { 200: Type.Array(EventView) },
      },
    },
    async (request, reply) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const events = await listEvents(db, { ...filter, before: rowNumberOf(after), limit: limit + 1 });
      const page = firstOf(events, ({ eventId }) => eventId, limit);
      linkNextPage(request, reply, page);
      return asResponse(page.rows);
    },
  );
}

function addTakeRoute(scope: FastifyInstance, context: ApiContext): void {
  scope.withTypeProvider<TypeBoxTypeProvider>().post(
    '/api/v1/events',
    {
      config: { roles: ['operator', 'ingest'], isSigned: true },
      schema: {
        summary: 'Take CloudEvents or CDEvents: structured, in batches, or binary',
        description:
          'Each event of a sender once, by its source and id. Instead of a token the body may be signed after Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature).',
        tags: TAGS,
        consumes: ['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json'],
        response: { 202: ReceivedView },
      },
    },
    async (request, reply) => {
      if (context.receiveEvents === undefined) throw new TransientError('Events are not taken here', NOT_OFFERED_MS);
      const received = await context.receiveEvents(rawRequest(request), request.principal);
      if (received === null) {
        throw new AppError('unauthenticated', 'The signature is no known sender’s, or older than five minutes.');
      }
      return reply.code(202).send(asResponse(received));
    },
  );
}

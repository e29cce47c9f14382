/** Pools of outcomes: what a shared metric may move altogether, and what is left of it. */
import { Type } from 'typebox';
import { poolsAs } from '../../services/access/shared-facts.ts';
import { setPool } from '../../services/outcomes/pools/pools.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { cutPage, linkNextPage, readPageRequest } from '../paging.ts';
import { answerOutcomePost } from '../outcome-writers.ts';
import { IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import { PoolBody, PoolQuery, PoolViewSchema, SetPoolView } from '../schemas/outcome-acts.ts';

export function addOutcomePoolRoutes(app: ApiApp, context: ApiContext): void {
  app.get(
    '/api/v1/outcome-pools',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Pools with their ceilings, and what is left of each',
        description: 'For a pod too: what is left for its claims, never whose are there.',
        tags: ['outcomes'],
        querystring: PoolQuery,
        response: { 200: Type.Array(PoolViewSchema) },
      },
    },
    async (request, reply) => {
      const pools = await poolsAs(context.db, principalOf(request));
      const page = cutPage(pools, ({ id }) => id, readPageRequest(request.query));
      linkNextPage(request, reply, page);
      return asResponse(page.rows);
    },
  );

  app.post(
    '/api/v1/outcome-pools',
    {
      config: { roles: ['finance'] },
      schema: {
        summary: 'Set a pool and all its ceilings',
        description: 'A ceiling below what its outcomes recognise already is refused, and says what they do.',
        tags: ['outcomes'],
        headers: IDEMPOTENCY_HEADERS,
        body: PoolBody,
        response: { 200: SetPoolView, 201: SetPoolView },
      },
    },
    async (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => {
        const set = await setPool(trx, {
          pool: request.body,
          principal: principalOf(request),
          at: context.clock.now(),
        });
        return { status: set.change === 'created' ? 201 : 200, body: set };
      }),
  );
}

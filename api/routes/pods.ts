/** The pods; a pod's token sees its own. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { listPods } from '../../services/organisation/list-pods.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest } from '../paging.ts';
import { asResponse } from '../response.ts';
import { PodQuery, PodViewSchema } from '../schemas/organisation.ts';

export function addPodRoutes(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/pods',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Pods, by id',
        tags: ['organisation'],
        querystring: PodQuery,
        response: { 200: Type.Array(PodViewSchema) },
      },
    },
    async (request, reply) => {
      const { portfolio } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const asked = { after, limit: limit + 1, ...(portfolio === undefined ? {} : { portfolio }) };
      const pods = await readAs(db, principalOf(request), (trx) => listPods(trx, asked));
      const page = firstOf(pods, (pod) => pod.podId, limit);
      linkNextPage(request, reply, page);
      return asResponse(page.rows);
    },
  );
}

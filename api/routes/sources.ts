/** Where bills come from: how each source stands, the history of looks at it, and what it lacks. */
import { Type } from 'typebox';
import { listRuns } from '../../services/sources/list-runs.ts';
import { listSources } from '../../services/sources/list-sources.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import { readAs } from '../../services/access/read-as.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { cutPage, firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import { ChecksView, RunQuery, RunView, SourceParams, SourceView } from '../schemas/sources.ts';
import { withinTime } from '../within-time.ts';

/** A check asks a provider a handful of things, one after the other. */
const CHECK_TIMEOUT_MS = 60_000;

export function addSourceRoutes(app: ApiApp, context: ApiContext): void {
  app.get(
    '/api/v1/sources',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'How each source stands: last delivery, data as of, estimated or final, cost of its calls, next look',
        tags: ['sources'],
        querystring: RunQuery,
        response: { 200: Type.Array(SourceView) },
      },
    },
    async (request, reply) =>
      readAs(context.db, principalOf(request), async (trx) => {
        const listed = await listSources(trx, context.clock.now());
        const page = cutPage(listed, ({ sourceId }) => sourceId, readPageRequest(request.query));
        linkNextPage(request, reply, page);
        return asResponse(page.rows);
      }),
  );

  app.get(
    '/api/v1/sources/:sourceId/runs',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Looks at a source, newest first',
        tags: ['sources'],
        params: SourceParams,
        querystring: RunQuery,
        response: { 200: Type.Array(RunView) },
      },
    },
    async (request, reply) => {
      const { limit, after } = readPageRequest(request.query);
      const { sourceId } = request.params;
      return readAs(context.db, principalOf(request), async (trx) => {
        const found = await listRuns(trx, { sourceId, before: rowNumberOf(after), limit: limit + 1 });
        const page = firstOf(found, ({ runId }) => runId, limit);
        linkNextPage(request, reply, page);
        return asResponse(page.rows);
      });
    },
  );

  const { checkSource } = context;
  if (checkSource === undefined) return;
  app.post(
    '/api/v1/sources/:sourceId/check',
    {
      config: { roles: ['operator'] },
      schema: {
        summary: 'Check a source: each permission and setting by itself, with the fix',
        description:
          'Asks the provider and changes nothing; its calls count towards the day’s budget of the source. Sent again, with a key or without, it asks again.',
        tags: ['sources'],
        headers: IDEMPOTENCY_HEADERS,
        params: SourceParams,
        response: { 200: ChecksView },
      },
    },
    async ({ params: { sourceId } }) => {
      const checks = await withinTime(CHECK_TIMEOUT_MS, 'The provider', () => checkSource(sourceId));
      return { sourceId, checks: [...checks] };
    },
  );
}

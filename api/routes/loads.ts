/** The bills that came in, and asking a source for its newest. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { describeLoads } from '../../services/billing/describe-load.ts';
import { listLoadIds } from '../../services/billing/list-loads.ts';
import { requestSync } from '../../services/billing/request-sync.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import { LoadQuery, LoadViewSchema, StartedSync, SyncBody } from '../schemas/loads.ts';
import { withinTime } from '../within-time.ts';

const ENQUEUE_TIMEOUT_MS = 10_000;

export function addLoadRoutes(app: ApiApp, context: ApiContext): void {
  app.get(
    '/api/v1/loads',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Loads, newest first',
        tags: ['bills'],
        querystring: LoadQuery,
        response: { 200: Type.Array(LoadViewSchema) },
      },
    },
    async (request, reply) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const asked = { ...filter, before: rowNumberOf(after), limit: limit + 1 };
      return readAs(context.db, principalOf(request), async (trx) => {
        const page = firstOf(await listLoadIds(trx, asked), (loadId) => loadId, limit);
        linkNextPage(request, reply, page);
        return asResponse((await describeLoads(trx, page.rows)).loads);
      });
    },
  );

  app.post(
    '/api/v1/loads',
    {
      config: { roles: ['finance', 'operator', 'ingest'] },
      schema: {
        summary: 'Ask a source for its newest bills',
        description: 'A worker does it; GET /loads shows what came. Nothing changes where nothing new was delivered.',
        tags: ['bills'],
        headers: IDEMPOTENCY_HEADERS,
        body: SyncBody,
        response: { 202: StartedSync },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { sourceId, mayDropAccounts = false, period } = request.body;
      const range = period === undefined ? undefined : rangeOf(period);
      if (mayDropAccounts && principal.role !== 'operator') {
        throw new AppError('forbidden', 'Only a token of role operator may set mayDropAccounts. Leave it out.');
      }
      const started = await answerPost(context, request, reply, async (trx) => {
        const jobId = `sync-source_${randomUUID()}`;
        const asked = { sourceId, mayDropAccounts, jobId, ...(range === undefined ? {} : { range }) };
        await requestSync(trx, { ...asked, principal, at: context.clock.now() });
        return { status: 202, body: { sourceId, job: { name: 'sync-source' as const, jobId } } };
      });
      // Again where the request is repeated: the first one may have ended between its commit and this line. A worker finds it in any case.
      await withinTime(ENQUEUE_TIMEOUT_MS, 'The queue', () =>
        context.queue.add(
          'sync-source',
          {
            sourceId,
            reason: 'request',
            mayDropAccounts,
            requestId: started.job.jobId,
            ...(range === undefined ? {} : { range }),
          },
          { id: started.job.jobId },
        ),
      );
      return started;
    },
  );
}

function rangeOf(name: string): { start: string; end: string } {
  const { start, end } = parsePeriod(name);
  return { start, end };
}

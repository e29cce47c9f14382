/** Who changed what, when. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { listAuditEvents } from '../../services/audit/list-audit-events.ts';
import { principalOf } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { asResponse } from '../response.ts';
import { AuditEventView, AuditQuery } from '../schemas/organisation.ts';

export function addAuditRoutes(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/audit',
    {
      config: { roles: ['finance', 'operator'] },
      schema: {
        summary: 'The audit trail, newest first',
        tags: ['organisation'],
        querystring: AuditQuery,
        response: { 200: Type.Array(AuditEventView) },
      },
    },
    async (request, reply) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const asked = { ...filter, before: rowNumberOf(after), limit: limit + 1 };
      const events = await readAs(db, principalOf(request), (trx) => listAuditEvents(trx, asked));
      const page = firstOf(events, (event) => event.auditEventId, limit);
      linkNextPage(request, reply, page);
      return asResponse(page.rows);
    },
  );
}

/** Platform pods over HTTP: whom they served. A pod's token reads of its own: names of others, never their money. */
import { enablingAs } from '../../services/access/shared-facts.ts';
import { enablingTable } from '../../services/enabling/enabling-table.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { EnablingQuery, EnablingView } from '../schemas/enabling.ts';

export function addEnablingRoutes(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/reports/enabling',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Platform pods: whom they served, by outcomes that name them and by shared cost',
        description:
          'As now known; for a pod of itself. What needs delivery data is not assessed until there are some.',
        tags: ['reports'],
        querystring: EnablingQuery,
        response: printedResponse('As `outturn report enabling`', EnablingView),
      },
    },
    async (request, reply) => {
      const report = await enablingAs(db, principalOf(request), request.query);
      return sendPrinted(request, reply, report, enablingTable);
    },
  );
}

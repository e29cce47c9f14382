/** Platform pods over HTTP: whom they served. It names other pods, so a pod's token does not read it. */
import { readAs } from '../../services/access/read-as.ts';
import { enablingReport } from '../../services/enabling/enabling-report.ts';
import { enablingTable } from '../../services/enabling/enabling-table.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { EnablingQuery, EnablingView } from '../schemas/enabling.ts';

export function addEnablingRoutes(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/reports/enabling',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Platform pods: whom they served, by outcomes that name them and by shared cost',
        description: 'As now known. What needs delivery data is not assessed until there are some.',
        tags: ['reports'],
        querystring: EnablingQuery,
        response: printedResponse('As `outturn report enabling`', EnablingView),
      },
    },
    async (request, reply) => {
      const report = await readAs(db, principalOf(request), (trx) => enablingReport(trx, request.query));
      return sendPrinted(request, reply, report, enablingTable);
    },
  );
}

/** Approved money, and what was said when it ran out. A pod's token sees its own envelopes and alerts. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { listAlerts } from '../../services/alerts/list-alerts.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { readFiscalCalendar } from '../../services/organisation/read-calendar.ts';
import { alertsTable, envelopesTable } from '../../services/reports/envelope-tables.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse } from '../printed.ts';
import { sendList } from '../send-list.ts';
import { addAlertActRoutes } from './alert-acts.ts';
import { AlertQuery, AlertView, EnvelopeQuery, EnvelopeView } from '../schemas/envelopes.ts';

export function addEnvelopeRoutes(app: ApiApp, context: ApiContext): void {
  const { db, clock } = context;
  addAlertActRoutes(app, context);
  app.get(
    '/api/v1/envelopes',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Envelopes by scope and period, then pods that spend without one',
        tags: ['envelopes'],
        querystring: EnvelopeQuery,
        response: printedResponse('As `outturn envelopes`', Type.Array(EnvelopeView)),
      },
    },
    async (request, reply) => {
      const { period } = request.query;
      const envelopes = await readAs(db, principalOf(request), async (trx) =>
        listEnvelopes(trx, {
          at: clock.now(),
          ...(period === undefined ? {} : { period: parsePeriod(period, await readFiscalCalendar(trx)) }),
        }),
      );
      const keyed = (one: (typeof envelopes)[number]) =>
        one.envelopeId ?? JSON.stringify([one.scope.id, one.periodStart]);
      return sendList(request, reply, { rows: envelopes, keyOf: keyed, toTable: envelopesTable });
    },
  );

  app.get(
    '/api/v1/alerts',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Crossings with the state of their message, oldest first',
        tags: ['envelopes'],
        querystring: AlertQuery,
        response: printedResponse('As `outturn alerts`', Type.Array(AlertView)),
      },
    },
    async (request, reply) => {
      const { state } = request.query;
      const alerts = await readAs(db, principalOf(request), (trx) =>
        listAlerts(trx, state === undefined ? {} : { state }),
      );
      return sendList(request, reply, { rows: alerts, keyOf: (alert) => alert.alertId, toTable: alertsTable });
    },
  );
}

/** What waits for finance, and what settles it: alerts that are held, messages that did not arrive, drift. A pod reads its own drift. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { acceptDrift } from '../../services/drift/accept-drift.ts';
import { listDrift } from '../../services/drift/list-drift.ts';
import { listInbox } from '../../services/inbox/list-inbox.ts';
import { dropMessage } from '../../services/inbox/drop-message.ts';
import { alertsReport, alertsReportTable } from '../../services/reports/alerts-report.ts';
import { driftTable, inboxTable } from '../../services/reports/inbox-tables.ts';
import { principalOf, READERS, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedJson, printedResponse, sendPrinted } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { sendList } from '../send-list.ts';
import {
  AcceptBody,
  AlertsReport,
  DriftQuery,
  DriftView,
  DroppedView,
  InboxItemView,
  InboxQuery,
  MessageParams,
  PodParams,
  PrecisionQuery,
} from '../schemas/inbox.ts';

const TAGS = ['inbox'];

export function addInboxRoutes(app: ApiApp, context: ApiContext): void {
  addListRoute(app, context);
  addReportRoute(app, context);
  addDriftRoutes(app, context);
  addDropRoute(app, context);
}

function addListRoute(app: ApiApp, { db, clock }: ApiContext): void {
  app.get(
    '/api/v1/inbox',
    {
      config: { roles: ['finance', 'operator'] },
      schema: {
        summary: 'What waits for somebody, by what matters, with the call that settles each',
        description: 'An operator sees deliveries, sources and events.',
        tags: TAGS,
        querystring: InboxQuery,
        response: printedResponse('As `outturn inbox`', Type.Array(InboxItemView)),
      },
    },
    async (request, reply) => {
      const { kind } = request.query;
      const { role } = principalOf(request);
      const items = await listInbox(db, { at: clock.now(), role });
      const wanted = kind === undefined ? items : items.filter((item) => item.kind === kind);
      return sendList(request, reply, {
        rows: wanted,
        keyOf: (item) => JSON.stringify([item.kind, item.id, item.period, item.currency]),
        toTable: inboxTable,
      });
    },
  );
}

function addReportRoute(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/reports/alerts',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'How quiet and how right the alerts of a period were, and its drifts',
        tags: ['reports'],
        querystring: PrecisionQuery,
        response: printedResponse('As `outturn report alerts`', AlertsReport),
      },
    },
    async (request, reply) => {
      const { period } = request.query;
      const report = await readAs(db, principalOf(request), (trx) => alertsReport(trx, { period }));
      return sendPrinted(request, reply, report, alertsReportTable);
    },
  );
}

function addDriftRoutes(app: ApiApp, context: ApiContext): void {
  const { db } = context;
  app.get(
    '/api/v1/drift',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Pods against their frozen baselines, by id',
        tags: TAGS,
        querystring: DriftQuery,
        response: printedResponse('As `outturn drift`', Type.Array(DriftView)),
      },
    },
    async (request, reply) => {
      const drifts = await readAs(db, principalOf(request), (trx) => listDrift(trx));
      return sendList(request, reply, { rows: drifts, keyOf: ({ podId }) => podId, toTable: driftTable });
    },
  );

  app.get(
    '/api/v1/pods/:podId/drift',
    {
      config: { roles: READERS },
      schema: {
        summary: 'One pod against its frozen baseline',
        tags: TAGS,
        params: PodParams,
        response: printedResponse('As `outturn drift POD`', DriftView),
      },
    },
    async (request, reply) => {
      const { podId } = request.params;
      const [drift] = await readAs(db, principalOf(request), (trx) => listDrift(trx, { podId }));
      if (drift === undefined) throw new Error('a pod that is there has a standing');
      return sendPrinted(request, reply, drift, (one) => driftTable([one]));
    },
  );

  app.post(
    '/api/v1/pods/:podId/drift/accept',
    {
      config: { roles: ['finance'] },
      schema: {
        summary: 'Say that a pod’s present cost is what is wanted: its baseline from now on',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        params: PodParams,
        body: AcceptBody,
        response: printedJson('Where the pod stands then', DriftView),
      },
    },
    async (request, reply) =>
      answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await acceptDrift(trx, {
          podId: request.params.podId,
          reason: request.body.reason,
          principal: principalOf(request),
          via: 'api',
          at: context.clock.now(),
        }),
      })),
  );
}

function addDropRoute(app: ApiApp, context: ApiContext): void {
  app.post(
    '/api/v1/messages/:messageId/drop',
    {
      config: { roles: ['finance', 'operator'] },
      schema: {
        summary: 'Leave a message that failed, or that may not have arrived',
        description:
          'Its scope was told otherwise. POST /alerts/{alertId}/retry, which takes the id of a message too, sends it again.',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        params: MessageParams,
        response: { 200: DroppedView },
      },
    },
    async (request, reply) =>
      answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await dropMessage(trx, {
          messageId: request.params.messageId,
          principal: principalOf(request),
          via: 'api',
          at: context.clock.now(),
        }),
      })),
  );
}

/** Limits over HTTP: an approver sets one, anybody concerned asks for a raise, an approver decides; and how each envelope came to its limit. */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { listHeadrooms } from '../../services/envelopes/headroom.ts';
import { readEnvelopeHistory } from '../../services/envelopes/list-versions.ts';
import { decideRaise, requestRaise } from '../../services/envelopes/raise-requests.ts';
import { listRaiseRequests } from '../../services/envelopes/raise-rows.ts';
import { setEnvelope } from '../../services/envelopes/set-envelope.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { readFiscalCalendar } from '../../services/organisation/read-calendar.ts';
import type { EnvelopeScope } from '../../services/organisation/organisation.ts';
import { headroomsTable, historyTable, raisesTable } from '../../services/reports/raise-tables.ts';
import { principalOf, READERS, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { sendList } from '../send-list.ts';
import {
  DecisionBody,
  DecisionView,
  EnvelopeHistoryView,
  EnvelopeParams,
  HeadroomQuery,
  HeadroomView,
  PortfolioParams,
  RaiseBody,
  RaiseOutcomeView,
  RaiseParams,
  RaiseQuery,
  RaiseView,
  SetEnvelopeBody,
  SetEnvelopeView,
} from '../schemas/raises.ts';

const TAGS = ['envelopes'];

export function addRaiseRoutes(app: ApiApp, context: ApiContext): void {
  addReadingRoutes(app, context);
  addSettingRoute(app, context);
  addRequestRoute(app, context);
  addDecisionRoute(app, context, 'grant');
  addDecisionRoute(app, context, 'refuse');
}

function addReadingRoutes(app: ApiApp, { db, clock }: ApiContext): void {
  app.get(
    '/api/v1/envelopes/:envelopeId/versions',
    {
      config: { roles: READERS },
      schema: {
        summary: 'One envelope’s versions with their approvals, and the raises asked for',
        tags: TAGS,
        params: EnvelopeParams,
        response: printedResponse('As `outturn envelopes history`', EnvelopeHistoryView),
      },
    },
    async (request, reply) => {
      const { envelopeId } = request.params;
      const history = await readAs(db, principalOf(request), (trx) =>
        readEnvelopeHistory(trx, envelopeId, clock.now()),
      );
      return sendPrinted(request, reply, history, historyTable);
    },
  );

  app.get(
    '/api/v1/raises',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Raises asked for, newest first',
        tags: TAGS,
        querystring: RaiseQuery,
        response: printedResponse('As `outturn envelopes requests`', Type.Array(RaiseView)),
      },
    },
    async (request, reply) => {
      const { state } = request.query;
      const raises = await readAs(db, principalOf(request), (trx) =>
        listRaiseRequests(trx, { at: clock.now(), ...(state === undefined ? {} : { state }) }),
      );
      return sendList(request, reply, { rows: raises, keyOf: ({ requestId }) => requestId, toTable: raisesTable });
    },
  );

  app.get(
    '/api/v1/portfolios/:portfolioId/headroom',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'What a portfolio’s envelopes have left for its pods',
        tags: TAGS,
        params: PortfolioParams,
        querystring: HeadroomQuery,
        response: printedResponse('As `outturn envelopes headroom`', Type.Array(HeadroomView)),
      },
    },
    async (request, reply) => {
      const { portfolioId } = request.params;
      const { period } = request.query;
      const headrooms = await readAs(db, principalOf(request), async (trx) =>
        listHeadrooms(trx, {
          portfolioId,
          ...(period === undefined ? {} : { period: parsePeriod(period, await readFiscalCalendar(trx)) }),
        }),
      );
      return sendList(request, reply, {
        rows: headrooms,
        keyOf: ({ envelopeId }) => envelopeId,
        toTable: headroomsTable,
      });
    },
  );
}

function addSettingRoute(app: ApiApp, context: ApiContext): void {
  app.post(
    '/api/v1/envelopes',
    {
      config: { roles: ['finance'] },
      schema: {
        summary: 'Approve a limit: a new envelope, or another version of one',
        description:
          'By the scope’s finance partner. What is left out stays as it was approved. Whoever waits for the decision about a raise cannot take it so.',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        body: SetEnvelopeBody,
        response: { 200: SetEnvelopeView, 201: SetEnvelopeView },
      },
    },
    async (request, reply) => {
      const { scope, limit, rungs, ...setting } = request.body;
      return answerPost(context, request, reply, async (trx) => {
        const done = await setEnvelope(trx, {
          ...setting,
          scope: scopeOf(scope),
          limit: decimal(limit),
          ...(rungs === undefined ? {} : { rungs: rungs.map(decimal) }),
          principal: principalOf(request),
          via: 'api',
          at: context.clock.now(),
        });
        return { status: done.change === 'created' ? 201 : 200, body: done };
      });
    },
  );
}

function addRequestRoute(app: ApiApp, context: ApiContext): void {
  app.post(
    '/api/v1/envelopes/:envelopeId/raises',
    {
      config: { roles: ['finance', 'cio', 'operator', 'pod'] },
      schema: {
        summary: 'Ask for a higher limit',
        description:
          'Granted at once within what the portfolio delegates and its headroom; else its approvers are told and one of them decides. Asking again for the same changes nothing.',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        params: EnvelopeParams,
        body: RaiseBody,
        response: { 200: RaiseOutcomeView, 202: RaiseOutcomeView },
      },
    },
    async (request, reply) => {
      const { limit, reason, until } = request.body;
      return answerPost(context, request, reply, async (trx) => {
        const outcome = await requestRaise(trx, {
          envelopeId: request.params.envelopeId,
          limit: decimal(limit),
          reason,
          ...(until === undefined ? {} : { until }),
          principal: principalOf(request),
          via: 'api',
          at: context.clock.now(),
        });
        return { status: outcome.state === 'granted' ? 200 : 202, body: outcome };
      });
    },
  );
}

function addDecisionRoute(app: ApiApp, context: ApiContext, decision: 'grant' | 'refuse'): void {
  app.post(
    `/api/v1/raises/:requestId/${decision}`,
    {
      config: { roles: ['finance'] },
      schema: {
        summary: decision === 'grant' ? 'Grant a raise: the limit holds at once' : 'Refuse a raise: the limit stays',
        description: 'By an approver of the scope, never by who asked for it.',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        params: RaiseParams,
        body: DecisionBody,
        response: { 200: DecisionView },
      },
    },
    async (request, reply) => {
      const { requestId } = request.params;
      const { reason } = request.body;
      return answerPost(context, request, reply, async (trx) => {
        const decided = await decideRaise(trx, {
          requestId,
          decision,
          ...(reason === undefined ? {} : { reason }),
          principal: principalOf(request),
          via: 'api',
          at: context.clock.now(),
        });
        return { status: 200, body: { requestId, ...decided } };
      });
    },
  );
}

function scopeOf(scope: Static<typeof SetEnvelopeBody>['scope']): EnvelopeScope {
  if ('pod' in scope) return { kind: 'pod', id: scope.pod };
  if ('portfolio' in scope) return { kind: 'portfolio', id: scope.portfolio };
  return { kind: 'organisation' in scope ? 'organisation' : 'unattributed', id: null };
}

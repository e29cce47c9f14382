/** Closing a period over HTTP: one person prepares, another approves; what is closed can be read and checked by whoever reads it all. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { adjustmentsTable } from '../../services/periods/adjustments-table.ts';
import { approveStatement } from '../../services/periods/approve-statement.ts';
import { discardStatement } from '../../services/periods/discard-statement.ts';
import { listStatements, readStatement, readStatementDocument } from '../../services/periods/list-statements.ts';
import { prepareStatement, reasonsOf } from '../../services/periods/prepare-statement.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { createAsKnownReader } from '../as-known.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { printed, printedJson, printedResponse, sendPrinted } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import {
  AdjustmentsQuery,
  AdjustmentsReport,
  CloseBody,
  PreparedView,
  StatementParams,
  StatementsQuery,
  StatementView,
  VerificationView,
} from '../schemas/statements.ts';

const TAGS = ['statements'];
const PREPARERS = ['finance', 'operator'] as const;

export function addStatementRoutes(app: ApiApp, context: ApiContext): void {
  addReadingRoutes(app, context);
  addClosingRoutes(app, context);
}

function addReadingRoutes(app: ApiApp, { db, clock }: ApiContext): void {
  const readAsKnown = createAsKnownReader({ db, clock });
  app.get(
    '/api/v1/statements',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Statements of closed periods, newest first',
        tags: TAGS,
        querystring: StatementsQuery,
        response: { 200: Type.Array(StatementView) },
      },
    },
    async (request, reply) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const asked = { ...filter, before: rowNumberOf(after), limit: limit + 1 };
      const statements = await readAs(db, principalOf(request), (trx) => listStatements(trx, asked));
      const page = firstOf(statements, (statement) => statement.statementId, limit);
      linkNextPage(request, reply, page);
      return asResponse(page.rows);
    },
  );

  app.get(
    '/api/v1/statements/verification',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Whether the chain of statements is unbroken, recomputed now',
        tags: TAGS,
        response: printedJson('As `outturn statements verify --json`', VerificationView),
      },
    },
    async (request, reply) => {
      const found = await readAs(db, principalOf(request), verifyStatements);
      reply.type('application/json; charset=utf-8');
      return reply.send(printed(found));
    },
  );

  app.get(
    '/api/v1/statements/:statementId',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'The document of a statement, to the byte',
        description: 'Canonical JSON; the SHA-256 of the body is the statement’s `documentHash`.',
        tags: TAGS,
        params: StatementParams,
        response: printedJson('As it was frozen', Type.Object({}, { additionalProperties: true })),
      },
    },
    async (request, reply) => {
      const { statementId } = request.params;
      const document = await readAs(db, principalOf(request), (trx) => readStatementDocument(trx, statementId));
      reply.type('application/json; charset=utf-8');
      return reply.send(document);
    },
  );

  app.get(
    '/api/v1/reports/adjustments',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Corrections of closed months, with their causes, in the month they are booked in',
        tags: ['reports'],
        querystring: AdjustmentsQuery,
        response: printedResponse('As `outturn report adjustments`', AdjustmentsReport),
      },
    },
    async (request, reply) => {
      const { asKnown, ...query } = request.query;
      if (asKnown !== undefined) {
        const known = await readAsKnown(request, { period: query.period, asKnown }, async (trx, at) => {
          await prepareConversions(trx, { ...query, at });
          return adjustments(trx, { ...query, at });
        });
        return sendPrinted(request, reply, known, adjustmentsTable);
      }
      const asked = { ...query, at: clock.now() };
      await prepareConversions(db, asked);
      const report = await readAs(db, principalOf(request), (trx) => adjustments(trx, asked));
      return sendPrinted(request, reply, report, adjustmentsTable);
    },
  );
}

function addClosingRoutes(app: ApiApp, context: ApiContext): void {
  const { clock } = context;

  app.post(
    '/api/v1/statements',
    {
      config: { roles: PREPARERS },
      schema: {
        summary: 'Prepare the statement of a period',
        description:
          'Freezes the period for approval; a former preparation of it is discarded. Nothing is closed until another person approves it.',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        body: CloseBody,
        response: { 201: PreparedView },
      },
    },
    async (request, reply) => {
      const { period, ...asked } = request.body;
      return answerPost(context, request, reply, async (trx) => {
        const close = { period, ...reasonsOf(asked), principal: principalOf(request), at: clock.now() };
        const { statement, readiness } = await prepareStatement(trx, close);
        return { status: 201, body: { statement, readiness } };
      });
    },
  );

  app.post(
    '/api/v1/statements/:statementId/approve',
    {
      config: { roles: ['finance'] },
      schema: {
        summary: 'Approve a prepared statement: its period is closed from then on',
        description: 'By another person than who prepared it; refused where its figures moved since.',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        params: StatementParams,
        response: { 200: StatementView },
      },
    },
    async (request, reply) => {
      const { statementId } = request.params;
      return answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await approveStatement(trx, { statementId, principal: principalOf(request), at: clock.now() }),
      }));
    },
  );

  app.post(
    '/api/v1/statements/:statementId/discard',
    {
      config: { roles: PREPARERS },
      schema: {
        summary: 'Take back a prepared statement',
        tags: TAGS,
        headers: IDEMPOTENCY_HEADERS,
        params: StatementParams,
        response: { 200: StatementView },
      },
    },
    async (request, reply) => {
      const { statementId } = request.params;
      return answerPost(context, request, reply, async (trx) => {
        await discardStatement(trx, { statementId, principal: principalOf(request), at: clock.now() });
        return { status: 200, body: await readStatement(trx, statementId) };
      });
    },
  );
}

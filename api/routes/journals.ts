/** Journals over HTTP: exporting a period's, reversing, and reading what was exported, in the command line's bytes. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { exportJournals } from '../../services/journal/export-journal.ts';
import { journalTable } from '../../services/journal/journal-table.ts';
import { listJournals, readJournal } from '../../services/journal/read-journals.ts';
import { reverseJournal } from '../../services/journal/reverse-journal.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import {
  JournalBody,
  JournalExportView,
  JournalHeadView,
  JournalParams,
  JournalQuery,
  ReversalBody,
} from '../schemas/journals.ts';

export function addJournalRoutes(app: ApiApp, context: ApiContext): void {
  addExportRoutes(app, context);
  addReadingRoutes(app, context);
}

function addExportRoutes(app: ApiApp, context: ApiContext): void {
  app.post(
    '/api/v1/journals',
    {
      config: { roles: ['finance', 'operator'] },
      schema: {
        summary: 'Export the journals of a period, one per month',
        description:
          'What was exported of a closed month, or of an open one that has not moved, is answered again as it was.',
        tags: ['journals'],
        headers: IDEMPOTENCY_HEADERS,
        body: JournalBody,
        response: { 200: JournalExportView },
      },
    },
    async (request, reply) =>
      answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await exportJournals(trx, { ...request.body, principal: principalOf(request), at: context.clock.now() }),
      })),
  );

  app.post(
    '/api/v1/journals/reversals',
    {
      config: { roles: ['finance', 'operator'] },
      schema: {
        summary: 'Reverse what a superseded statement was charged back with, exactly',
        tags: ['journals'],
        headers: IDEMPOTENCY_HEADERS,
        body: ReversalBody,
        response: { 200: JournalExportView },
      },
    },
    async (request, reply) =>
      answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await reverseJournal(trx, { ...request.body, principal: principalOf(request), at: context.clock.now() }),
      })),
  );
}

function addReadingRoutes(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/journals',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Journals, newest first, without their lines',
        tags: ['journals'],
        querystring: JournalQuery,
        response: { 200: Type.Array(JournalHeadView) },
      },
    },
    async (request, reply) => {
      const { period } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const found = await readAs(db, principalOf(request), (trx) =>
        listJournals(trx, {
          before: rowNumberOf(after),
          limit: limit + 1,
          ...(period === undefined ? {} : { periodId: period }),
        }),
      );
      const page = firstOf(found, (one) => one.journalId, limit);
      linkNextPage(request, reply, page);
      return asResponse([...page.rows]);
    },
  );

  app.get(
    '/api/v1/journals/:journalId',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'One journal, as it was exported',
        tags: ['journals'],
        params: JournalParams,
        response: printedResponse('As `outturn export journal` printed it', JournalExportView),
      },
    },
    async (request, reply) => {
      const { journalId } = request.params;
      const journal = await readAs(db, principalOf(request), (trx) => readJournal(trx, Number(journalId)));
      if (journal === null) {
        throw new AppError('not_found', `There is no journal ${journalId}. GET /api/v1/journals lists them.`);
      }
      return sendPrinted(request, reply, { journals: [journal] }, journalTable);
    },
  );
}

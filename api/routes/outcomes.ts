/** What the pods delivered: listing, stating one, importing a sheet. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { enabledAs } from '../../services/access/shared-facts.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { guardClaim } from '../../services/outcomes/acts/guard-claim.ts';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { outcomesTable } from '../../services/outcomes/sheets/outcome-table.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { linkNextPage, readPageRequest } from '../paging.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { answerOutcomePost } from '../outcome-writers.ts';
import { IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import { SHEET_BODY, SHEET_CONSUMES, sheetOf } from '../sheet-body.ts';
import { OutcomeParams, ShownOutcomeView } from '../schemas/outcome-acts.ts';
import {
  CreatedOutcomeView,
  EnabledOutcomeView,
  EnabledQuery,
  ImportQuery,
  OutcomeBody,
  OutcomeImportView,
  OutcomeQuery,
  OutcomeViewSchema,
} from '../schemas/outcomes.ts';

export function addOutcomeRoutes(app: ApiApp, context: ApiContext): void {
  const { db, clock } = context;

  app.get(
    '/api/v1/outcomes',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Outcomes, newest first',
        tags: ['outcomes'],
        querystring: OutcomeQuery,
        response: printedResponse('One page; as a table one row each', Type.Array(OutcomeViewSchema)),
      },
    },
    async (request, reply) => {
      const { state, podId } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const page = await readAs(db, principalOf(request), (trx) =>
        listOutcomes(trx, {
          limit,
          at: clock.now(),
          ...(state === undefined ? {} : { state }),
          ...(podId === undefined ? {} : { podId }),
          ...(after === null ? {} : { after }),
        }),
      );
      linkNextPage(request, reply, { rows: page.outcomes, lastKey: page.next });
      return sendPrinted(request, reply, page.outcomes, outcomesTable);
    },
  );

  app.get(
    '/api/v1/outcomes/enabled',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Outcomes that name who made them possible, newest first; for a pod those that name it',
        description: 'What was delivered, whose it is and how it stands, without money.',
        tags: ['outcomes'],
        querystring: EnabledQuery,
        response: { 200: Type.Array(EnabledOutcomeView) },
      },
    },
    async (request, reply) => {
      const { podId } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const page = await enabledAs(db, principalOf(request), {
        limit,
        at: clock.now(),
        ...(podId === undefined ? {} : { podId }),
        ...(after === null ? {} : { after }),
      });
      linkNextPage(request, reply, { rows: page.outcomes, lastKey: page.next });
      return asResponse(page.outcomes);
    },
  );

  app.get(
    '/api/v1/outcomes/:outcomeId',
    {
      config: { roles: READERS },
      schema: {
        summary: 'One outcome: what is missing to its verification, evidence, possible duplicates, history',
        tags: ['outcomes'],
        params: OutcomeParams,
        response: { 200: ShownOutcomeView },
      },
    },
    async (request) => {
      const { outcomeId } = request.params;
      return asResponse(await readAs(db, principalOf(request), (trx) => showOutcome(trx, outcomeId, clock.now())));
    },
  );

  app.post(
    '/api/v1/outcomes',
    {
      config: { roles: ['finance', 'operator', 'pod', 'ingest'] },
      schema: {
        summary: 'State an outcome',
        description:
          'A pod states outcomes in which it has a share; what it gives to others they agree to. A known reference names the stored outcome and changes it. `"state": "verified"`, by finance, verifies one that somebody else recorded just like this, where nothing is missing; anything else lands as claimed, and notes say why.',
        tags: ['outcomes'],
        headers: IDEMPOTENCY_HEADERS,
        body: OutcomeBody,
        response: { 200: CreatedOutcomeView, 201: CreatedOutcomeView },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      return answerOutcomePost(context, request, reply, async (trx) => {
        const created = await createOutcome(trx, { input: request.body, principal, at: clock.now() });
        await guardClaim(trx, principal, created);
        return { status: created.change === 'created' ? 201 : 200, body: created };
      });
    },
  );

  app.post(
    '/api/v1/outcomes/import',
    {
      config: { roles: ['finance', 'operator', 'ingest'] },
      schema: {
        summary: 'Import a sheet of outcomes, all or nothing',
        description:
          'The body is the sheet itself, as CSV or as a workbook. Importing it again changes nothing; a missing row deletes nothing.',
        tags: ['outcomes'],
        consumes: SHEET_CONSUMES,
        headers: IDEMPOTENCY_HEADERS,
        querystring: ImportQuery,
        body: SHEET_BODY,
        response: { 200: OutcomeImportView },
      },
    },
    async (request, reply) => {
      const { workbook, dryRun = false } = request.query;
      const sheet = await sheetOf(request, workbook);
      return answerOutcomePost(context, request, reply, async (trx) => ({
        status: 200,
        body: await importOutcomes(trx, {
          sheet,
          workbook,
          dryRun,
          principal: principalOf(request),
          at: clock.now(),
        }),
      }));
    },
  );
}

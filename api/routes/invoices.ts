/** Invoices over HTTP: stating one, importing a sheet, listing; and how they stand against the bills. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { importInvoices, stateInvoice } from '../../services/invoices/import-invoices.ts';
import { listInvoices } from '../../services/invoices/list-invoices.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { bridge } from '../../services/reports/bridge.ts';
import { bridgeTable, invoiceReportTable } from '../../services/reports/invoice-tables.ts';
import { invoiceReport } from '../../services/reports/invoices.ts';
import { createAsKnownReader } from '../as-known.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest } from '../paging.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import { SHEET_BODY, SHEET_CONSUMES, sheetOf } from '../sheet-body.ts';
import {
  BridgeQuery,
  BridgeView,
  InvoiceBody,
  InvoiceImportQuery,
  InvoiceImportView,
  InvoiceQuery,
  InvoiceReportQuery,
  InvoiceReportView,
  InvoiceView,
  SavedInvoiceView,
} from '../schemas/invoices.ts';

const FILE_NAME_DEFAULT = 'invoices.csv';

export function addInvoiceRoutes(app: ApiApp, context: ApiContext): void {
  addStatingRoutes(app, context);
  addReadingRoutes(app, context);
}

function addStatingRoutes(app: ApiApp, context: ApiContext): void {
  app.post(
    '/api/v1/invoices',
    {
      config: { roles: ['finance', 'operator', 'ingest'] },
      schema: {
        summary: 'State an invoice',
        description: 'The same number of the same source again changes that invoice; every version is kept.',
        tags: ['invoices'],
        headers: IDEMPOTENCY_HEADERS,
        body: InvoiceBody,
        response: { 200: SavedInvoiceView, 201: SavedInvoiceView },
      },
    },
    async (request, reply) =>
      answerPost(context, request, reply, async (trx) => {
        const principal = principalOf(request);
        const saved = await stateInvoice(trx, { input: request.body, principal, at: context.clock.now() });
        return { status: saved.change === 'created' ? 201 : 200, body: saved };
      }),
  );

  app.post(
    '/api/v1/invoices/import',
    {
      config: { roles: ['finance', 'operator', 'ingest'] },
      schema: {
        summary: 'Import a sheet of invoices, all or nothing',
        description:
          'The body is the sheet itself, as CSV or as a workbook. Importing it again changes nothing; a missing row deletes nothing.',
        tags: ['invoices'],
        consumes: SHEET_CONSUMES,
        headers: IDEMPOTENCY_HEADERS,
        querystring: InvoiceImportQuery,
        body: SHEET_BODY,
        response: { 200: InvoiceImportView },
      },
    },
    async (request, reply) => {
      const { fileName = FILE_NAME_DEFAULT, dryRun = false } = request.query;
      const sheet = await sheetOf(request, fileName);
      const principal = principalOf(request);
      return answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await importInvoices(trx, { sheet, fileName, dryRun, principal, at: context.clock.now() }),
      }));
    },
  );
}

function addReadingRoutes(app: ApiApp, { db, clock }: ApiContext): void {
  const readAsKnown = createAsKnownReader({ db, clock });
  app.get(
    '/api/v1/invoices',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Invoices by source and number',
        tags: ['invoices'],
        querystring: InvoiceQuery,
        response: { 200: Type.Array(InvoiceView) },
      },
    },
    async (request, reply) => {
      const { sourceId } = request.query;
      const { limit, after } = readPageRequest(request.query);
      const found = await readAs(db, principalOf(request), (trx) =>
        listInvoices(trx, {
          after: after === null ? null : keyOf(after),
          limit: limit + 1,
          ...(sourceId === undefined ? {} : { sourceId }),
        }),
      );
      const page = firstOf(found, (one) => JSON.stringify([one.sourceId, one.invoiceId]), limit);
      linkNextPage(request, reply, page);
      return asResponse([...page.rows]);
    },
  );

  app.get(
    '/api/v1/reports/invoices',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Invoices against the bills, and why they differ',
        tags: ['reports'],
        querystring: InvoiceReportQuery,
        response: printedResponse('As `outturn report invoices`', InvoiceReportView),
      },
    },
    async (request, reply) => {
      const { asKnown, ...query } = request.query;
      if (asKnown !== undefined) {
        const known = { period: query.period, needsCharges: true, asKnown };
        const found = await readAsKnown(request, known, (trx, at) => invoiceReport(trx, { ...query, at }));
        return sendPrinted(request, reply, found, invoiceReportTable);
      }
      const asked = { ...query, at: clock.now() };
      const report = await readAs(db, principalOf(request), (trx) => invoiceReport(trx, asked));
      return sendPrinted(request, reply, report, invoiceReportTable);
    },
  );

  app.get(
    '/api/v1/reports/bridge',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'From the invoice’s BilledCost to the EffectiveCost of the reports, step by step',
        tags: ['reports'],
        querystring: BridgeQuery,
        response: printedResponse('As `outturn report bridge`', BridgeView),
      },
    },
    async (request, reply) => {
      const { asKnown, ...query } = request.query;
      if (asKnown !== undefined) {
        const known = { period: query.period, needsCharges: true, asKnown };
        const found = await readAsKnown(request, known, (trx, at) => bridge(trx, { ...query, at }));
        return sendPrinted(request, reply, found, bridgeTable);
      }
      const asked = { ...query, at: clock.now() };
      const report = await readAs(db, principalOf(request), (trx) => bridge(trx, asked));
      return sendPrinted(request, reply, report, bridgeTable);
    },
  );
}

/** @throws AppError invalid_input for a cursor that no page gave. */
function keyOf(after: string): readonly [string, string] {
  try {
    const key: unknown = JSON.parse(after);
    if (Array.isArray(key) && typeof key[0] === 'string' && typeof key[1] === 'string') return [key[0], key[1]];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError(
    'invalid_input',
    'The cursor is not one that a page of this list gave out. Leave it out to start anew.',
  );
}

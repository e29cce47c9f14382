/** Usage metrics that splits go by: listing them and their quantities, importing a sheet, recording quantities of one. */
import { Type } from 'typebox';
import { metricsTable } from '../../services/reports/metric-table.ts';
import { importQuantities, recordQuantities } from '../../services/usage/import-quantities.ts';
import { listMetrics, listQuantities } from '../../services/usage/list-metrics.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { cutPage, firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { SHEET_BODY, SHEET_CONSUMES, sheetOf } from '../sheet-body.ts';
import {
  MetricParams,
  MetricView,
  PageQuery,
  QuantityBody,
  QuantityImportQuery,
  QuantityImportView,
  QuantityView,
} from '../schemas/metrics.ts';

export function addMetricRoutes(app: ApiApp, context: ApiContext): void {
  const { db, clock } = context;

  app.get(
    '/api/v1/metrics',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Usage metrics: series, span, pods, gaps, rules',
        tags: ['metrics'],
        querystring: PageQuery,
        response: printedResponse('As `outturn metrics`', Type.Array(MetricView)),
      },
    },
    async (request, reply) => {
      const page = cutPage(await listMetrics(db), ({ metricId }) => metricId, readPageRequest(request.query));
      linkNextPage(request, reply, page);
      return sendPrinted(request, reply, page.rows, metricsTable);
    },
  );

  app.get(
    '/api/v1/metrics/:metricId/quantities',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Quantities of a metric with their history, in the order they were recorded',
        tags: ['metrics'],
        params: MetricParams,
        querystring: PageQuery,
        response: { 200: Type.Array(QuantityView) },
      },
    },
    async (request, reply) => {
      const { limit, after } = readPageRequest(request.query);
      const { metricId } = request.params;
      const found = await listQuantities(db, { metricId, limit, after: rowNumberOf(after) });
      const page = firstOf(found, ({ quantityId }) => quantityId, limit);
      linkNextPage(request, reply, page);
      return [...page.rows];
    },
  );

  app.post(
    '/api/v1/metrics/import',
    {
      config: { roles: ['finance', 'operator', 'ingest'] },
      schema: {
        summary: 'Import quantities from a sheet, all or nothing',
        description:
          'The body is the sheet itself, as CSV or as a workbook: metric,unit,pod,period,quantity. Importing it again changes nothing; a missing row deletes nothing.',
        tags: ['metrics'],
        consumes: SHEET_CONSUMES,
        headers: IDEMPOTENCY_HEADERS,
        querystring: QuantityImportQuery,
        body: SHEET_BODY,
        response: { 200: QuantityImportView },
      },
    },
    async (request, reply) => {
      const { fileName = 'quantities.csv', dryRun = false } = request.query;
      const sheet = await sheetOf(request, fileName);
      const principal = principalOf(request);
      return answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await importQuantities(trx, { sheet, fileName, dryRun, principal, at: clock.now() }),
      }));
    },
  );

  app.post(
    '/api/v1/metrics/:metricId/quantities',
    {
      config: { roles: ['finance', 'operator', 'ingest'] },
      schema: {
        summary: 'Record quantities of a metric, all or nothing',
        description: 'The same quantities again change nothing; a changed one keeps its former value in the history.',
        tags: ['metrics'],
        headers: IDEMPOTENCY_HEADERS,
        params: MetricParams,
        body: QuantityBody,
        response: { 200: QuantityImportView },
      },
    },
    async (request, reply) => {
      const { unit, quantities, dryRun = false } = request.body;
      const given = { metricId: request.params.metricId, quantities, ...(unit === undefined ? {} : { unit }) };
      const principal = principalOf(request);
      return answerPost(context, request, reply, async (trx) => ({
        status: 200,
        body: await recordQuantities(trx, { ...given, dryRun, principal, at: clock.now() }),
      }));
    },
  );
}

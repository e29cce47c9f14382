/** The reports of the command line over HTTP, in the same bytes. A pod's token gets its own part of them. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { readAs } from '../../services/access/read-as.ts';
import { createValueReader } from '../../services/access/value-reader.ts';
import { costs } from '../../services/reports/costs.ts';
import { createConvertedReader, prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { costsTable, reconciliationTable, valuePerPodTable } from '../../services/reports/report-tables.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { createAsKnownReader } from '../as-known.ts';
import { principalOf, READERS, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { createReportCache } from '../report-cache.ts';
import {
  CostsQuery,
  CostsReport,
  ReconciliationQuery,
  ReconciliationReport,
  ValuePerPodQuery,
  ValuePerPodReport,
} from '../schemas/reports.ts';

export function addReportRoutes(app: ApiApp, { db, clock }: ApiContext): void {
  const readAsKnown = createAsKnownReader({ db, clock });
  const readConverted = createConvertedReader(db);
  const readValue = createValueReader(db);
  const cache = createReportCache({ clock });

  app.get(
    '/api/v1/reports/value-per-pod',
    {
      config: { roles: READERS },
      schema: {
        summary: 'What each pod’s cloud cost returned in a period',
        description: 'A pod’s token sees its own pods; totals are then of these.',
        tags: ['reports'],
        querystring: ValuePerPodQuery,
        response: printedResponse('As `outturn report value-per-pod`', ValuePerPodReport),
      },
    },
    async (request, reply) => {
      const { metric, asKnown: when, ...query } = request.query;
      const asked = { ...query, ...(metric === undefined ? {} : { costMetric: metric }), at: clock.now() };
      if (when !== undefined) {
        const known = await readAsKnown(request, { ...asked, asKnown: when }, async (trx, at) => {
          await prepareConversions(trx, { ...asked, at });
          return valuePerPod(trx, { ...asked, at });
        });
        return sendPrinted(request, reply, known, valuePerPodTable);
      }
      if (query.detail === true) await prepareConversions(db, asked);
      const read = () =>
        readConverted(request.figuresVersion, asked, () =>
          readValue({ principal: principalOf(request), figuresVersion: request.figuresVersion, request: asked }),
        );
      return cache.send(request, reply, read, valuePerPodTable);
    },
  );

  app.get(
    '/api/v1/reports/costs',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Costs of a period by any dimensions',
        description: 'A pod’s token sees its own cost, by the dimensions that its rollup keeps.',
        tags: ['reports'],
        querystring: CostsQuery,
        response: printedResponse('As `outturn report costs`', CostsReport),
      },
    },
    async (request, reply) => {
      const { by = [], asKnown: when, ...query } = request.query;
      const asked = { ...query, by: by.flatMap((names) => names.split(',')), at: clock.now() };
      if (when !== undefined) {
        const known = await readAsKnown(request, { ...asked, asKnown: when }, async (trx, at) => {
          await prepareConversions(trx, { ...asked, at });
          return costs(trx, { ...asked, at });
        });
        return sendPrinted(request, reply, known, costsTable);
      }
      const read = () =>
        readConverted(request.figuresVersion, asked, () =>
          readAs(db, principalOf(request), (trx) => costs(trx, asked)),
        );
      return cache.send(request, reply, read, costsTable);
    },
  );

  app.get(
    '/api/v1/reports/reconciliation',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'The bill against its attribution, to the last decimal',
        tags: ['reports'],
        querystring: ReconciliationQuery,
        response: printedResponse('As `outturn report reconciliation`', ReconciliationReport),
      },
    },
    async (request, reply) => {
      const { asKnown: when, ...query } = request.query;
      const asked = { ...query, at: clock.now() };
      if (when !== undefined) {
        const read = (trx: Kysely<DB>, at: Date) => reconciliation(trx, { ...query, at });
        return sendPrinted(
          request,
          reply,
          await readAsKnown(request, { ...asked, asKnown: when }, read),
          reconciliationTable,
        );
      }
      const read = () => readAs(db, principalOf(request), (trx) => reconciliation(trx, asked));
      return cache.send(request, reply, read, reconciliationTable);
    },
  );
}

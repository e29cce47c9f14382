/** The reports of the command line over HTTP, in the same bytes. A pod's token gets its own part of them. */
import type { FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { readAs } from '../../services/access/read-as.ts';
import { type AsKnown, reportAsKnown } from '../../services/replay/replayed-reports.ts';
import { costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { costsCsv, reconciliationCsv, valuePerPodCsv } from '../../services/reports/report-csv.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { principalOf, READERS, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import {
  CostsQuery,
  CostsReport,
  ReconciliationQuery,
  ReconciliationReport,
  ValuePerPodQuery,
  ValuePerPodReport,
} from '../schemas/reports.ts';

export function addReportRoutes(app: ApiApp, { db, clock }: ApiContext): void {
  const asKnown = asKnownReader({ db, clock });

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
        const known = await asKnown(request, { ...asked, asKnown: when }, async (trx, at) => {
          await prepareConversions(trx, { ...asked, at });
          return valuePerPod(trx, { ...asked, at });
        });
        return sendPrinted(request, reply, known, valuePerPodCsv);
      }
      await prepareConversions(db, asked);
      const report = await readAs(db, principalOf(request), (trx) => valuePerPod(trx, asked));
      return sendPrinted(request, reply, report, valuePerPodCsv);
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
        const known = await asKnown(request, { ...asked, asKnown: when }, async (trx, at) => {
          await prepareConversions(trx, { ...asked, at });
          return costs(trx, { ...asked, at });
        });
        return sendPrinted(request, reply, known, costsCsv);
      }
      await prepareConversions(db, asked);
      const report = await readAs(db, principalOf(request), (trx) => costs(trx, asked));
      return sendPrinted(request, reply, report, costsCsv);
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
          await asKnown(request, { ...asked, asKnown: when }, read),
          reconciliationCsv,
        );
      }
      const report = await readAs(db, principalOf(request), (trx) => reconciliation(trx, asked));
      return sendPrinted(request, reply, report, reconciliationCsv);
    },
  );
}

/** No replay of a reader is worth more; the database stops its statement then. */
const REPLAY_TIMEOUT_MS = 30_000;

/** Reads a report over what was known at the asked instant. */
function asKnownReader({ db, clock }: Pick<ApiContext, 'db' | 'clock'>) {
  return async <Report extends object>(
    request: FastifyRequest,
    asked: { asKnown: string; period: string; by?: readonly string[]; where?: readonly string[] },
    read: (trx: Kysely<DB>, at: Date) => Promise<Report>,
  ): Promise<AsKnown<Report>> => {
    const { asKnown, period, by = [], where = [] } = asked;
    const caller = { principal: principalOf(request), now: clock.now(), statementTimeoutMs: REPLAY_TIMEOUT_MS };
    return reportAsKnown(db, { asKnown, period, by, where, ...caller }, read);
  };
}

/** What is attributed and what is not, over HTTP, in the bytes of the command line. For those who read the whole organisation. */
import { readAs } from '../../services/access/read-as.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { coverageCsv, tagHygieneCsv } from '../../services/reports/coverage-csv.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { tagHygiene } from '../../services/reports/tag-hygiene.ts';
import { createAsKnownReader } from '../as-known.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { CoverageQuery, CoverageReport, TagHygieneReport } from '../schemas/coverage.ts';

export function addCoverageRoutes(app: ApiApp, { db, clock }: ApiContext): void {
  const readAsKnown = createAsKnownReader({ db, clock });

  app.get(
    '/api/v1/reports/coverage',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'The attributed share of cost, and rules that would catch the rest',
        tags: ['reports'],
        querystring: CoverageQuery,
        response: printedResponse('As `outturn report coverage`', CoverageReport),
      },
    },
    async (request, reply) => {
      const { asKnown, ...query } = request.query;
      const asked = askedOf(query, clock.now());
      if (asKnown !== undefined) {
        const known = { period: asked.period, needsCharges: true, asKnown };
        const report = await readAsKnown(request, known, async (trx, at) => {
          await prepareConversions(trx, { ...asked, at });
          return coverage(trx, { ...asked, at });
        });
        return sendPrinted(request, reply, report, coverageCsv);
      }
      await prepareConversions(db, asked);
      const report = await readAs(db, principalOf(request), (trx) => coverage(trx, asked));
      return sendPrinted(request, reply, report, coverageCsv);
    },
  );

  app.get(
    '/api/v1/reports/tag-hygiene',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'Tags that nearly say whose a cost is, with their money and what mends them',
        tags: ['reports'],
        querystring: CoverageQuery,
        response: printedResponse('As `outturn report tag-hygiene`', TagHygieneReport),
      },
    },
    async (request, reply) => {
      const { asKnown, ...query } = request.query;
      const asked = askedOf(query, clock.now());
      if (asKnown !== undefined) {
        const known = { period: asked.period, needsCharges: true, asKnown };
        const report = await readAsKnown(request, known, async (trx, at) => {
          await prepareConversions(trx, { ...asked, at });
          return tagHygiene(trx, { ...asked, at });
        });
        return sendPrinted(request, reply, report, tagHygieneCsv);
      }
      await prepareConversions(db, asked);
      const report = await readAs(db, principalOf(request), (trx) => tagHygiene(trx, asked));
      return sendPrinted(request, reply, report, tagHygieneCsv);
    },
  );
}

function askedOf({ metric, ...query }: { period: string; metric?: string; currency?: string }, at: Date) {
  return { ...query, ...(metric === undefined ? {} : { costMetric: metric }), at };
}

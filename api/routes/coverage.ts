/** What is attributed and what is not, over HTTP, in the bytes of the command line. For those who read the whole organisation. */
import type { Kysely } from 'kysely';
import type { TSchema } from 'typebox';
import type { DB } from '../../db/schema.gen.ts';
import { readAs } from '../../services/access/read-as.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { coverageTable, tagHygieneTable } from '../../services/reports/coverage-tables.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import type { ReportRequest } from '../../services/reports/report-frame.ts';
import { tagHygiene } from '../../services/reports/tag-hygiene.ts';
import type { ReportTable } from '../../services/sheets/report-table.ts';
import { createAsKnownReader } from '../as-known.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendPrinted } from '../printed.ts';
import { CoverageQuery, CoverageReport, TagHygieneQuery, TagHygieneReport } from '../schemas/coverage.ts';

export function addCoverageRoutes(app: ApiApp, context: ApiContext): void {
  addReport(app, context, {
    name: 'coverage',
    summary: 'The attributed share of cost, and rules that would catch the rest',
    query: CoverageQuery,
    shape: CoverageReport,
    read: coverage,
    table: coverageTable,
  });
  addReport(app, context, {
    name: 'tag-hygiene',
    summary: 'Tags that nearly say whose a cost is, with their money and what mends them',
    query: TagHygieneQuery,
    shape: TagHygieneReport,
    read: tagHygiene,
    table: tagHygieneTable,
  });
}

interface Report<Found extends object> {
  readonly name: string;
  readonly summary: string;
  readonly query: typeof CoverageQuery | typeof TagHygieneQuery;
  readonly shape: TSchema;
  readonly read: (db: Kysely<DB>, request: ReportRequest) => Promise<Found>;
  readonly table: (found: Found) => ReportTable;
}

function addReport<Found extends object>(app: ApiApp, { db, clock }: ApiContext, report: Report<Found>): void {
  const readAsKnown = createAsKnownReader({ db, clock });
  app.get(
    `/api/v1/reports/${report.name}`,
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: report.summary,
        tags: ['reports'],
        querystring: report.query,
        response: printedResponse(`As \`outturn report ${report.name}\``, report.shape),
      },
    },
    async (request, reply) => {
      const { asKnown, ...query } = request.query;
      const asked = askedOf(query, clock.now());
      if (asKnown !== undefined) {
        const known = { period: asked.period, needsCharges: true, asKnown };
        const found = await readAsKnown(request, known, async (trx, at) => {
          await prepareConversions(trx, { ...asked, at });
          return report.read(trx, { ...asked, at });
        });
        return sendPrinted(request, reply, found, report.table);
      }
      await prepareConversions(db, asked);
      const found = await readAs(db, principalOf(request), (trx) => report.read(trx, asked));
      return sendPrinted(request, reply, found, report.table);
    },
  );
}

function askedOf(
  { metric, ...query }: { period: string; metric?: string; currency?: string; asNow?: boolean },
  at: Date,
) {
  return { ...query, ...(metric === undefined ? {} : { costMetric: metric }), at };
}

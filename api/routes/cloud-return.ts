/**
 * The CIO's quarter over HTTP: JSON, one table, or the PDF, whichever is accepted most. It reads every outcome of five quarters: few are made
 * at once, and what was made answers until figures change or anybody does anything (a note, a raise and a drift accepted stand in it too).
 */
import { type Kysely, sql } from 'kysely';
import { Type } from 'typebox';
import type { DB } from '../../db/schema.gen.ts';
import { readAs } from '../../services/access/read-as.ts';
import { cloudReturn, prepareQuarter } from '../../services/cloud-return/cloud-return.ts';
import { cloudReturnTable } from '../../services/cloud-return/cloud-return-table.ts';
import { drawInThread } from '../../services/cloud-return/pdf/draw-in-thread.ts';
import { createLimiter } from '../limiter.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { answerOf, preferredForm, printedResponse } from '../printed.ts';
import { createReportCache } from '../report-cache.ts';
import { CloudReturnQuery, CloudReturnReport } from '../schemas/cloud-return.ts';

const PDF_TYPE = 'application/pdf';
const MAKING_MAX = 2;
const WAITING_MAX = 8;

export function addCloudReturnRoutes(app: ApiApp, { db, clock }: ApiContext): void {
  const cache = createReportCache({ clock });
  const limited = createLimiter(MAKING_MAX, WAITING_MAX);
  const printed = printedResponse('As `outturn report cloud-return`', CloudReturnReport)[200];

  app.get(
    '/api/v1/reports/cloud-return',
    {
      config: { roles: WHOLE_READERS },
      schema: {
        summary: 'The CIO’s quarter: cost, verified value, what moved both, what is asked',
        description: 'A closed quarter answers as it was kept when it was closed.',
        tags: ['reports'],
        querystring: CloudReturnQuery,
        response: {
          200: {
            ...printed,
            content: { ...printed.content, [PDF_TYPE]: { schema: Type.Unsafe({ description: 'A4.' }) } },
          },
        },
      },
    },
    async (request, reply) => {
      const asked = { quarter: request.query.quarter, at: clock.now() };
      const isPdf = prefersPdf(request.headers.accept);
      const form = `${isPdf ? 'pdf' : preferredForm(request.headers.accept)} ${await lastAct(db)}`;
      return cache.sendMade(request, reply, form, () =>
        limited(async () => {
          await prepareQuarter(db, asked);
          const found = await readAs(db, principalOf(request), (trx) => cloudReturn(trx, asked));
          if (!isPdf) return answerOf(request, found, cloudReturnTable);
          const fileName = `cloud-return-${found.quarter.id}.pdf`;
          return { contentType: PDF_TYPE, body: await drawInThread(found), fileName };
        }),
      );
    },
  );
}

/** What anybody did last: acts that change no figure stand in the quarter as well. */
async function lastAct(db: Kysely<DB>): Promise<string> {
  const { rows } = await sql<{ id: string }>`select coalesce(max(id), 0)::text as id from audit_event`.execute(db);
  return rows[0]?.id ?? '0';
}

/** Whether a PDF is named, and nothing before it: who wants several forms lists the best one first. */
function prefersPdf(accept: string | undefined): boolean {
  const [first = ''] = (accept ?? '').split(',');
  return first.split(';')[0]?.trim().toLowerCase() === PDF_TYPE;
}

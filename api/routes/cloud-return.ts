/** The CIO's quarter over HTTP: JSON, one table, or the PDF, whichever is accepted most. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { cloudReturn, prepareQuarter } from '../../services/cloud-return/cloud-return.ts';
import { cloudReturnTable } from '../../services/cloud-return/cloud-return-table.ts';
import { principalOf, WHOLE_READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse, sendAnswer, sendPrinted } from '../printed.ts';
import { CloudReturnQuery, CloudReturnReport } from '../schemas/cloud-return.ts';

const PDF_TYPE = 'application/pdf';

export function addCloudReturnRoutes(app: ApiApp, { db, clock }: ApiContext): void {
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
      await prepareQuarter(db, asked);
      const found = await readAs(db, principalOf(request), (trx) => cloudReturn(trx, asked));
      if (!prefersPdf(request.headers.accept)) return sendPrinted(request, reply, found, cloudReturnTable);
      const { cloudReturnPdf } = await import('../../services/cloud-return/pdf/cloud-return-pdf.ts');
      const body = Buffer.from(await cloudReturnPdf(found));
      return sendAnswer(reply, { contentType: PDF_TYPE, body, fileName: `cloud-return-${found.quarter.id}.pdf` });
    },
  );
}

/** Whether a PDF is named, and nothing before it: who wants several forms lists the best one first. */
function prefersPdf(accept: string | undefined): boolean {
  const [first = ''] = (accept ?? '').split(',');
  return first.split(';')[0]?.trim().toLowerCase() === PDF_TYPE;
}

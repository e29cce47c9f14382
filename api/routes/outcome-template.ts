/** The sheet of outcomes to fill in: its columns as JSON, or the sheet as CSV or as a workbook. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { templateColumns, templateCsv, templateXlsx } from '../../services/outcomes/sheets/outcome-template.ts';
import { XLSX_TYPE } from '../../services/sheets/xlsx-workbook.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { preferredForm, printed, printedResponse, sendAnswer } from '../printed.ts';
import { nullable } from '../schemas/common.ts';

const TemplateView = Type.Object({
  columns: Type.Array(
    Type.Object({
      column: Type.String(),
      isRequired: Type.Boolean(),
      example: Type.String(),
      note: Type.String(),
      choice: nullable(Type.Array(Type.String())),
    }),
  ),
});

export function addOutcomeTemplateRoute(app: ApiApp, { db }: ApiContext): void {
  app.get(
    '/api/v1/outcomes/template',
    {
      config: { roles: READERS },
      schema: {
        summary: 'The sheet to fill in: columns, an example, and what each cell takes',
        description: 'The row of the example is refused by the import: delete it.',
        tags: ['outcomes'],
        response: printedResponse('Its columns; or the sheet itself', TemplateView),
      },
    },
    async (request, reply) => {
      const form = preferredForm(request.headers.accept);
      if (form === 'json') {
        const body = printed({ columns: templateColumns() });
        return sendAnswer(reply, { contentType: 'application/json; charset=utf-8', body });
      }
      if (form === 'csv') {
        return sendAnswer(reply, {
          contentType: 'text/csv; charset=utf-8',
          body: templateCsv(),
          fileName: 'outcomes.csv',
        });
      }
      const body = await readAs(db, principalOf(request), templateXlsx);
      return sendAnswer(reply, { contentType: XLSX_TYPE, body, fileName: 'outcomes.xlsx' });
    },
  );
}

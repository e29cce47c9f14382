/** Sheets as the body of a request: CSV as text, or a workbook as it is, of which one sheet is read. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../services/kernel/errors.ts';
import { readSheet } from '../services/sheets/read-sheet.ts';
import type { SheetGrid } from '../services/sheets/sheet-grid.ts';
import { XLSX_BYTES_MAX } from '../services/sheets/xlsx-archive.ts';
import { XLSX_TYPE } from '../services/sheets/xlsx-workbook.ts';
import type { ApiApp } from './context.ts';

const CSV_TYPE = 'text/csv';
const CSV_BYTES_MAX = 16 * 1_048_576;

/** What a route that takes a sheet says of its body. */
export const SHEET_CONSUMES = [CSV_TYPE, XLSX_TYPE];
export const SHEET_BODY = {
  content: {
    [CSV_TYPE]: { schema: Type.String() },
    [XLSX_TYPE]: { schema: Type.Unsafe<Buffer>({ description: 'A workbook of at most 16 MB.' }) },
  },
};
/** And of its query, beside its own. */
export const SHEET_QUERY = {
  sheet: Type.Optional(
    Type.String({ minLength: 1, maxLength: 31, description: 'Which sheet of a workbook; the first if absent.' }),
  ),
};

/** Takes both forms; call it before any route is added. */
export function parseSheets(app: ApiApp): void {
  app.addContentTypeParser(CSV_TYPE, { parseAs: 'string', bodyLimit: CSV_BYTES_MAX }, (_request, body, done) =>
    done(null, body),
  );
  app.addContentTypeParser(XLSX_TYPE, { parseAs: 'buffer', bodyLimit: XLSX_BYTES_MAX }, (_request, body, done) =>
    done(null, body),
  );
}

/** The sheet that was sent. @throws AppError invalid_input where there is none, or none that can be read; TransientError. */
export async function sheetOf(request: FastifyRequest, fileName: string): Promise<SheetGrid> {
  const { body: content } = request;
  if (Buffer.isBuffer(content) || (typeof content === 'string' && content !== '')) {
    return readSheet({ fileName, content, sheetName: (request.query as { sheet?: string }).sheet });
  }
  const message = `Send the sheet itself as the body, with "Content-Type: ${CSV_TYPE}" or "${XLSX_TYPE}".`;
  throw new AppError('invalid_input', message);
}

/**
 * Answers in the bytes of the command line: JSON as `--json` prints it, or the report's table as CSV or as a workbook where the Accept
 * header prefers one. One question asked any way gives one document.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { csvOf, type ReportTable } from '../services/sheets/report-table.ts';
import { XLSX_TYPE, xlsxOf } from '../services/sheets/xlsx-workbook.ts';

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv';

/** The three forms as a route's 200 response. */
export function printedResponse(description: string, schema: TSchema) {
  return {
    200: {
      description,
      content: {
        [JSON_TYPE]: { schema },
        [CSV_TYPE]: { schema: Type.String({ description: 'One table.' }) },
        [XLSX_TYPE]: { schema: Type.Unsafe({ description: 'The same table as a workbook.' }) },
      },
    },
  };
}

/** A document that has no table. */
export function printedJson(description: string, schema: TSchema) {
  return { 200: { description, content: { [JSON_TYPE]: { schema } } } };
}

/** JSON as the command line prints it. */
export function printed(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A report in the form that was asked for. */
export interface PrintedAnswer {
  readonly contentType: string;
  readonly body: string | Buffer;
  /** What a browser calls it when it keeps it. */
  readonly fileName?: string;
}

type Reply = {
  type(contentType: string): unknown;
  header(name: string, value: string): unknown;
  send(body: string | Buffer): FastifyReply;
};

/** Sends a report in the form the caller prefers. */
export async function sendPrinted<Report extends object>(
  request: FastifyRequest,
  reply: Reply,
  report: Report,
  toTable: (report: Report) => ReportTable,
): Promise<FastifyReply> {
  return sendAnswer(reply, await answerOf(request, report, toTable));
}

/** The report in the form the caller prefers. */
export async function answerOf<Report extends object>(
  request: FastifyRequest,
  report: Report,
  toTable: (report: Report) => ReportTable,
): Promise<PrintedAnswer> {
  switch (preferredForm(request.headers.accept)) {
    case 'csv':
      return { contentType: `${CSV_TYPE}; charset=utf-8`, body: csvOf(toTable(report)) };
    case 'xlsx': {
      const table = toTable(report);
      return { contentType: XLSX_TYPE, body: await xlsxOf(table), fileName: `${table.name.replaceAll(' ', '-')}.xlsx` };
    }
    case 'json':
      return { contentType: `${JSON_TYPE}; charset=utf-8`, body: printed(report) };
  }
}

/** Sends what was printed. */
export function sendAnswer(reply: Reply, { contentType, body, fileName }: PrintedAnswer): FastifyReply {
  reply.header('vary', 'accept');
  if (fileName !== undefined) reply.header('content-disposition', `attachment; filename="${fileName}"`);
  reply.type(contentType);
  return reply.send(body);
}

/** Which form is wanted most: a wildcard or nothing means JSON. */
export function preferredForm(accept: string | undefined): 'json' | 'csv' | 'xlsx' {
  const wanted = (accept ?? '').split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    return { type, quality: Number(quality) };
  });
  const qualityOf = (type: string) => wanted.find((one) => one.type === type)?.quality ?? 0;
  const [json, csv, xlsx] = [qualityOf(JSON_TYPE), qualityOf(CSV_TYPE), qualityOf(XLSX_TYPE)];
  if (xlsx > Math.max(json, csv, 0)) return 'xlsx';
  return csv > Math.max(json, 0) ? 'csv' : 'json';
}

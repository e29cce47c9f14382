/**
 * Answers in the bytes of the command line: JSON as `--json` prints it, or CSV where the Accept header prefers it. One question
 * asked either way gives one document.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';

const CSV_TYPE = 'text/csv';

/** The two forms as a route's 200 response. */
export function printedResponse(description: string, schema: TSchema) {
  return {
    200: {
      description,
      content: { 'application/json': { schema }, [CSV_TYPE]: { schema: Type.String({ description: 'One table.' }) } },
    },
  };
}

/** A document that has no table. */
export function printedJson(description: string, schema: TSchema) {
  return { 200: { description, content: { 'application/json': { schema } } } };
}

/** JSON as the command line prints it. */
export function printed(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A report in the form that was asked for. */
export interface PrintedAnswer {
  readonly contentType: string;
  readonly text: string;
}

type Reply = {
  type(contentType: string): unknown;
  header(name: string, value: string): unknown;
  send(text: string): FastifyReply;
};

/** Sends a report in the form the caller prefers. */
export function sendPrinted<Report extends object>(
  request: FastifyRequest,
  reply: Reply,
  report: Report,
  toCsv: (report: Report) => string,
): FastifyReply {
  return sendAnswer(reply, answerOf(request, report, toCsv));
}

/** The report's text in the form the caller prefers. */
export function answerOf<Report extends object>(
  request: FastifyRequest,
  report: Report,
  toCsv: (report: Report) => string,
): PrintedAnswer {
  return prefersCsv(request.headers.accept)
    ? { contentType: `${CSV_TYPE}; charset=utf-8`, text: toCsv(report) }
    : { contentType: 'application/json; charset=utf-8', text: printed(report) };
}

/** Sends a text that was printed. */
export function sendAnswer(reply: Reply, { contentType, text }: PrintedAnswer): FastifyReply {
  reply.header('vary', 'accept');
  reply.type(contentType);
  return reply.send(text);
}

/** Whether CSV is wanted more than JSON: a wildcard or nothing means JSON. */
export function prefersCsv(accept: string | undefined): boolean {
  const wanted = (accept ?? '').split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    return { type, quality: Number(quality) };
  });
  const qualityOf = (type: string) => wanted.find((one) => one.type === type)?.quality ?? 0;
  return qualityOf(CSV_TYPE) > Math.max(qualityOf('application/json'), 0);
}

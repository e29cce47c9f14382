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

/** Sends a report in the form the caller prefers. */
export function sendPrinted<Report extends object>(
  request: FastifyRequest,
  reply: {
    type(contentType: string): unknown;
    header(name: string, value: string): unknown;
    send(text: string): FastifyReply;
  },
  report: Report,
  toCsv: (report: Report) => string,
): FastifyReply {
  reply.header('vary', 'accept');
  if (prefersCsv(request.headers.accept)) {
    reply.type(`${CSV_TYPE}; charset=utf-8`);
    return reply.send(toCsv(report));
  }
  reply.type('application/json; charset=utf-8');
  return reply.send(printed(report));
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

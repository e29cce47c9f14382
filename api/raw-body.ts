/** Requests whose bytes somebody signed: the body is taken as it came, whatever it says it is. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { InboundRequest } from './context.ts';

/** Of routes added to this scope, which must be one of its own. */
export function takeRawBodies(scope: FastifyInstance, bytesMax: number): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: bytesMax }, (_request, body, parsed) => {
    parsed(null, body);
  });
}

/** The bytes of the body. A header that came several times is one with commas. */
export function rawRequest({ headers, body }: FastifyRequest): InboundRequest {
  return {
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
    ),
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  };
}

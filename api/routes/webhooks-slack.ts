/**
 * What people press, ask and open in Slack. Slack signs the bytes it sends, so the body is taken as it came; whoever did not sign is told
 * nothing. Slack waits three seconds: what takes longer is written down and done by a worker.
 */
import type { FastifyInstance } from 'fastify';
import type { ApiApp, ApiContext } from '../context.ts';
import { takeRawBodies } from '../raw-body.ts';

const BODY_BYTES_MAX = 1_048_576;

export function addSlackRoutes(app: ApiApp, context: ApiContext): void {
  void app.register((scope: FastifyInstance, _options, done) => {
    takeRawBodies(scope, BODY_BYTES_MAX);
    scope.post(
      '/api/v1/webhooks/slack',
      {
        config: { isSigned: true },
        // Nobody who reads the API calls it: docs/slack.md tells how Slack does.
        schema: { hide: true },
      },
      async (request, reply) => {
        const { headers, body } = request;
        const accepted = await context.receiveSlack?.({
          timestamp: textOf(headers['x-slack-request-timestamp']),
          signature: textOf(headers['x-slack-signature']),
          contentType: headers['content-type'] ?? '',
          body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
        });
        if (accepted == null) return reply.code(401).send();
        // Slack takes an empty body for "done"; any other is shown.
        return accepted.answer === null ? reply.send() : reply.send(accepted.answer);
      },
    );
    done();
  });
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

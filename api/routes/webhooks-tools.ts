/**
 * Webhooks of GitHub, Jira, Linear and PagerDuty. 202 (to Linear 200): written down, or known already. 401: not signed by the tool. Faults of
 * ours are 503, and so is a tool that is not set up, because a tool that is refused does not come again.
 */
import type { FastifyInstance } from 'fastify';
import { TransientError } from '../../services/kernel/errors.ts';
import { WEBHOOK_PROVIDERS, type WebhookProvider } from '../../services/kernel/intake-settings.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { rawRequest, takeRawBodies } from '../raw-body.ts';

/** GitHub sends up to 25 MB, of which what is read is the least; pushes are the large ones, and are not asked for. */
const BODY_BYTES_MAX = 5 * 1_048_576;
const NOT_OFFERED_MS = 60_000;
/** Linear takes any other status than 200 for a failure: it sends the delivery again, and in the end no more. */
const TAKEN: Readonly<Record<WebhookProvider, 200 | 202>> = { github: 202, jira: 202, linear: 200, pagerduty: 202 };

export function addToolWebhookRoutes(app: ApiApp, context: ApiContext): void {
  void app.register((scope: FastifyInstance, _options, done) => {
    takeRawBodies(scope, BODY_BYTES_MAX);
    for (const provider of WEBHOOK_PROVIDERS) {
      scope.post(
        `/api/v1/webhooks/${provider}`,
        {
          config: { isSigned: true },
          // Nobody who reads the API calls it: docs/intake.md tells how the tools do.
          schema: { hide: true },
        },
        async (request, reply) => {
          if (context.receiveWebhook === undefined) {
            throw new TransientError('Webhooks are not taken here', NOT_OFFERED_MS);
          }
          const received = await context.receiveWebhook(provider, rawRequest(request));
          return reply.code(received === null ? 401 : TAKEN[provider]).send();
        },
      );
    }
    done();
  });
}

/** For probes and monitoring, outside /api/v1 and without a token: /health, /ready, /metrics. */
import { Type } from 'typebox';
import type { ApiApp, ApiContext } from '../context.ts';
import type { ApiMetrics } from '../metrics.ts';
import { checkReadiness } from '../readiness.ts';

const Status = Type.Object({ status: Type.Literal('ok') });

export function addOperationRoutes(app: ApiApp, context: ApiContext, metrics: ApiMetrics): void {
  app.get(
    '/health',
    { schema: { summary: 'Whether the process lives', tags: ['operation'], response: { 200: Status } } },
    () => ({ status: 'ok' as const }),
  );

  app.get(
    '/ready',
    {
      schema: {
        summary: 'Whether it can serve: database reachable and migrated, queue reachable',
        tags: ['operation'],
        response: { 200: Status },
      },
    },
    async () => {
      await checkReadiness(context);
      return { status: 'ok' as const };
    },
  );

  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Figures for Prometheus; none of them is money of a bill',
        tags: ['operation'],
        response: { 200: { description: 'Text', content: { 'text/plain': { schema: Type.String() } } } },
      },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.text();
      return reply.type(contentType).send(text);
    },
  );

  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/api/docs'));
}

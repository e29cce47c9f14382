/**
 * The whole HTTP API as one value, without listening: limits, checks, hooks and routes. Every limit is stated here. A test builds
 * it and injects requests; server.ts listens.
 */
import { randomUUID } from 'node:crypto';
import { fastify, type FastifyBaseLogger, type FastifyRequest, LogController } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { AppError } from '../services/kernel/errors.ts';
import { requireRoles } from './authorisation.ts';
import type { ApiApp, ApiContext } from './context.ts';
import { createApiMetrics } from './metrics.ts';
import { describeApi } from './openapi.ts';
import { sendProblem } from './problem.ts';
import { addRoutes } from './routes/all.ts';
import { parseSheets } from './sheet-body.ts';
import { createValidatorCompiler, describeInvalidRequest } from './validation.ts';
import { requireWholeTexts } from './whole-text.ts';

const BODY_BYTES_MAX = 1_048_576;
/** For a request to arrive whole. */
const REQUEST_TIMEOUT_MS = 30_000;
/** For it to be answered. */
const HANDLER_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 72_000;

export interface ApiOptions extends ApiContext {
  readonly logger: FastifyBaseLogger;
}

/** Builds the API; the caller listens on it or injects into it, and closes it. */
export async function buildApp(options: ApiOptions): Promise<ApiApp> {
  const app: ApiApp = fastify({
    loggerInstance: options.logger,
    // One line per request, below, instead of two.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    handlerTimeout: HANDLER_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Idle keep-alive connections would hold a graceful stop for over a minute.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(createValidatorCompiler());
  app.setSchemaErrorFormatter(describeInvalidRequest);
  app.removeContentTypeParser('text/plain');
  parseSheets(app);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const place = `${request.method} ${request.url.split('?')[0] ?? ''}`;
    return sendProblem(
      new AppError('not_found', `There is nothing at ${place}. /api/docs lists what there is.`),
      request,
      reply,
    );
  });
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  app.addHook('onSend', async (request, reply) => {
    // Else the connection of a request that ends meanwhile would hold the stop for as long as it may be kept alive.
    if (isClosing) void reply.header('connection', 'close');
    void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
  });
  const metrics = createApiMetrics(options);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched';
    metrics.observe({ method: request.method, route, status: reply.statusCode, durationMs: reply.elapsedTime });
    const { method, url, principal } = request;
    request.log.info(
      { method, url, status: reply.statusCode, durationMs: Math.round(reply.elapsedTime), principal: principal?.id },
      'request answered',
    );
  });
  requireRoles(app, options);
  requireWholeTexts(app);
  await describeApi(app, options.version);
  addRoutes(app, options, metrics);
  return app;
}

/** A caller's own id is taken where it is harmless, so that its log and ours can be joined. */
function requestId(request: { headers: FastifyRequest['headers'] }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

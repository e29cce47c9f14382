/** Puts the API together from a runtime and listens: shared by `api`, `up` and `demo`. */
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { buildApp } from '../api/app.ts';
import { type ListeningServer, listen } from '../api/server.ts';
import { checkSource } from '../jobs/check-source.ts';
import { jobId } from '../jobs/job-id.ts';
import { receiveCloudEvents, receiveWebhook } from '../jobs/receive-events.ts';
import { hasLiveWorker } from '../jobs/live-workers.ts';
import { acceptSlackRequest } from '../jobs/receive-slack.ts';
import { silentProgress } from '../services/kernel/ports.ts';
import type { Runtime } from './runtime.ts';

export interface ServedApi extends ListeningServer {
  /** Takes no further request and waits for the running ones. */
  close(): Promise<void>;
}

/**
 * Serves on HOST and PORT.
 * @throws AppError port_in_use, not_loopback_without_token, queue_unreachable.
 */
export async function serveApi(runtime: Runtime): Promise<ServedApi> {
  const { settings, db, clock, logger } = runtime;
  const queue = await runtime.queue();
  const remind = () =>
    // A burst of arrivals is one reminder a second.
    queue.add('process-events', {}, { id: jobId('process-events', Math.floor(clock.now().getTime() / 1_000)) });
  const receiving = { db, clock, logger, settings, remind };
  const app = await buildApp({
    db,
    clock,
    queue,
    checkSource: (sourceId) => checkSource(runtime.jobContext(silentProgress), sourceId),
    receiveSlack: (request) =>
      acceptSlackRequest(request, {
        db,
        clock,
        logger,
        settings,
        remind: () => queue.add('answer-slack', {}),
        hasWorker: () => hasLiveWorker({ db, clock }),
      }),
    receiveWebhook: (provider, request) => receiveWebhook(provider, request, receiving),
    receiveEvents: (request, principal) => receiveCloudEvents(request, principal, receiving),
    workDir: join(settings.dataDir, 'work'),
    version: packageJson.version,
    logger,
  });
  const server = await listen(app, { db, clock, host: settings.host, port: settings.port });
  logger.info({ url: server.url }, 'the API is listening');
  return { ...server, close: () => app.close() };
}

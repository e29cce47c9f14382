/**
 * sync-source: looks at a source and starts a flow for every billing period that changed. What the source answers, refusals included, is
 * recorded with when to ask again; so a refusal does not fail the job, and one source never holds up another. A job that comes twice, or
 * late, finds that PostgreSQL knows of no such look any more, and does nothing.
 */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { enqueueLoad } from '../load-flow.ts';
import { syncFromSource } from '../sync.ts';

export async function syncSource(payload: JobPayload<'sync-source'>, context: JobContext): Promise<void> {
  const { queue, logger } = context;
  if (queue === undefined) throw new Error('sync-source runs in a worker; a command looks at the source itself');
  const { range, requestId, ...request } = payload;
  const asked = requestId === undefined ? undefined : { requestId };
  const onlyIfDue = payload.reason === 'schedule' ? 'schedule' : asked;
  try {
    const { loads, waiting } = await syncFromSource(context, {
      ...request,
      ...(range === undefined ? {} : { range }),
      ...(onlyIfDue === undefined ? {} : { onlyIfDue }),
      onLoad: (loadId) => enqueueLoad(context, queue, loadId),
    });
    logger.info({ sourceId: payload.sourceId, loads: loads.length, waiting }, 'source looked at');
  } catch (error) {
    if (context.signal.aborted || !(error instanceof AppError || error instanceof TransientError)) throw error;
    logger.warn(
      { sourceId: payload.sourceId, message: error.message },
      'a source could not be looked at; it is tried again',
    );
  }
}

/**
 * Ingestion inside a command: the same handlers a worker runs, one after the other, with the load held against the reconcile job.
 * A command that is killed leaves a load that the next run of the same command, or a worker, carries on with.
 */
import type { JobContext } from './job-context.ts';
import { publishLoad } from './handlers/publish-load.ts';
import { rollUpLoad } from './handlers/roll-up-load.ts';
import { stageFile } from './handlers/stage-file.ts';
import { openLoadLock } from './load-lock.ts';
import { type Delivery, receiveDelivery } from './receive-delivery.ts';
import { type SyncRequest, type SyncResult, syncFromSource } from './sync.ts';

export interface IngestedLoad {
  readonly loadId: string;
  readonly unchanged: boolean;
}

/**
 * Ingests a delivery to the end.
 * @returns its loads in order of billing period, those that were already current marked `unchanged`.
 * @throws AppError with the located faults of a bill that is refused; loads published before it stay published.
 */
export async function runIngest(context: JobContext, delivery: Delivery): Promise<IngestedLoad[]> {
  const loads = await receiveDelivery(context, delivery);
  await withLoadLock(context, async (finish) => {
    for (const { loadId, unchanged } of loads) if (!unchanged) await finish(loadId);
  });
  return loads.map(({ loadId, unchanged }) => ({ loadId, unchanged }));
}

/**
 * Looks at a source and ingests to the end what it delivered, each billing period as soon as it is fetched.
 * @throws AppError, TransientError as `syncFromSource`, or what is wrong with a load; those published before it stay published.
 */
export async function runSync(
  context: JobContext,
  { onPublished, ...request }: Omit<SyncRequest, 'onLoad'> & { onPublished?: (loadId: string) => void },
): Promise<SyncResult> {
  return withLoadLock(context, (finish) =>
    syncFromSource(context, {
      ...request,
      onLoad: async (loadId) => {
        await finish(loadId);
        onPublished?.(loadId);
      },
    }),
  );
}

/** Gives `work` what takes a registered load to its publication. */
async function withLoadLock<Result>(
  context: JobContext,
  work: (finish: (loadId: string) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const lock = await openLoadLock(context.databaseUrl);
  try {
    return await work(async (loadId) => {
      await lock.hold(loadId);
      const files = await context.db
        .selectFrom('load_file')
        .select('ordinal')
        .where('load_id', '=', loadId)
        .orderBy('ordinal')
        .execute();
      for (const { ordinal } of files) await stageFile({ loadId, ordinal }, context);
      await rollUpLoad({ loadId }, context);
      await publishLoad({ loadId }, context);
    });
  } finally {
    await lock.release();
  }
}

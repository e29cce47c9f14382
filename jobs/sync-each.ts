/** Looks at several sources inside a command, one after the other: what one of them refuses keeps no other from being read. */
import type { RegisteredLoad } from '../services/billing/register-delivery.ts';
import type { JobContext } from './job-context.ts';
import { runSync } from './run-ingest.ts';
import type { SyncRequest } from './sync.ts';

export interface SyncedSources {
  /** Of all sources, also what was published of one before it failed. */
  readonly loads: readonly Pick<RegisteredLoad, 'loadId' | 'unchanged'>[];
  readonly waiting: readonly string[];
  readonly failures: readonly { readonly sourceId: string; readonly error: unknown }[];
}

/** Ingests to the end what each source delivered. @throws only where the command itself is to stop. */
export async function syncEach(
  context: JobContext,
  sourceIds: readonly string[],
  request: Omit<SyncRequest, 'sourceId' | 'onLoad'>,
): Promise<SyncedSources> {
  const loads: SyncedSources['loads'][number][] = [];
  const waiting: string[] = [];
  const failures: SyncedSources['failures'][number][] = [];
  for (const sourceId of sourceIds) {
    const published: string[] = [];
    try {
      const found = await runSync(context, { ...request, sourceId, onPublished: (loadId) => published.push(loadId) });
      loads.push(...found.loads);
      waiting.push(...found.waiting);
    } catch (error) {
      if (context.signal.aborted) throw error;
      loads.push(...published.map((loadId) => ({ loadId, unchanged: false })));
      failures.push({ sourceId, error });
    }
  }
  return { loads, waiting, failures };
}

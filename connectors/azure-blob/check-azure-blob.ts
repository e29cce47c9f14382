/** What a container lets us do, step by step in the order in which one sets it up; each wrong one with its fix. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { SourceCheck } from '../connector.ts';
import type { StoredObject } from '../object-store.ts';
import type { BlobPlace } from './blob-place.ts';

export interface BlobCalls {
  /** Who calls, in words. */
  identify(): Promise<string>;
  /** The first blob with content below the prefix. */
  first(): Promise<StoredObject | null>;
  read(object: StoredObject): Promise<void>;
}

/** Credentials, listing, reading; ends with the first that is wrong, since each needs those before it. */
export async function* checkAzureBlob(
  { account, container }: BlobPlace,
  prefix: string,
  calls: BlobCalls,
): AsyncIterable<SourceCheck> {
  const identity = await attempt(calls.identify());
  if (identity instanceof Error) {
    yield wrong('credentials', identity);
    return;
  }
  yield { subject: 'credentials', state: 'ok', message: identity };

  const first = await attempt(calls.first());
  if (first instanceof Error) {
    yield wrong('list blobs', first);
    return;
  }
  yield { subject: 'list blobs', state: 'ok', message: `${account}/${container} can be listed` };

  if (first === null) {
    yield {
      subject: 'read blobs',
      state: 'note',
      message: `nothing lies below ${container}/${prefix} yet, so reading could not be tried`,
    };
    return;
  }
  const read = await attempt(calls.read(first));
  yield read instanceof Error
    ? wrong('read blobs', read)
    : { subject: 'read blobs', state: 'ok', message: `${first.key} can be read` };
}

/** What refuses or fails is an answer here; anything else is a bug. */
async function attempt<Answer>(call: Promise<Answer>): Promise<Answer | Error> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AppError || error instanceof TransientError) return error;
    throw error;
  }
}

function wrong(subject: string, { message }: Error): SourceCheck {
  return { subject, state: 'wrong', message };
}

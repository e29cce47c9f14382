/** What a bucket lets us do, permission by permission in the order in which one sets them up; each wrong one with its fix. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { SourceCheck } from '../connector.ts';
import type { StoredObject } from '../object-store.ts';
import type { GcsPlace } from './gcs-failure.ts';

export interface GcsCalls {
  /** The service account's address, where the credentials tell it. */
  credentials(): Promise<string | null>;
  /** The first object that has content. */
  first(): Promise<StoredObject | null>;
  /** Its first byte. */
  read(object: StoredObject): Promise<void>;
}

/** Credentials, storage.objects.list, storage.objects.get; ends with the first that is wrong, since each needs those before it. */
export async function* checkGoogleCloudStorage(
  { bucket }: GcsPlace,
  prefix: string,
  calls: GcsCalls,
): AsyncIterable<SourceCheck> {
  const identity = await attempt(calls.credentials());
  if (identity instanceof Error) {
    yield { subject: 'credentials', state: 'wrong', message: identity.message };
    return;
  }
  yield { subject: 'credentials', state: 'ok', message: identity ?? 'Google Cloud gives a token for them' };
  const first = await attempt(calls.first());
  if (first instanceof Error) {
    yield { subject: 'storage.objects.list', state: 'wrong', message: first.message };
    return;
  }
  yield { subject: 'storage.objects.list', state: 'ok', message: `gs://${bucket} can be listed` };
  if (first === null) {
    yield {
      subject: 'storage.objects.get',
      state: 'note',
      message: `nothing lies below gs://${bucket}/${prefix} yet, so reading could not be tried`,
    };
    return;
  }
  const read = await attempt(calls.read(first));
  yield read instanceof Error
    ? { subject: 'storage.objects.get', state: 'wrong', message: read.message }
    : { subject: 'storage.objects.get', state: 'ok', message: `${first.key} can be read` };
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

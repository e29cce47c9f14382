/** What a bucket lets us do, permission by permission in the order in which one sets them up; each wrong one with its fix. */
import type { GetObjectCommandOutput, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { ConnectionContext, SourceCheck } from '../connector.ts';
import type { StoredObject } from '../object-store.ts';
import { s3Failure } from './s3-failure.ts';
import { type S3Place, s3Arn } from './s3-place.ts';

export interface S3Calls {
  credentials(): Promise<{ accessKeyId: string; accountId?: string; expiration?: Date }>;
  list(prefix: string): Promise<Pick<ListObjectsV2CommandOutput, 'Contents'>>;
  get(object: StoredObject, range: string): Promise<GetObjectCommandOutput>;
}

/** Credentials, s3:ListBucket, s3:GetObject; ends with the first that is wrong, since each needs those before it. */
export async function* checkAmazonS3(
  place: S3Place,
  prefix: string,
  calls: S3Calls,
  { now }: ConnectionContext,
): AsyncIterable<SourceCheck> {
  const call = { action: 's3:ListBucket', prefix } as const;
  const identity = await attempt(
    calls.credentials().catch((error: unknown) => Promise.reject(asError(s3Failure(error, call, place, now)))),
  );
  if (identity instanceof Error) {
    yield wrong('credentials', identity);
    return;
  }
  yield { subject: 'credentials', state: 'ok', message: describeIdentity(identity) };

  const listed = await attempt(calls.list(prefix));
  if (listed instanceof Error) {
    yield wrong('s3:ListBucket', listed);
    return;
  }
  const objects = listed.Contents ?? [];
  yield { subject: 's3:ListBucket', state: 'ok', message: `${s3Arn(place)} can be listed` };

  const first = objects.find(({ Size }) => (Size ?? 0) > 0);
  if (first?.Key === undefined || first.ETag === undefined) {
    yield {
      subject: 's3:GetObject',
      state: 'note',
      message: `nothing lies below ${place.bucket}/${prefix} yet, so reading could not be tried`,
    };
    return;
  }
  const object = {
    key: first.Key,
    version: first.ETag.replaceAll('"', ''),
    sizeBytes: first.Size ?? 0,
    modifiedAt: first.LastModified ?? now,
  };
  const read = await attempt(calls.get(object, 'bytes=0-0'));
  if (read instanceof Error) {
    yield wrong('s3:GetObject', read);
    return;
  }
  await read.Body?.transformToByteArray();
  yield { subject: 's3:GetObject', state: 'ok', message: `${first.Key} can be read` };
}

function describeIdentity({ accessKeyId, accountId, expiration }: Awaited<ReturnType<S3Calls['credentials']>>): string {
  const account = accountId === undefined ? '' : ` of account ${accountId}`;
  const until = expiration === undefined ? '' : `, valid until ${expiration.toISOString()}`;
  return `access key ${accessKeyId}${account}${until}`;
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

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** What a refusal of Amazon S3 means for a source, and what to change: the permission by its name, the bucket, the region, the key. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { answerOf, awsFailure } from '../aws/aws-failure.ts';
import { type S3Place, s3Arn } from './s3-place.ts';

const SERVICE = 'Amazon S3';
/** Of an AWS account in the words of the others; what they mean to another vendor's storage it says itself. */
const CREDENTIALS = new Set([
  'CredentialsProviderError',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSecretAccessKey',
  'NotAuthenticated',
]);

export type S3Call =
  | { readonly action: 's3:ListBucket'; readonly prefix: string }
  | { readonly action: 's3:GetObject'; readonly key: string };

/** The error as our callers know it; those that are ours already, and an abort, pass. */
export function s3Failure(error: unknown, call: S3Call, place: S3Place, now: Date): unknown {
  if (!(error instanceof Error) || error instanceof AppError || error instanceof TransientError) return error;
  if (error.name === 'AbortError') return error;
  const { code, status, headers, message } = answerOf(error);
  const refuse = (text: string) => new AppError('source_refused', text, { cause: error });
  const region = headers['x-amz-bucket-region'];
  if (region !== undefined && region !== place.region && [301, 307, 400].includes(status ?? 0)) {
    return refuse(`The bucket ${place.bucket} is in the region ${region}. Write region: ${region} in the source.`);
  }
  if (status === 412 || code === 'NoSuchKey') return changed(error, call);
  const { vendor } = place;
  if (vendor !== undefined && (CREDENTIALS.has(code) || status === 401)) return refuse(vendor.credentials);
  const known = awsFailure(error, vendor?.title ?? SERVICE, now);
  if (known !== null) return known;
  if (vendor !== undefined && (code === 'NoSuchBucket' || status === 403)) return refuse(vendor.permission);
  if (code === 'NoSuchBucket') {
    return refuse(
      `There is no bucket ${place.bucket}. Correct bucket in the source; its name has neither s3:// nor a path.`,
    );
  }
  if (code === 'InvalidObjectState') {
    return refuse(
      `${keyOf(call)} was moved to an archive class of S3. Restore it, and let the lifecycle rule leave the bills of the last 13 months alone.`,
    );
  }
  if (status === 403) return refuse(permission(call, place, /kms/i.test(message)));
  if (status === 404) return changed(error, call);
  return refuse(
    `${SERVICE} refused ${call.action} on ${place.bucket} (${code}). Check bucket, region and endpoint of the source.`,
  );
}

function permission(call: S3Call, place: S3Place, isKey: boolean): string {
  const more = `docs/clouds/${place.sourceKind}.md has the whole policy.`;
  if (isKey) {
    return `${keyOf(call)} is encrypted with a key that may not be used. Allow kms:Decrypt on the key of the bucket ${place.bucket}. ${more}`;
  }
  return call.action === 's3:ListBucket'
    ? `The objects of the bucket ${place.bucket} may not be listed. Allow s3:ListBucket on ${s3Arn(place)}. ${more}`
    : `${call.key} may not be read. Allow s3:GetObject on ${s3Arn(place, '')}, and kms:Decrypt on its key where the bucket is encrypted with one. ${more}`;
}

function changed(error: Error, call: S3Call): AppError {
  return new AppError(
    'source_changed',
    `${keyOf(call)} was replaced or taken away since it was listed. The next look reads what is there then.`,
    { cause: error },
  );
}

function keyOf(call: S3Call): string {
  return call.action === 's3:GetObject' ? call.key : `the list of ${call.prefix}`;
}

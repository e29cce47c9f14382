/** Where a source's bucket is, as the organisation file says it: the keys that every source on Amazon S3 has. */
import { AppError } from '../../services/kernel/errors.ts';
import type { ConnectedSource } from '../connector.ts';

export interface S3Place {
  readonly sourceId: string;
  /** Its page has the policy that refusals point to. */
  readonly sourceKind: string;
  readonly bucket: string;
  /** Absent: what the SDK finds in its own settings (AWS_REGION, a profile). */
  readonly region?: string;
  /** Another address that speaks S3's protocol: a VPC endpoint, another vendor's store. */
  readonly endpoint?: string;
  /** The bucket stands in the path rather than in the host's name, as such addresses often need it. */
  readonly forcePathStyle?: boolean;
  /** The profile of the SDK's own files whose credentials are used: a process may read the storage of several accounts and vendors. */
  readonly profile?: string;
  /** Whose storage it is, where not Amazon's. */
  readonly vendor?: S3Vendor;
}

/** Another vendor's storage that speaks S3's protocol: its name, and what to change where it refuses, in whole sentences. */
export interface S3Vendor {
  readonly title: string;
  readonly credentials: string;
  readonly permission: string;
}

/** A name of a bucket, or an access point: no address, no path. */
const BUCKET = /^(?:[a-z0-9][a-z0-9._-]{1,253}[a-z0-9]|arn:aws[a-z-]*:s3:.*:accesspoint\/[^/]+)$/i;

/**
 * The place that `bucket`, `region`, `endpoint`, `forcePathStyle` and `profile` name.
 * @throws AppError invalid_input for a bucket or an endpoint that is missing or is none.
 */
export function readS3Place({ id, kind, settings }: ConnectedSource): S3Place {
  const text = (name: string) => {
    const value = settings[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const [bucket, region, endpoint, profile] = [text('bucket'), text('region'), text('endpoint'), text('profile')];
  if (bucket === undefined) {
    throw new AppError(
      'invalid_input',
      `The source "${id}" names no bucket. Add bucket: … to it in the organisation file and run "outturn apply".`,
    );
  }
  if (!BUCKET.test(bucket)) {
    throw new AppError(
      'invalid_input',
      `The source "${id}" names the bucket "${bucket}", which is no bucket's name. Write the name alone, without s3:// and without a path; the path goes into prefix.`,
    );
  }
  if (endpoint !== undefined && !/^https?:\/\/[^/]/.test(endpoint)) {
    throw new AppError(
      'invalid_input',
      `The source "${id}" names the endpoint "${endpoint}", which is no address. Write it with its scheme: https://…`,
    );
  }
  return {
    sourceId: id,
    sourceKind: kind,
    bucket,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...(typeof settings['forcePathStyle'] === 'boolean' ? { forcePathStyle: settings['forcePathStyle'] } : {}),
  };
}

/** The name that policies have for a bucket, or for the objects below a prefix of it. */
export function s3Arn({ bucket, region }: S3Place, prefix?: string): string {
  if (bucket.startsWith('arn:')) return prefix === undefined ? bucket : `${bucket}/object/${prefix}*`;
  const partition = region?.startsWith('cn-') ? 'aws-cn' : region?.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  return `arn:${partition}:s3:::${bucket}${prefix === undefined ? '' : `/${prefix}*`}`;
}

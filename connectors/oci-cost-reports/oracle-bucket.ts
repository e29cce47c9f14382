/**
 * Oracle's storage through its S3-compatible API: the bucket that Oracle itself writes every tenancy's reports to, or a copy of it. Oracle's
 * own is in the namespace `bling`, has the tenancy's OCID for a name, and is in the tenancy's home region; a policy of the tenancy lets a
 * group read it, a customer secret key of a member signs for it.
 *
 * Sources: Oracle Cloud Infrastructure documentation, "Cost and Usage Reports", "Amazon S3 Compatibility API", "Working with Customer Secret
 * Keys"; that the namespace may be read through this API is what other readers of Oracle's reports document.
 */
import { AppError } from '../../services/kernel/errors.ts';
import type { S3Vendor } from '../amazon-s3/s3-place.ts';
import type { ConnectedSource } from '../connector.ts';

const MORE = 'docs/clouds/oci-cost-reports.md has the commands.';
const TITLE = "Oracle's object storage";
const CREDENTIALS = `No customer secret key of Oracle's was found, or ${TITLE} does not know it. Create one for the user in the group, write it into a profile of ~/.aws/credentials, and name that in profile. ${MORE}`;
/** The bucket's name, and in it the realm. */
const OWN = /^s3:\/\/ocid1\.tenancy\.([a-z0-9]+)\.[^/]/i;
const COMPATIBLE = /^https:\/\/[^/]+\.compat\.objectstorage\./i;

export interface OracleBucket {
  /** With what it takes to reach Oracle's own bucket. */
  readonly source: ConnectedSource;
  /** Absent: another vendor's storage, or a folder. */
  readonly vendor?: S3Vendor;
  /** Oracle's own bucket: what is missing there no mirror has missed. */
  readonly isOwn: boolean;
}

/** What `path` and `endpoint` name. @throws AppError invalid_input where the home region of the bucket is not named. */
export function oracleBucketOf(source: ConnectedSource): OracleBucket {
  const { id, settings } = source;
  const { path, region, endpoint } = settings;
  const realm = typeof path === 'string' ? OWN.exec(path.trim())?.[1] : undefined;
  if (realm === undefined) {
    const isOracles = typeof endpoint === 'string' && COMPATIBLE.test(endpoint);
    return { source, isOwn: false, ...(isOracles ? { vendor: vendorOf(PERMISSION_OF_COPY) } : {}) };
  }
  if (typeof region !== 'string' || region.trim() === '') {
    throw new AppError(
      'invalid_input',
      `The source "${id}" names Oracle's own bucket of reports and no region. Add region: … to it, the home region of the tenancy, for instance eu-frankfurt-1.`,
    );
  }
  // Realms other than the commercial one have domains of their own.
  if (realm.toLowerCase() !== 'oc1' && typeof endpoint !== 'string') {
    throw new AppError(
      'invalid_input',
      `The source "${id}" names a tenancy of the realm ${realm}. Add endpoint: https://bling.compat.objectstorage.${region.trim()}.DOMAIN with the domain of that realm.`,
    );
  }
  const own = { endpoint: `https://bling.compat.objectstorage.${region.trim()}.oraclecloud.com`, forcePathStyle: true };
  return { source: { ...source, settings: { ...own, ...settings } }, isOwn: true, vendor: vendorOf(permissionOf(id)) };
}

const PERMISSION_OF_COPY = `${TITLE} says that there is no such bucket, or that it may not be read: it does not tell which. Correct the bucket, the namespace and the region in endpoint, or let the group of the key's user read its objects and inspect its bucket. ${MORE}`;

/** Oracle answers "no such bucket" to whoever may not see it. */
function permissionOf(id: string): string {
  return `Oracle's own bucket of reports may not be read: the policy "endorse group … to read objects in tenancy usage-report" is missing, the user of the key is not in its group, or region is not the tenancy's home region. Correct what is wrong, then run: outturn sources check ${id}. ${MORE}`;
}

function vendorOf(permission: string): S3Vendor {
  return { title: TITLE, credentials: CREDENTIALS, permission };
}

/**
 * Credentials of a workload identity as the SDKs of Google Cloud find them by themselves: a file that GOOGLE_APPLICATION_CREDENTIALS names,
 * whose token a server of ours exchanges for the one that the calls carry.
 *
 * Source: Google Cloud IAM documentation, "Workload identity federation"; RFC 8693.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';

const LIFETIME_S = 3600;
const PREFIX = 'ya29.loopback.';

/** The tokens that a server has given out. */
export interface TokenDesk {
  /** The answer to a request for a token. */
  issue(): string;
  /** Whether the request carries a token that is one. */
  admits(request: IncomingMessage): boolean;
  /** From now on no token given out before is one. */
  revoke(): void;
}

export function openTokenDesk(): TokenDesk {
  const revoked = new Set<string>();
  const issued = new Set<string>();
  return {
    issue: () => {
      const token = `${PREFIX}${randomUUID()}`;
      issued.add(token);
      return JSON.stringify({
        access_token: token,
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: LIFETIME_S,
      });
    },
    admits: ({ headers }) => {
      const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
      return token?.startsWith(PREFIX) === true && !revoked.has(token);
    },
    revoke: () => {
      for (const token of issued) revoked.add(token);
    },
  };
}

/** Writes the files of an identity below `folder`. @returns what GOOGLE_APPLICATION_CREDENTIALS is to name. */
export async function writeIdentity(folder: string, tokenUrl: string): Promise<string> {
  const [tokenPath, path] = [join(folder, 'subject-token'), join(folder, 'google-credentials.json')];
  await writeFile(tokenPath, 'subject');
  const identity = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/test/providers/test',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: tokenUrl,
    credential_source: { file: tokenPath },
  };
  await writeFile(path, JSON.stringify(identity));
  return path;
}

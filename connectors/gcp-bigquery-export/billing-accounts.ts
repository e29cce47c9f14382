/**
 * Cloud Billing as the check of a source asks it: whose export this is, which projects it charges, and what else the credentials see that
 * is in no export of this account. Spoken over REST, which proxies let through.
 */
import { CloudBillingClient } from '@google-cloud/billing';
import type { ExportPlace } from './export-place.ts';

const CALL_TIMEOUT_MS = 30_000;
const PAGE_SIZE = 100;
/** Far above any organisation's accounts; enough of the projects to name some. */
const ACCOUNTS_MAX = 500;
export const PROJECTS_MAX = 5_000;

export interface BillingAccount {
  /** `012345-6789AB-CDEF01` */
  readonly id: string;
  readonly displayName: string;
  readonly isOpen: boolean;
}

export interface BillingAccounts {
  get(accountId: string): Promise<BillingAccount>;
  /** Those that the credentials may see. */
  list(): Promise<BillingAccount[]>;
  /** The ids of the projects that the account is charged for. */
  projects(accountId: string): Promise<string[]>;
  close(): Promise<void>;
}

export function openBillingAccounts(place: ExportPlace): BillingAccounts {
  const client = new CloudBillingClient({
    fallback: true,
    // Else the SDK asks another service whose project the credentials are of.
    projectId: place.queryProjectId,
    ...addressOf(place.billingEndpoint),
  });
  withoutOwnAgent(client.auth);
  const options = { timeout: CALL_TIMEOUT_MS, retry: null, autoPaginate: false };
  /** What the SDK does by itself with the first call; where that fails, nobody could catch it. */
  const ready = () => client.initialize();
  return {
    get: async (accountId) => {
      await ready();
      const [account] = await client.getBillingAccount({ name: `billingAccounts/${accountId}` }, options);
      return readAccount(account);
    },
    list: async () => {
      await ready();
      const accounts: BillingAccount[] = [];
      for await (const account of client.listBillingAccountsAsync({ pageSize: PAGE_SIZE }, options)) {
        accounts.push(readAccount(account));
        if (accounts.length >= ACCOUNTS_MAX) break;
      }
      return accounts;
    },
    projects: async (accountId) => {
      await ready();
      const request = { name: `billingAccounts/${accountId}`, pageSize: PAGE_SIZE };
      const ids: string[] = [];
      for await (const project of client.listProjectBillingInfoAsync(request, options)) {
        if (typeof project.projectId === 'string') ids.push(project.projectId);
        if (ids.length >= PROJECTS_MAX) break;
      }
      return ids.sort();
    },
    close: () => client.close(),
  };
}

/**
 * The SDK brings connections of its own, which know no proxy; without them what sends its requests follows HTTPS_PROXY and NO_PROXY, as it
 * does for tokens.
 */
function withoutOwnAgent(auth: CloudBillingClient['auth']): void {
  const send = auth.fetch.bind(auth);
  const fetch = (address: string | URL, request: RequestInit) => {
    const rest = { ...request, agent: undefined };
    return send(address, rest);
  };
  Object.assign(auth, { fetch });
}

function readAccount({
  name,
  displayName,
  open,
}: {
  name?: string | null;
  displayName?: string | null;
  open?: boolean | null;
}): BillingAccount {
  return {
    id: (name ?? '').replace(/^billingAccounts\//, ''),
    displayName: displayName ?? '',
    isOpen: open === true,
  };
}

function addressOf(endpoint: string | undefined): { apiEndpoint?: string; port?: number; protocol?: string } {
  if (endpoint === undefined) return {};
  const { hostname, port, protocol } = new URL(endpoint);
  const isPlain = protocol === 'http:';
  return { apiEndpoint: hostname, port: Number(port) || (isPlain ? 80 : 443), protocol: isPlain ? 'http' : 'https' };
}

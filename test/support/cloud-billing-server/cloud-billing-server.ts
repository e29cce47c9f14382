/**
 * A server on loopback that speaks the part of Cloud Billing's REST API that lists billing accounts and the projects they pay for, page by
 * page. It takes the tokens that the BigQuery double gives out.
 *
 * Source: Cloud Billing API reference, v1 ("billingAccounts.get", "billingAccounts.list", "billingAccounts.projects.list").
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openTokenDesk } from '../google-identity.ts';

export interface CloudBillingDouble {
  /** For `billingEndpoint`. */
  readonly url: string;
  readonly calls: { readonly path: string; readonly status: number }[];
  /** Billing accounts that may not be looked at. */
  readonly denied: Set<string>;
  pageSize: number;
  put(account: { id: string; displayName: string; open?: boolean; projects: readonly string[] }): void;
  stop(): Promise<void>;
}

const PATH = /^\/v1\/billingAccounts(?:\/([^/]+)(\/projects)?)?$/;

/** Starts it; the caller stops it. */
export async function startCloudBillingDouble(
  options: { port?: number; onCall?: (call: { path: string; status: number }) => void } = {},
): Promise<CloudBillingDouble> {
  const accounts = new Map<string, { name: string; displayName: string; open: boolean; projects: readonly string[] }>();
  const desk = openTokenDesk();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const [status, body] = desk.admits(request)
      ? answer(url)
      : failed(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
    double.calls.push({ path: url.pathname, status });
    options.onCall?.({ path: url.pathname, status });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const double: CloudBillingDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    denied: new Set(),
    pageSize: 50,
    put: ({ id, open = true, ...account }) =>
      void accounts.set(id, { ...account, name: `billingAccounts/${id}`, open }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return double;

  function answer({ pathname, searchParams }: URL): [number, unknown] {
    const match = PATH.exec(pathname);
    if (match === null) return failed(404, 'NOT_FOUND', `${pathname} is not one of the calls this server knows.`);
    const [, id, projects] = match;
    if (id === undefined) {
      const visible = [...accounts]
        .filter(([account]) => !double.denied.has(account))
        .map(([, account]) => describe(account));
      return [200, page('billingAccounts', visible, searchParams)];
    }
    const account = accounts.get(id);
    if (account === undefined || double.denied.has(id)) {
      return failed(403, 'PERMISSION_DENIED', 'The caller does not have permission');
    }
    if (projects === undefined) return [200, describe(account)];
    const paid = account.projects.map((projectId) => ({
      name: `projects/${projectId}/billingInfo`,
      projectId,
      billingAccountName: account.name,
      billingEnabled: true,
    }));
    return [200, page('projectBillingInfo', paid, searchParams)];
  }

  function page(name: string, items: readonly unknown[], searchParams: URLSearchParams): Record<string, unknown> {
    const from = Number(searchParams.get('pageToken') ?? 0);
    const to = from + Math.min(double.pageSize, Number(searchParams.get('pageSize') ?? double.pageSize));
    return { [name]: items.slice(from, to), nextPageToken: to < items.length ? String(to) : '' };
  }
}

function describe({ name, displayName, open }: { name: string; displayName: string; open: boolean }): object {
  return { name, displayName, open, masterBillingAccount: '' };
}

function failed(code: number, status: string, message: string): [number, unknown] {
  return [code, { error: { code, message, status } }];
}

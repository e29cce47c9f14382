/** What answers of HTTP mean to every connector, whichever SDK brought them: when to come back, a proxy that wants a login, nobody there. */

const SECOND_MS = 1_000;
const PROXY_WANTS_LOGIN = 407;

/** How long a Retry-After header asks to wait: seconds or a date (RFC 9110, section 10.2.3); null where it says neither. */
export function retryAfterMs(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header)) return Number(header) * SECOND_MS;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}

/** The fix where a proxy answered in place of the service; null where it was not one. */
export function proxyRefusal(status: number | null): string | null {
  return status === PROXY_WANTS_LOGIN
    ? 'The proxy wants a login (407). Write it into HTTPS_PROXY: http://user:password@host:port.'
    : null;
}

/** No answer, and where to look if it stays so. `reason` is the network's own word, with the address where it is known. */
export function unreached(service: string, reason: string): string {
  return `${service} could not be reached, or broke off (${reason}). If this stays, check the network, HTTPS_PROXY and the endpoint of the source.`;
}

/** An answer that is not the service's: a proxy's page, another server behind the endpoint, one that was cut off. */
export function unreadable(service: string): string {
  return `${service} answered with something that cannot be read, or that was cut off. If this stays, check HTTPS_PROXY and the endpoint of the source.`;
}

/** The network's own word for what happened, with the address that was tried where the error knows it. */
export function networkReason(error: Error): string {
  const { code, hostname, address, port } = error as Error & {
    code?: unknown;
    hostname?: string;
    address?: string;
    port?: number;
  };
  const host = hostname ?? (address === undefined ? '' : `${address}${port === undefined ? '' : `:${port}`}`);
  return `${typeof code === 'string' ? code : error.name === 'TimeoutError' ? 'no answer in time' : error.name} ${host}`.trim();
}

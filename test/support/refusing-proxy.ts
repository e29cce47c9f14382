/** A proxy as networks have them: it is asked to connect to a host, keeps which, and leads nowhere. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { env } from 'node:process';

/** What is asked of the proxy in HTTPS_PROXY while `work` runs, as `host:port`, but for this machine (NO_PROXY); `work` fails, and is to say how. */
export async function askedOfProxy(work: () => Promise<unknown>): Promise<string[]> {
  const asked: string[] = [];
  const proxy = createServer().on('connect', ({ url = '' }: IncomingMessage, socket: Socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  env['HTTPS_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  env['NO_PROXY'] = '127.0.0.1';
  try {
    await work();
    return asked;
  } finally {
    for (const name of ['HTTPS_PROXY', 'NO_PROXY']) delete env[name];
    const closed = once(proxy, 'close');
    proxy.close();
    proxy.closeAllConnections();
    await closed;
  }
}

/** An HTTPS proxy on loopback that refuses to connect to anything and keeps where it was asked to: enough to see that a client goes through it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { env } from 'node:process';

export interface ConnectProxy {
  /** For HTTPS_PROXY. */
  readonly url: string;
  /** `host:port` of each CONNECT. */
  readonly asked: string[];
  stop(): void;
}

/** Starts it; the caller stops it. */
export async function startConnectProxy(): Promise<ConnectProxy> {
  const asked: string[] = [];
  const server = createServer().on('connect', ({ url = '' }: IncomingMessage, socket: Socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: () => void server.close(),
  };
}

/** What is asked of one in HTTPS_PROXY while `work` runs, this machine left out; `work` says itself how it fails. */
export async function askedOfProxy(work: () => Promise<unknown>): Promise<string[]> {
  const proxy = await startConnectProxy();
  Object.assign(env, { HTTPS_PROXY: proxy.url, NO_PROXY: '127.0.0.1' });
  try {
    await work();
    return proxy.asked;
  } finally {
    for (const name of ['HTTPS_PROXY', 'NO_PROXY']) delete env[name];
    proxy.stop();
  }
}

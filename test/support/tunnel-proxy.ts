/** A proxy on loopback that leads everything to one server, whatever name it was asked for: what a client reaches only through it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as ask } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface TunnelProxy {
  /** For HTTP_PROXY. */
  readonly url: string;
  /** `host:port` of each connection asked for, the host of each request. */
  readonly asked: string[];
  stop(): Promise<void>;
}

/** Starts it; the caller stops it. */
export async function startTunnelProxy(port: number): Promise<TunnelProxy> {
  const asked: string[] = [];
  const sockets = new Set<Duplex>();
  const join = (socket: Duplex, greeting: string, head: string) => {
    const behind: Socket = connect(port, '127.0.0.1', () => {
      if (greeting !== '') socket.write(greeting);
      if (head !== '') behind.write(head);
      behind.pipe(socket).pipe(behind);
    });
    for (const each of [socket, behind]) {
      sockets.add(each);
      each.on('error', () => each.destroy()).on('close', () => sockets.delete(each));
    }
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '');
    asked.push(url.host);
    const { method = 'GET', headers } = request;
    const forwarded = ask({ port, host: '127.0.0.1', path: url.pathname, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded.on('error', () => response.destroy()));
  });
  server.on('connect', ({ url = '' }: IncomingMessage, socket: Duplex) => {
    asked.push(url);
    join(socket, 'HTTP/1.1 200 Connection Established\r\n\r\n', '');
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    const url = new URL(request.url ?? '');
    asked.push(url.host);
    const lines = request.rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [`${name}: ${request.rawHeaders[index + 1] ?? ''}`] : [],
    );
    join(socket, '', `GET ${url.pathname} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

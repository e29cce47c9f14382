/** The WebSocket server of Slack's Socket Mode: greets, sends envelopes, counts what was acknowledged, ends connections when told to. */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

export interface SlackSockets {
  /** How often a connection was made. */
  readonly greeted: number;
  readonly open: number;
  /** By envelope id: the payloads of every acknowledgement. */
  readonly acknowledged: ReadonlyMap<string, readonly unknown[]>;
  /** Sends an envelope to the newest connection; answers its id. */
  send(type: string, payload: object, envelopeId?: string): string;
  /** As Slack does every few hours. */
  askToReconnect(): void;
  /** As a network does. */
  cut(): void;
}

/** Takes upgrades of this server at a path that only the double gives out. */
export function serveSlackSockets(server: Server, isTicket: (path: string) => boolean): SlackSockets {
  const connections: Duplex[] = [];
  const acknowledged = new Map<string, unknown[]>();
  let greeted = 0;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    if (!isTicket(request.url ?? '')) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const key = createHash('sha1')
      .update(`${request.headers['sec-websocket-key'] ?? ''}${GUID}`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
    );
    connections.push(socket);
    greeted += 1;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connections.splice(connections.indexOf(socket), 1));
    readFrames(socket, (opcode, payload) => {
      if (opcode === OPCODE.ping) socket.write(frame(OPCODE.pong, payload));
      if (opcode === OPCODE.close) socket.end(frame(OPCODE.close, payload));
      if (opcode === OPCODE.text) acknowledge(JSON.parse(payload.toString('utf8')));
    });
    write(socket, { type: 'hello', num_connections: connections.length });
  });

  function acknowledge(message: { envelope_id: string; payload?: unknown }): void {
    const before = acknowledged.get(message.envelope_id) ?? [];
    acknowledged.set(message.envelope_id, [...before, message.payload ?? null]);
  }

  return {
    get greeted() {
      return greeted;
    },
    get open() {
      return connections.length;
    },
    acknowledged,
    send: (type, payload, envelopeId = randomUUID()) => {
      const socket = connections.at(-1);
      if (socket === undefined) throw new Error('nobody is connected to the double');
      write(socket, { type, payload, envelope_id: envelopeId, accepts_response_payload: true });
      return envelopeId;
    },
    askToReconnect: () => {
      for (const socket of connections) write(socket, { type: 'disconnect', reason: 'refresh_requested' });
    },
    cut: () => {
      for (const socket of connections) socket.destroy();
    },
  };
}

function write(socket: Duplex, message: object): void {
  socket.write(frame(OPCODE.text, Buffer.from(JSON.stringify(message))));
}

function frame(opcode: number, payload: Buffer): Buffer {
  const length =
    payload.length < 126
      ? Buffer.from([payload.length])
      : Buffer.from([126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, payload]);
}

/** Frames of a client are masked; none of ours is longer than 64 KB or in pieces. */
function readFrames(socket: Duplex, take: (opcode: number, payload: Buffer) => void): void {
  let buffered = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (;;) {
      if (buffered.length < 6) return;
      const short = (buffered[1] ?? 0) & 0x7f;
      const head = short === 126 ? 4 : 2;
      const length = short === 126 ? buffered.readUInt16BE(2) : short;
      if (buffered.length < head + 4 + length) return;
      const mask = buffered.subarray(head, head + 4);
      const payload = Buffer.from(
        buffered.subarray(head + 4, head + 4 + length).map((byte, at) => byte ^ (mask[at % 4] ?? 0)),
      );
      const opcode = (buffered[0] ?? 0) & 0x0f;
      buffered = buffered.subarray(head + 4 + length);
      take(opcode, payload);
    }
  });
}

/** A mail server on this machine (nodemailer's own), with what mail servers do: refuse for now or for good, and hang up at any moment. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { TEST_CERTIFICATE, TEST_KEY } from './test-certificate.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers by name in lower case, unfolded. */
  readonly headers: ReadonlyMap<string, string>;
  readonly raw: string;
}

/** What happens to the next mail. `accept-then-drop`: it is in the mailbox, and the sender cannot know. */
export type MailFault =
  | { readonly kind: 'reply'; readonly at: 'recipient' | 'data'; readonly code: number; readonly text: string }
  | { readonly kind: 'drop-before-data' }
  | { readonly kind: 'drop-within-data' }
  | { readonly kind: 'accept-then-drop' };

export interface MailServer {
  /** For SMTP_URL. */
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  /** How often somebody logged in. */
  logins(): number;
  /** Those over TLS. */
  secureLogins(): number;
  readonly faults: MailFault[];
  stop(): Promise<void>;
}

/**
 * Starts it on a random port; with a password where one is given, which it takes in the clear unless it offers TLS (`starttls`). The caller
 * stops it.
 */
export async function startMailServer(
  options: { user?: string; password?: string; starttls?: boolean } = {},
): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const faults: MailFault[] = [];
  const sockets = new Set<Socket>();
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  let logins = 0;
  let secureLogins = 0;
  const server = new SMTPServer({
    authOptional: options.user === undefined,
    ...(options.starttls === true
      ? { key: TEST_KEY, cert: TEST_CERTIFICATE }
      : { allowInsecureAuth: true, disabledCommands: ['STARTTLS'] }),
    disableReverseLookup: true,
    onAuth: ({ username, password }, { secure }, done) => {
      logins += 1;
      if (secure) secureLogins += 1;
      if (username === options.user && password === options.password) return done(null, { user: username ?? '' });
      return done(new Error('Invalid username or password'));
    },
    onRcptTo: (_address, _session, done) => {
      const [fault] = faults;
      if (fault?.kind === 'drop-before-data') {
        faults.shift();
        return hangUp();
      }
      if (fault?.kind !== 'reply' || fault.at !== 'recipient') return done();
      faults.shift();
      return done(Object.assign(new Error(fault.text), { responseCode: fault.code }));
    },
    onData: (stream, session, done) => {
      const fault = faults.shift();
      if (fault?.kind === 'drop-within-data') return void stream.once('data', hangUp);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (fault?.kind === 'reply') return done(Object.assign(new Error(fault.text), { responseCode: fault.code }));
        const { mailFrom, rcptTo } = session.envelope;
        const raw = Buffer.concat(chunks).toString('utf8');
        const from = mailFrom === false ? '' : (mailFrom?.address ?? '');
        mails.push({ from, to: rcptTo.map(({ address }) => address), headers: headersOf(raw), raw });
        return fault?.kind === 'accept-then-drop' ? hangUp() : done();
      });
    },
  });
  server.on('error', () => {});
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const login = options.user === undefined ? '' : `${options.user}:${encodeURIComponent(options.password ?? '')}@`;
  return {
    url: `smtp://${login}127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails,
    logins: () => logins,
    secureLogins: () => secureLogins,
    faults,
    stop: async () => {
      hangUp();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function headersOf(raw: string): ReadonlyMap<string, string> {
  const [head = ''] = raw.split('\r\n\r\n');
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
}

/**
 * One conversation with the mail server. The message is handed over as a stream, so that it is known whether the server was ever given a
 * byte of it: before that, a broken connection has sent nothing; after it, only the server's answer says.
 */
import { Readable } from 'node:stream';
import type { NodemailerError } from 'nodemailer';
import SMTPConnection, { type SMTPConnectionSendInfo } from 'nodemailer/lib/smtp-connection';
import type { MailSettings } from '../../services/kernel/channel-settings.ts';
import type { PostOutcome } from '../../services/kernel/chat-port.ts';
import { isLoopback } from '../../services/kernel/settings.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Between two answers of the server; some look through a mail before they take it. */
const ANSWER_TIMEOUT_MS = 30_000;
/** All of it: below the time for which delivery keeps the message to itself. */
const SESSION_TIMEOUT_MS = 45_000;

export interface SmtpOptions {
  readonly settings: MailSettings;
  /** Instead of the 45 s for all of it. */
  readonly timeoutMs?: number;
}

/** Sends one mail; `ts` of the outcome is the Message-ID that stands in the delivered mail. */
export async function sendMail(
  mail: { readonly from: string; readonly to: string; readonly messageId: string; readonly raw: Buffer },
  options: SmtpOptions,
): Promise<PostOutcome> {
  let isHandedOver = false;
  const body = Readable.from(
    (function* give() {
      isHandedOver = true;
      yield mail.raw;
    })(),
  );
  try {
    const info = await inSession(options, (connection) => deliver(connection, mail, body));
    // Some servers give the mail an id of their own, by which answers must name it.
    return { kind: 'sent', ts: info.serverMessageId ?? mail.messageId };
  } catch (error) {
    return outcomeOf(error, isHandedOver);
  } finally {
    body.destroy();
  }
}

/** Connects and, where there is a password, logs in; sends nothing. @throws what the server or the network said. */
export async function greetServer(options: SmtpOptions): Promise<void> {
  await inSession(options, async () => {});
}

async function inSession<Result>(
  options: SmtpOptions,
  work: (connection: SMTPConnection) => Promise<Result>,
): Promise<Result> {
  const url = new URL(options.settings.smtpUrl);
  const isSecure = url.protocol === 'smtps:';
  const hasPassword = url.username !== '';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const connection = new SMTPConnection({
    host,
    port: url.port === '' ? (isSecure ? 465 : 587) : Number(url.port),
    secure: isSecure,
    // A password goes over TLS or not at all; on this machine nobody listens.
    requireTLS: hasPassword && !isSecure && !isLoopback(host),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: ANSWER_TIMEOUT_MS,
    socketCloseTimeout: 0,
  });
  let giveUp: NodeJS.Timeout | undefined;
  const broken = new Promise<never>((_resolve, reject) => {
    connection.on('error', reject);
    connection.on('end', () => reject(new Error('the mail server closed the connection')));
    giveUp = setTimeout(
      () => reject(new Error('the mail server took too long')),
      options.timeoutMs ?? SESSION_TIMEOUT_MS,
    );
  });
  // It may also break when nobody waits for it any more.
  broken.catch(() => {});
  try {
    const talk = async (): Promise<Result> => {
      await settled((done) => connection.connect(done));
      if (hasPassword) {
        const auth = { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
        await settled((done) => connection.login(auth, done));
      }
      return work(connection);
    };
    const result = await Promise.race([talk(), broken]);
    connection.quit();
    return result;
  } finally {
    clearTimeout(giveUp);
    connection.close();
  }
}

function deliver(
  connection: SMTPConnection,
  mail: { readonly from: string; readonly to: string },
  body: Readable,
): Promise<SMTPConnectionSendInfo> {
  return new Promise((resolve, reject) => {
    connection.send({ from: mail.from, to: [mail.to] }, body, (error, info) => {
      if (error !== null || info === undefined) reject(error ?? new Error('no answer'));
      else resolve(info);
    });
  });
}

function settled(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error == null ? resolve() : reject(error)));
  });
}

function outcomeOf(error: unknown, isHandedOver: boolean): Exclude<PostOutcome, { kind: 'sent' }> {
  const { code, response, responseCode } = error as Partial<NodemailerError>;
  const text = describeSmtpFailure(error);
  if (responseCode !== undefined && response !== undefined) {
    if (responseCode >= 500) return { kind: 'refused', error: text };
    // 421 closes the door to everybody; other 4xx are about this mail, as greylisting is.
    return { kind: 'unreachable', error: text, isServerDown: responseCode === 421 || code === 'EAUTH' };
  }
  if (isHandedOver) return { kind: 'ambiguous', error: text };
  if (code === 'EENVELOPE' || code === 'EAUTH' || code === 'EMESSAGE') return { kind: 'refused', error: text };
  return { kind: 'unreachable', error: text, isServerDown: true };
}

/** The server's own words, in one line. */
export function describeSmtpFailure(error: unknown): string {
  const { code, response, message } = error as Partial<NodemailerError>;
  const words = (response ?? message ?? String(error)).replace(/\s+/g, ' ').trim().slice(0, 200);
  return code === 'ETLS' ? `the server starts no TLS, and without it the password is not sent (${words})` : words;
}

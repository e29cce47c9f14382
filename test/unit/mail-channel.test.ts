/** Mail against a real mail server: what a mail looks like, and what each way a conversation can end means for a second try. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chatPorts } from '../../connectors/chat-ports.ts';
import { mailServerFault } from '../../connectors/email/check-mail-server.ts';
import type { ChatPort } from '../../services/kernel/chat-port.ts';
import { systemClock } from '../../services/kernel/ports.ts';
import { chatMessage } from '../support/chat-message.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { TEST_CERTIFICATE } from '../support/test-certificate.ts';

let server: MailServer;

beforeEach(async () => {
  server = await startMailServer();
});

afterEach(async () => {
  await server.stop();
});

function port(smtpUrl = server.url): ChatPort {
  const mail = { smtpUrl, from: 'Outturn <alerts@example.com>' };
  return chatPorts({ slack: null, channels: { mail, teams: {}, webhooks: {} }, clock: systemClock });
}

const MESSAGE = chatMessage({ channel: 'mailto:team@example.com' });
const MESSAGE_ID = `<${MESSAGE.figures.id}@example.com>`;

describe('a mail', () => {
  test('has text and HTML without foreign markup, and an id that every try has', async () => {
    const plain = {
      subject: 'R&D <b>: 80 %\r\nBcc: eve@example.com',
      paragraphs: ['R&D <script>alert(1)</script> has spent $40,312.', 'Approved by Grace.'],
    };
    const outcome = await port().post({ ...MESSAGE, plain });
    expect(outcome).toEqual({ kind: 'sent', ts: MESSAGE_ID });
    expect(server.mails).toMatchObject([{ from: 'alerts@example.com', to: ['team@example.com'] }]);
    const [mail] = server.mails;
    expect(mail?.headers.get('message-id')).toBe(MESSAGE_ID);
    expect(mail?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail?.headers.get('subject')).toBe('R&D <b>: 80 % Bcc: eve@example.com');
    expect(mail?.headers.has('bcc')).toBe(false);
    const decoded = (mail?.raw ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '=');
    expect(decoded).toContain('R&D <script>alert(1)</script> has spent $40,312.\r\n\r\nApproved by Grace.');
    expect(decoded).toContain('<strong>R&amp;D &lt;script&gt;alert(1)&lt;/script&gt; has spent $40,312.</strong>');
  });

  test('that answers another names it', async () => {
    await port().post({ ...MESSAGE, threadTs: '<first@example.com>' });
    expect(server.mails[0]?.headers.get('in-reply-to')).toBe('<first@example.com>');
    expect(server.mails[0]?.headers.get('references')).toBe('<first@example.com>');
  });
});

test('a message for one person is a mail where there is no Slack', async () => {
  expect(await port().post({ ...MESSAGE, channel: 'user:ada@example.com' })).toMatchObject({ kind: 'sent' });
  expect(server.mails).toMatchObject([{ to: ['ada@example.com'] }]);
});

describe('what a conversation with the mail server comes to', () => {
  test('a greylisting server is tried again, by itself', async () => {
    server.faults.push({ kind: 'reply', at: 'recipient', code: 450, text: '4.7.1 come back later' });
    const outcome = await port().post(MESSAGE);
    expect(outcome).toEqual({ kind: 'unreachable', error: '450 4.7.1 come back later', isServerDown: false });
  });

  test('a server that closes to everybody holds everybody up', async () => {
    server.faults.push({ kind: 'reply', at: 'recipient', code: 421, text: 'too busy' });
    expect(await port().post(MESSAGE)).toMatchObject({ kind: 'unreachable', isServerDown: true });
  });

  test('an unknown recipient is refused for good', async () => {
    server.faults.push({ kind: 'reply', at: 'recipient', code: 550, text: '5.1.1 no such user' });
    expect(await port().post(MESSAGE)).toEqual({ kind: 'refused', error: '550 5.1.1 no such user' });
  });

  test('a 4xx after the data is a no, to be tried again; a 5xx is final', async () => {
    server.faults.push({ kind: 'reply', at: 'data', code: 452, text: 'no room' });
    expect(await port().post(MESSAGE)).toMatchObject({ kind: 'unreachable', error: '452 no room' });
    server.faults.push({ kind: 'reply', at: 'data', code: 554, text: 'looks like spam' });
    expect(await port().post(MESSAGE)).toEqual({ kind: 'refused', error: '554 looks like spam' });
    expect(server.mails).toEqual([]);
  });

  test('a connection that breaks before the data has sent nothing; after it, nobody knows', async () => {
    server.faults.push({ kind: 'drop-before-data' });
    expect(await port().post(MESSAGE)).toMatchObject({ kind: 'unreachable', isServerDown: true });
    server.faults.push({ kind: 'drop-within-data' });
    expect(await port().post(MESSAGE)).toMatchObject({ kind: 'ambiguous' });
    server.faults.push({ kind: 'accept-then-drop' });
    expect(await port().post(MESSAGE)).toMatchObject({ kind: 'ambiguous' });
    expect(server.mails).toHaveLength(1);
  });

  test('a server that is not there', async () => {
    const gone = await startMailServer();
    await gone.stop();
    expect(await port(gone.url).post(MESSAGE)).toMatchObject({ kind: 'unreachable', isServerDown: true });
  });

  test('a password is asked for and given, or refused', async () => {
    const locked = await startMailServer({ user: 'outturn', password: 'p@ss:word' });
    try {
      expect(await port(locked.url).post(MESSAGE)).toMatchObject({ kind: 'sent' });
      expect(locked.logins()).toBe(1);
      const wrong = locked.url.replace('p%40ss%3Aword', 'wrong');
      expect(await port(wrong).post(MESSAGE)).toMatchObject({ kind: 'refused', error: expect.stringContaining('535') });
    } finally {
      await locked.stop();
    }
  });
});

describe('a password to another machine', () => {
  /** An address of this machine that is not taken for one. */
  const elsewhere = ({ url }: MailServer) => url.replace('127.0.0.1', '0.0.0.0');
  const LOGIN = { user: 'outturn', password: 'p@ss:word' };

  test('goes over TLS that the server is asked to start, under a certificate that is trusted', async () => {
    const locked = await startMailServer({ ...LOGIN, starttls: true });
    const trusted = getCACertificates('default');
    try {
      expect(await port(elsewhere(locked)).post(MESSAGE)).toMatchObject({
        kind: 'unreachable',
        error: expect.stringMatching(/self-signed certificate/),
      });
      expect(locked.logins()).toBe(0);
      setDefaultCACertificates([TEST_CERTIFICATE]);
      expect(await port(elsewhere(locked)).post(MESSAGE)).toMatchObject({ kind: 'sent' });
      expect([locked.logins(), locked.secureLogins(), locked.mails.length]).toEqual([1, 1, 1]);
      expect(await mailServerFault({ smtpUrl: elsewhere(locked), from: 'alerts@example.com' })).toBeNull();
    } finally {
      setDefaultCACertificates(trusted);
      await locked.stop();
    }
  });

  test('is not told to a server that starts none', async () => {
    const open = await startMailServer(LOGIN);
    try {
      const outcome = await port(elsewhere(open)).post(MESSAGE);
      expect(outcome).toMatchObject({ kind: 'refused', error: expect.stringMatching(/^the server starts no TLS/) });
      expect([open.logins(), open.mails.length]).toEqual([0, 0]);
    } finally {
      await open.stop();
    }
  });
});

/** Teams and webhooks against a real receiver: the documented payloads, signatures by the standard's algorithm, and what each answer means. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chatPorts } from '../../connectors/chat-ports.ts';
import { readChannelSettings } from '../../services/kernel/channel-settings.ts';
import type { ChatPort } from '../../services/kernel/chat-port.ts';
import { chatMessage } from '../support/chat-message.ts';
import { type PostReceiver, type ReceiverFault, startPostReceiver, verifiedEvents } from '../support/post-receiver.ts';
import { startTunnelProxy } from '../support/tunnel-proxy.ts';

const NOW = new Date('2026-09-20T09:00:00Z');
const SECRET = `whsec_${Buffer.from('new secret of thirty-two bytes..').toString('base64')}`;
const FORMER = `whsec_${Buffer.from('old secret of thirty-two bytes..').toString('base64')}`;
/** Only where the receiver hangs on purpose. */
const HANG_TIMEOUT_MS = 300;

let receiver: PostReceiver;

beforeEach(async () => {
  receiver = await startPostReceiver({ now: () => NOW });
});

afterEach(async () => {
  await receiver.stop();
});

function port(timeoutMs?: number): ChatPort {
  const channels = {
    teams: { OPS_ROOM: receiver.url },
    webhooks: { PAGER: { url: receiver.url, secrets: [SECRET, FORMER] } },
  };
  const within = timeoutMs === undefined ? {} : { timeoutMs };
  return chatPorts({ slack: null, channels, clock: { now: () => NOW }, ...within });
}

const WEBHOOK = chatMessage({ channel: 'webhook:pager' });
const TEAMS = chatMessage({ channel: 'teams:ops-room', plain: { subject: 's', paragraphs: ['*R&D* <b>', 'More.'] } });

describe('a webhook', () => {
  test('is signed with each active secret, and says figures as decimal texts', async () => {
    const outcome = await port().post(WEBHOOK);
    for (const secret of [SECRET, FORMER]) {
      const [found] = verifiedEvents(receiver.taken, secret);
      expect(outcome).toEqual({ kind: 'sent', ts: found?.id });
      expect(found?.event).toEqual({
        type: 'alert.created',
        timestamp: '2026-09-20T08:00:00.000Z',
        data: {
          messageId: WEBHOOK.figures.id,
          revision: 1,
          answersMessageId: null,
          alerts: [
            {
              alertId: 'a',
              envelopeId: '1',
              scope: { kind: 'pod', id: 'checkout' },
              period: '2026-Q4',
              rung: '0.8',
              episode: 1,
              episodeState: 'open',
              reason: 'spend',
              actual: '40312.1',
              limit: '50000',
              currency: 'USD',
            },
          ],
          text: 'x',
        },
      });
    }
    const other = `whsec_${Buffer.from('no secret of thirty-two bytes...').toString('base64')}`;
    expect(() => verifiedEvents(receiver.taken, other)).toThrow('no signature is right');
  });

  test('has one id over its tries, and another for what it says later', async () => {
    receiver.faults.push({ kind: 'accept-then-reset' });
    expect(await port().post(WEBHOOK)).toMatchObject({ kind: 'unreachable' });
    await port().post(WEBHOOK);
    await port().edit({ ...WEBHOOK, figures: { ...WEBHOOK.figures, revision: 2 }, ts: '' });
    expect(receiver.taken).toHaveLength(3);
    const events = verifiedEvents(receiver.taken, SECRET);
    expect(events.map(({ event }) => event['type'])).toEqual(['alert.created', 'alert.updated']);
    expect(events.map(({ id }) => id)).toEqual([`msg_${WEBHOOK.figures.id}_1`, `msg_${WEBHOOK.figures.id}_2`]);
  });

  test.each<[string, ReceiverFault, object]>([
    [
      'a busy receiver',
      { kind: 'answer', status: 429, headers: { 'retry-after': '30' } },
      { kind: 'rate-limited', retryAfterMs: 30_000 },
    ],
    [
      'a busy receiver that names a date',
      {
        kind: 'answer',
        status: 503,
        headers: { date: 'Sun, 20 Sep 2026 09:00:00 GMT', 'retry-after': 'Sun, 20 Sep 2026 09:02:00 GMT' },
      },
      { kind: 'rate-limited', retryAfterMs: 120_000 },
    ],
    ['a broken receiver', { kind: 'answer', status: 500 }, { kind: 'unreachable', error: 'HTTP 500' }],
    ['a receiver that is gone', { kind: 'answer', status: 410 }, { kind: 'refused', error: 'HTTP 410' }],
    [
      'one that sends it elsewhere',
      { kind: 'answer', status: 307, headers: { location: 'http://127.0.0.1:9/' } },
      { kind: 'refused', error: 'HTTP 307: it redirects' },
    ],
    ['a connection that breaks', { kind: 'reset' }, { kind: 'unreachable' }],
  ])('%s', async (_name, fault, expected) => {
    receiver.faults.push(fault);
    expect(await port().post(WEBHOOK)).toMatchObject(expected);
    expect(receiver.requests()).toBe(1);
  });

  test('that is not answered in time is simply tried again', async () => {
    receiver.faults.push({ kind: 'accept-then-hang' });
    expect(await port(HANG_TIMEOUT_MS).post(WEBHOOK)).toMatchObject({ kind: 'unreachable' });
  });
});

describe('Teams', () => {
  test('gets the documented payload, with text that cannot become markup', async () => {
    expect(await port().post(TEAMS)).toEqual({ kind: 'sent', ts: TEAMS.figures.id });
    expect(JSON.parse(receiver.taken[0]?.body ?? '')).toEqual({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: {
            $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
            type: 'AdaptiveCard',
            version: '1.4',
            fallbackText: '*R&D* <b> More.',
            body: [
              { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: '*R&D* <b>', weight: 'Bolder' }] },
              { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'More.', weight: 'Default' }] },
            ],
            msteams: { width: 'Full' },
          },
        },
      ],
    });
  });

  test.each<[string, ReceiverFault, object]>([
    [
      'throttling is waited out',
      { kind: 'answer', status: 429, headers: { 'retry-after': '7' } },
      { kind: 'rate-limited', retryAfterMs: 7_000 },
    ],
    [
      'a gateway that gave up leaves it open',
      { kind: 'answer', status: 504 },
      { kind: 'ambiguous', error: 'HTTP 504' },
    ],
    ['so does a broken connection', { kind: 'accept-then-reset' }, { kind: 'ambiguous' }],
    ['a workflow that was deleted refuses', { kind: 'answer', status: 404 }, { kind: 'refused', error: 'HTTP 404' }],
  ])('%s', async (_name, fault, expected) => {
    receiver.faults.push(fault);
    expect(await port().post(TEAMS)).toMatchObject(expected);
  });
});

describe('a proxy', () => {
  test('leads to receivers elsewhere; those on this machine are gone to past it', async () => {
    const proxy = await startTunnelProxy(Number(new URL(receiver.url).port));
    try {
      for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, proxy.url);
      expect(await port().post(WEBHOOK)).toMatchObject({ kind: 'sent' });
      expect(proxy.asked).toEqual([]);
      const webhooks = { PAGER: { url: 'http://pager.invalid/hook', secrets: [SECRET] } };
      const elsewhere = chatPorts({ slack: null, channels: { teams: {}, webhooks }, clock: { now: () => NOW } });
      expect(await elsewhere.post(WEBHOOK)).toMatchObject({ kind: 'sent' });
      expect(proxy.asked).toEqual(['pager.invalid']);
    } finally {
      vi.unstubAllEnvs();
      await proxy.stop();
    }
  });
});

describe('settings of channels', () => {
  test('are read by name, and a wrong one is named without its value', () => {
    const faults: string[] = [];
    const read = readChannelSettings(
      {
        OUTTURN_TEAMS_OPS_ROOM: 'https://example.com/workflows/1?sig=x',
        OUTTURN_WEBHOOK_PAGER_URL: 'http://10.0.0.7/hook',
        OUTTURN_WEBHOOK_PAGER_SECRET: `${SECRET} ${FORMER}`,
        SMTP_URL: 'smtp://mail.example.com',
        MAIL_FROM: 'Outturn <alerts@example.com>',
      },
      faults,
    );
    expect(faults).toEqual([]);
    expect(read).toEqual({
      mail: { smtpUrl: 'smtp://mail.example.com', from: 'Outturn <alerts@example.com>' },
      teams: { OPS_ROOM: 'https://example.com/workflows/1?sig=x' },
      webhooks: { PAGER: { url: 'http://10.0.0.7/hook', secrets: [SECRET, FORMER] } },
    });
    const wrong = {
      OUTTURN_WEBHOOK_A_URL: 'ftp://x',
      OUTTURN_WEBHOOK_B_URL: 'https://x',
      OUTTURN_WEBHOOK_B_SECRET: 'geheim',
    };
    readChannelSettings({ ...wrong, OUTTURN_WEBHOOK_C_URL: 'https://x', SMTP_URL: 'mail.example.com' }, faults);
    expect(faults).toHaveLength(5);
    expect(faults.join(' ')).not.toContain('geheim');
  });

  test('what is not set up says so, by the name of the setting', () => {
    const can = (channel: string) => port().can(channel);
    expect(can('teams:finance')).toEqual({ missing: 'OUTTURN_TEAMS_FINANCE is not set' });
    expect(can('webhook:x')).toEqual({ missing: 'OUTTURN_WEBHOOK_X_URL is not set' });
    expect(can('mailto:a@example.com')).toEqual({ missing: 'SMTP_URL is not set' });
    expect(can('C0123ABCDEF')).toEqual({ missing: 'SLACK_BOT_TOKEN is not set' });
    expect(can('user:ada@example.com')).toEqual({ missing: 'SLACK_BOT_TOKEN is not set, nor is SMTP_URL' });
  });
});

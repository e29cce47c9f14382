/** The doctor's word on channels: what the organisation names and nobody set up, a mail server that lets us in or not, and what is stuck. */
import { describe, expect } from 'vitest';
import { checkChannels } from '../../cli/channel-checks.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import { test } from '../support/database.ts';
import { addMessage, addPod } from '../support/envelope-builders.ts';
import { startMailServer } from '../support/mail-server.ts';

describe('the doctor', () => {
  test('names what is not set up, asks the mail server, sends nothing, and counts what is stuck', async ({
    database,
  }) => {
    const { db } = database;
    await db.updateTable('organisation').set({ finance_channel: 'mailto:finance@example.com' }).execute();
    await addPod(db, { id: 'checkout', slackChannel: 'teams:ops-room' });
    await addPod(db, { id: 'search', slackChannel: 'webhook:pager' });
    const check = (environment: Record<string, string>) =>
      checkChannels({ db, settings: readSettings(environment, '/tmp') });
    expect(await check({})).toEqual([
      {
        subject: 'mail',
        state: 'wrong',
        message: 'SMTP_URL is not set, and mail goes to channels.finance. Set SMTP_URL and MAIL_FROM.',
      },
      {
        subject: 'teams:ops-room',
        state: 'wrong',
        message:
          'OUTTURN_TEAMS_OPS_ROOM is not set, and alerts of pod checkout go there. Set it, or name another channel.',
      },
      {
        subject: 'webhook:pager',
        state: 'wrong',
        message:
          'OUTTURN_WEBHOOK_PAGER_URL is not set, and alerts of pod search go there. Set it, or name another channel.',
      },
    ]);

    const server = await startMailServer({ user: 'outturn', password: 'right' });
    try {
      const MAIL_FROM = 'alerts@example.com';
      const host = new URL(server.url).host;
      expect((await check({ SMTP_URL: server.url, MAIL_FROM }))[0]).toEqual({
        subject: 'mail',
        state: 'ok',
        message: `${host} lets us in; nothing was sent`,
      });
      const [refused] = await check({ SMTP_URL: server.url.replace('right', 'wrong'), MAIL_FROM });
      expect(refused).toMatchObject({
        state: 'wrong',
        message: expect.stringMatching(/ does not let us in: 535 .*Correct SMTP_URL\.$/),
      });
      expect(server.mails).toEqual([]);
    } finally {
      await server.stop();
    }

    const id = await addMessage(db, { pod: 'checkout', text: 'x', at: '2026-09-20T08:00:00Z' });
    await db.updateTable('message').set({ state: 'failed', next_attempt_at: null }).where('id', '=', id).execute();
    expect((await check({})).at(-1)).toMatchObject({
      subject: 'outbox',
      state: 'note',
      message: expect.stringContaining('1 failed, 0 unknown'),
    });
  });
});

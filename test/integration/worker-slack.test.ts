/**
 * From a bill to a message in Slack with the real processes: commands publish, a worker delivers to a Slack double on loopback. A pod
 * that crosses 80 % is told of exactly once, however often bills come in after that.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { addDays, monthOf, utcDate } from '../../services/kernel/period.ts';
import { billLine, csvOf } from '../support/billing.ts';
import { makeWorkplace } from '../support/command-line.ts';
import { test } from '../support/database.ts';
import { startSlackDouble } from '../support/slack-double.ts';

const SOON = { timeout: 60_000, interval: 100 };
/** Alerts speak about the present only, so the bill ends yesterday. */
const YESTERDAY = addDays(utcDate(new Date()), -1);
const MONTH = monthOf(YESTERDAY);

const ORGANISATION = `organisation: Acme
pods:
  - { id: checkout, name: Checkout, slackChannel: C0CHECKOUT }
envelopes:
  - scope: { pod: checkout }
    period: ${MONTH.id}
    limit: "100.00"
    currency: USD
    approvedBy: grace@example.com
    approvedAt: ${MONTH.start}
rules:
  - { id: pod-tag, when: { tag: { pod: { exists: true } } }, podFromTag: pod }
sources:
  - { id: drop, kind: focus-files, path: bills/ }
`;

function billOf(effectiveCost: string): string {
  return csvOf([
    billLine({
      EffectiveCost: effectiveCost,
      BillingPeriodStart: `${MONTH.start}T00:00:00Z`,
      BillingPeriodEnd: `${MONTH.end}T00:00:00Z`,
      ChargePeriodStart: `${YESTERDAY}T00:00:00Z`,
      ChargePeriodEnd: `${addDays(YESTERDAY, 1)}T00:00:00Z`,
    }),
  ]);
}

test('a pod that crosses 80 % of its envelope is told of once', { timeout: 180_000 }, async ({ database }) => {
  const slack = await startSlackDouble();
  onTestFinished(slack.stop);
  slack.channels.set('C0CHECKOUT', 'open');
  const workplace = await makeWorkplace({
    DATABASE_URL: database.url,
    SLACK_API_URL: slack.url,
    SLACK_BOT_TOKEN: slack.token,
    LOG_LEVEL: 'info',
  });
  onTestFinished(workplace.remove);
  const bill = join(workplace.folder, 'bills', 'bill.csv');
  await mkdir(join(workplace.folder, 'bills'));
  await writeFile(join(workplace.folder, 'outturn.yaml'), ORGANISATION);
  await writeFile(bill, billOf('79.999999999999'));
  expect(await workplace.run('migrate')).toMatchObject({ exitCode: 0 });
  expect(await workplace.run('apply')).toMatchObject({ exitCode: 0 });
  expect(await workplace.json('ingest', bill, '--source', 'drop')).toMatchObject({ loads: [{ state: 'published' }] });
  expect(await workplace.json('alerts')).toEqual([]);

  const worker = workplace.start({}, 'worker');
  await expect.poll(() => worker.logs().map((line) => line['msg']), SOON).toContain('worker started');
  await writeFile(bill, billOf('85.25'));
  expect(await workplace.json('ingest')).toEqual({ queued: ['drop'], loads: [] });
  await expect.poll(() => slack.messages.length, SOON).toBe(1);
  expect(slack.messages[0]).toMatchObject({ channel: 'C0CHECKOUT', text: expect.stringContaining('Checkout') });
  expect(slack.messages[0]?.text).toContain('85');

  await writeFile(bill, billOf('90'));
  expect(await workplace.json('ingest', bill, '--source', 'drop')).toMatchObject({ loads: [{ unchanged: false }] });
  expect(await workplace.json('ingest', bill, '--source', 'drop')).toMatchObject({ loads: [{ unchanged: true }] });
  expect(await workplace.json('envelopes')).toMatchObject([
    { actual: '90', used: '0.9000', state: 'near', rung: '0.8' },
  ]);
  // The outbox holds no second message, so none can follow.
  expect(await workplace.json('alerts')).toMatchObject([
    {
      scope: { kind: 'pod', id: 'checkout' },
      rung: '0.8',
      state: 'sent',
      actual: '85.25',
      slackTs: slack.messages[0]?.ts,
    },
  ]);
  expect(await worker.end('SIGTERM')).toMatchObject({ exitCode: 0 });
  expect(slack.messages).toHaveLength(1);
});

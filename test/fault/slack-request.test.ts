/** Kills the process that answers Slack before its answer, and the one that does what was asked after the act: it is done once, and told once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect } from 'vitest';
import { test } from '../support/database.ts';
import { addEnvelope, addLoad, addPod, setCost } from '../support/envelope-builders.ts';
import { type SlackStep, takeSlackStep } from '../support/slack-step.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';
import type { SlackEvent } from '../../connectors/slack/slack-event.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import type { FaultPoint } from '../../services/kernel/fault-point.ts';

const START = '2026-09-03T08:00:00Z';
/** When the claim of a killed process has run out. */
const LATER = '2026-09-03T08:02:00Z';

let slack: SlackDouble;
beforeEach(async () => {
  slack = await startSlackDouble();
  slack.people.people.push({ userId: 'UADA', email: 'ada@example.com' });
});
afterEach(async () => {
  await slack.stop();
});

test('a press whose process is killed before its answer and after its act is acknowledged once', async ({
  database,
}) => {
  const { db, url } = database;
  await addPod(db, { id: 'checkout', slackChannel: 'C0CHECKOUT' });
  await sql`update pod set owner_email = 'ada@example.com'`.execute(db);
  await addEnvelope(db, { scope: { kind: 'pod', id: 'checkout' }, period: '2026-09', limit: '10000' });
  await setCost(db, { date: '2026-09-01', pod: 'checkout', amount: '10100' });
  const loadId = await addLoad(db, { billingPeriod: '2026-09', throughDay: '2026-09-02', publishedAt: START });
  await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: new Date(START), cause: 'load', loadId }));
  const alert = await db.selectFrom('alert').select('id').executeTakeFirstOrThrow();
  const press: SlackEvent = {
    kind: 'action',
    actor: { teamId: 'T1', userId: 'UADA' },
    actionId: 'outturn_acknowledge',
    actionTs: '1.1',
    value: alert.id,
    triggerId: '',
    responseUrl: slack.people.issueResponseUrl(),
    channel: 'C0CHECKOUT',
  };
  const step = (instant: string, event: SlackEvent | null) => ({
    slackUrl: slack.url,
    token: slack.token,
    instant,
    event,
  });

  await killAt('slack-after-keep', url, step(START, press));
  // Slack had no answer: it delivers the press again.
  await takeSlackStep(db, step(START, press));
  await killAt('slack-after-act', url, step(START, null));
  for (const instant of [START, LATER]) await takeSlackStep(db, step(instant, null));

  const { rows } = await sql`select principal, at::text from audit_event where action = 'acknowledge-alert'`.execute(
    db,
  );
  expect(rows).toEqual([{ principal: 'ada@example.com', at: '2026-09-03 08:00:00+00' }]);
  const requests = await db.selectFrom('slack_request').select(['attempts', 'error']).execute();
  expect([requests, slack.people.told]).toEqual([[{ attempts: 2, error: null }], []]);
});

/** Takes the step in a process of its own, which dies there. */
async function killAt(fault: FaultPoint, databaseUrl: string, step: SlackStep): Promise<void> {
  const program = fileURLToPath(new URL('./slack-request-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, databaseUrl, JSON.stringify(step)], {
    env: { ...process.env, OUTTURN_FAULT: fault },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
}

/**
 * A quarter of 200 pods, a load a day with restatements: thirty pods cross, five of them are raised, three others lowered, and whatever works is
 * killed a hundred times, before it commits, around a send, around a rewriting, by SIGKILL and otherwise. Every channel shows exactly what it should, each once;
 * and only the ten pods that drift are found to. The costs, the limits and what must be told come from test/support/simulated-quarter.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { expect, onTestFinished } from 'vitest';
import { chatPorts } from '../../connectors/chat-ports.ts';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { acknowledgeAlert } from '../../services/alerts/act-on-alert.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { nextDueAt } from '../../services/alerts/outbox.ts';
import { readPrecision } from '../../services/alerts/precision.ts';
import { judgeDrift } from '../../services/drift/judge-drift.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { passTime } from '../../services/envelopes/pass-time.ts';
import type { ChatPort } from '../../services/kernel/chat-port.ts';
import { decimal, ratio } from '../../services/kernel/decimal.ts';
import type { FaultPoint } from '../../services/kernel/fault-point.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope, addLoad, movableClock } from '../support/envelope-builders.ts';
import {
  dayOf,
  HISTORY_DAYS,
  limitAt,
  money,
  QUARTER,
  type SimulatedPod,
  simulateQuarter,
  spentAt,
} from '../support/simulated-quarter.ts';
import { startSlackDouble } from '../support/slack-double.ts';

const SEED = 20_260_701;
const KILLS = { evaluations: 30, deliveries: 50, processes: 20 } as const;
/** From the load on by which enough is delivered to be killed. */
const KILLS_FROM = 58;
const NO_CHANNELS = { smtp: null, teams: {}, webhooks: {}, proxy: null };
/** Where the next thing that is due can be killed, by what it is: to be sent, to be looked for, to be rewritten. */
const POINTS: Readonly<Record<string, readonly FaultPoint[]>> = {
  pending: ['deliver-before-claim', 'deliver-after-claim', 'deliver-after-send', 'deliver-after-record'],
  unknown: ['deliver-before-claim', 'deliver-after-claim', 'deliver-after-lookup'],
  sent: ['deliver-before-claim', 'deliver-after-claim', 'deliver-after-edit'],
};

class Killed extends Error {}

test('a quarter of 200 pods is told exactly once, whatever is killed', { timeout: 600_000 }, async ({ database }) => {
  const { db } = database;
  const { pods, random } = simulateQuarter(SEED);
  const clock = movableClock('2026-07-01T06:00:00Z');
  const slack = await startSlackDouble({ now: () => clock.now() });
  onTestFinished(() => slack.stop());
  for (const { channel } of pods) slack.channels.set(channel, 'open');
  const port = slackSender({ botToken: slack.token, apiUrl: slack.url });
  const whole = chatPorts({ slack: port, channels: NO_CHANNELS, clock });
  const wait = async (milliseconds: number) => clock.move(milliseconds);
  const kills = { evaluations: 0, deliveries: 0, processes: 0 };
  const found = new Map<string, number>();
  await setUp(database, pods);

  const evaluate = async (loadId: string | null, dies: boolean) => {
    const done = db.transaction().execute(async (trx) => {
      const at = clock.now();
      await evaluateEnvelopes(trx, {
        at,
        cause: loadId === null ? 'envelope' : 'load',
        ...(loadId === null ? {} : { loadId }),
      });
      await passTime(trx, at);
      if (dies) throw new Killed();
    });
    if (!dies) return done;
    await expect(done).rejects.toThrow(Killed);
    kills.evaluations += 1;
  };
  const deliver = (sender: ChatPort) => deliverDueAlerts(db, { sender, clock, logger: silentLogger, wait });
  const isDue = async () => {
    const due = await nextDueAt(db, []);
    return due !== null && due <= clock.now();
  };
  const killWhileDelivering = async () => {
    if (kills.processes < KILLS.processes && random() < 0.3) {
      const points = POINTS[await readNextState(database, clock.now())] ?? [];
      const point = points[Math.floor(random() * points.length)] ?? 'deliver-after-claim';
      if ((await runProcess({ database, slack, point, instant: clock.now() })) === 'SIGKILL') kills.processes += 1;
    } else if (kills.deliveries < KILLS.deliveries) {
      await expect(deliver(dying(whole, random()))).rejects.toThrow(Killed);
      kills.deliveries += 1;
    }
    // Past any claim, so that the next run may take over.
    clock.move(61_000);
  };
  const toTheEnd = async () => {
    for (let run = 0; run < 8; run += 1) {
      await deliver(whole);
      const due = await nextDueAt(db, []);
      if (due === null) return;
      clock.set(new Date(Math.max(due.getTime(), clock.now().getTime() + 1)).toISOString());
    }
    throw new Error('delivery does not come to its end');
  };

  for (let load = 0; load <= QUARTER.days; load += 1) {
    clock.set(`${dayOf(load + 1)}T06:00:00Z`);
    await storeBill(database, pods, load);
    const throughDay = dayOf(load);
    const publishedAt = clock.now().toISOString();
    const loadId = await addLoad(db, { billingPeriod: throughDay.slice(0, 7), throughDay, publishedAt });
    if (kills.evaluations < KILLS.evaluations && random() < 0.5) await evaluate(loadId, true);
    // As autovacuum does of a database that lives longer: without, every plan is one for ten rows.
    if (load === 0) await sql`analyze`.execute(db);
    await evaluate(loadId, false);
    if (await setLimits(database, pods, load, clock.now())) await evaluate(null, false);
    const look = await db.transaction().execute((trx) => judgeDrift(trx, clock.now()));
    if (look.found > 0) for (const id of await readDrifting(database)) if (!found.has(id)) found.set(id, load);
    const share = Math.min(1, Math.max(0, (load - KILLS_FROM) / (QUARTER.days - 4 - KILLS_FROM)));
    const due = Math.ceil((KILLS.deliveries + KILLS.processes) * share);
    for (let tries = 0; tries < 12 && kills.deliveries + kills.processes < due && (await isDue()); tries += 1) {
      await killWhileDelivering();
    }
    await toTheEnd();
    await acknowledge(database, pods, clock.now());
  }
  await toTheEnd();

  expect(kills).toEqual(KILLS);
  const shown = Map.groupBy(slack.messages, ({ channel }) => channel);
  const seen = pods.map(({ id, channel }) => {
    const messages = shown.get(channel) ?? [];
    const posts = messages.filter(({ threadTs }) => threadTs === null);
    return { id, posts: posts.length, replies: messages.length - posts.length };
  });
  expect(seen).toEqual(pods.map(({ id, posts, replies }) => ({ id, posts, replies })));
  expect(slack.messages).toHaveLength(pods.reduce((sum, pod) => sum + pod.posts + pod.replies, 0));
  expect([...shown.keys()].every((channel) => pods.some((pod) => pod.channel === channel))).toBe(true);
  const { rows: states } = await sql`select state, count(*)::int as messages from message group by 1`.execute(db);
  expect(states).toEqual([{ state: 'sent', messages: slack.messages.length }]);
  // Whatever stands there says how it ended.
  for (const { text, threadTs } of slack.messages)
    if (threadTs === null) expect(text).toMatch(/^(Cleared, now|Closed at) /);

  // Drift: found on the day it shows, within eleven weeks, and in none of the others.
  const drifting = pods.filter((pod) => pod.isDrifting).map(({ id }) => id);
  expect([...found.keys()].filter((id) => stable(pods, id))).toEqual([]);
  expect([...found.keys()].sort()).toEqual(expect.arrayContaining(drifting));
  for (const id of drifting) expect(found.get(id), id).toBeLessThanOrEqual(11 * 7);

  const told = await readPrecision(db, parsePeriod(QUARTER.id));
  const compared = compare(pods, told.crossings);
  console.log(
    `Simulated quarter, seed ${SEED}: ${told.sent} messages for ${told.crossings} crossings; elsewhere ${JSON.stringify(compared)}`,
  );
  // As docs/quiet.md says.
  expect(compared).toEqual({
    everyTwelveHours: { messages: 994, perCrossing: '23.1' },
    threeThresholdsAMonth: { messages: 695, perCrossing: '16.2' },
  });
  expect(told).toMatchObject({
    sent: 43,
    crossings: 43,
    messagesPerCrossing: '1.0000',
    escalated: 5,
    failed: 0,
    waiting: 0,
  });
});

/** Dies at a call of the channel: before it is made, or after it was answered. */
function dying(port: ChatPort, chance: number): ChatPort {
  const call =
    <Asked, Answer>(work: (asked: Asked) => Promise<Answer>) =>
    async (asked: Asked): Promise<Answer> => {
      if (chance >= 0.4) await work(asked);
      throw new Killed();
    };
  return { ...port, post: call(port.post), edit: call(port.edit), findPosted: call(port.findPosted) };
}

async function runProcess(given: {
  database: TestDatabase;
  slack: { url: string; token: string };
  point: FaultPoint;
  instant: Date;
}): Promise<NodeJS.Signals | null> {
  const program = fileURLToPath(new URL('./deliver-alert-process.ts', import.meta.url));
  const { database, slack, point, instant } = given;
  const parameters = [database.url, slack.url, slack.token, instant.toISOString(), JSON.stringify(NO_CHANNELS)];
  const child = spawn(process.execPath, [program, ...parameters], {
    env: { ...process.env, OUTTURN_FAULT: point },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 30_000,
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal;
}

/** How the message stands that a delivery would take next. */
async function readNextState({ db }: TestDatabase, at: Date): Promise<string> {
  const { rows } = await sql<{ state: string }>`
    select message.state from message left join message as answered on answered.id = message.reply_to_message_id
    where (message.state in ('pending', 'unknown') and (answered.id is null or answered.state = 'sent')
      or message.state = 'sent' and message.delivered_revision < message.revision)
      and message.next_attempt_at <= ${at.toISOString()} and (message.claimed_until is null or message.claimed_until <= ${at.toISOString()})
    order by message.next_attempt_at, message.created_at, message.id limit 1
  `.execute(db);
  return rows[0]?.state ?? 'pending';
}

async function setUp(database: TestDatabase, pods: readonly SimulatedPod[]): Promise<void> {
  const { db } = database;
  await sql`update organisation set holidays = '{}', finance_channel = null`.execute(db);
  await sql`insert into pod (id, name, kind, slack_channel, owner_email)
    select id, id, 'delivery', channel, id || '@example.com'
    from jsonb_to_recordset(${JSON.stringify(pods.map(({ id, channel }) => ({ id, channel })))}::jsonb) as pod (id text, channel text)`.execute(
    db,
  );
  for (const pod of pods) {
    await addEnvelope(db, {
      scope: { kind: 'pod', id: pod.id },
      period: QUARTER.id,
      limit: money(limitAt(pod, 0)),
      approvedOn: QUARTER.start,
    });
  }
  await sql`update envelope_version set created_at = ${`${QUARTER.start}T00:00:00Z`}`.execute(db);
  await sql`insert into pod_month select month, pod.id, 'direct', 'USD', 1, 1, 1, 1
    from pod cross join unnest('{2026-07-01,2026-08-01,2026-09-01}'::date[]) as month (month)`.execute(db);
}

/** What the load says of the days that it says anew: all of them, where an old one was restated. */
async function storeBill({ db }: TestDatabase, pods: readonly SimulatedPod[], load: number): Promise<void> {
  const rows = pods.flatMap(({ id, known }) => {
    const days = known[load] ?? known.at(-1) ?? [];
    const former = known[load - 1] ?? [];
    return days.flatMap((cents, index) =>
      former[index] === cents ? [] : [{ id, day: dayOf(index - HISTORY_DAYS), amount: money(cents) }],
    );
  });
  await sql`
    insert into pod_day (charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
    select day, id, 'direct', 'USD', amount, amount, amount, amount
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as bill (id text, day date, amount numeric)
    on conflict on constraint pod_day_key do update set billed_cost = excluded.billed_cost, effective_cost = excluded.effective_cost
  `.execute(db);
}

/** New versions from this load on; true where there are any. */
async function setLimits(
  { db }: TestDatabase,
  pods: readonly SimulatedPod[],
  load: number,
  at: Date,
): Promise<boolean> {
  const changed = pods.filter(({ limits }) => load > 0 && limits.some(({ fromLoad }) => fromLoad === load));
  for (const pod of changed) {
    const envelopeId = await addEnvelope(db, {
      scope: { kind: 'pod', id: pod.id },
      period: QUARTER.id,
      limit: money(limitAt(pod, load)),
      approvedOn: at.toISOString().slice(0, 10),
    });
    await sql`update envelope_version set created_at = ${at.toISOString()} where envelope_id = ${envelopeId} and version > 1`.execute(
      db,
    );
  }
  return changed.length > 0;
}

/** Those who answer do so at once. */
async function acknowledge({ db }: TestDatabase, pods: readonly SimulatedPod[], at: Date): Promise<void> {
  const { rows } = await sql<{ id: string; pod_id: string }>`
    select alert.id, envelope.scope_id as pod_id from alert
    join envelope on envelope.id = alert.envelope_id join envelope_state on envelope_state.envelope_id = envelope.id
    where alert.episode_state = 'open' and alert.rung = envelope_state.spoken_rung
      and alert.rung is distinct from envelope_state.acknowledged_rung
  `.execute(db);
  for (const { id, pod_id: podId } of rows) {
    if (pods.find((pod) => pod.id === podId)?.acknowledgedAfter === null) continue;
    await acknowledgeAlert(db, {
      alertId: id,
      principal: { id: `${podId}@example.com`, role: 'pod', pods: [podId] },
      via: 'slack',
      at,
    });
  }
}

async function readDrifting({ db }: TestDatabase): Promise<string[]> {
  const rows = await db.selectFrom('drift').select('pod_id').execute();
  return rows.map((row) => row.pod_id);
}

/** The fifty that do nothing but cost, with their weekends and their noise. */
function stable(pods: readonly SimulatedPod[], id: string): boolean {
  const number = pods.findIndex((pod) => pod.id === id);
  return number >= 50 && number < 100;
}

/** What others would have sent for the same costs and limits, per crossing. */
function compare(pods: readonly SimulatedPod[], crossings: number) {
  let again = 0;
  let thresholds = 0;
  for (const pod of pods) {
    for (let load = 0; load < QUARTER.days; load += 1) {
      if (spentAt(pod, load) * 10 >= limitAt(pod, load) * 8) again += 2;
    }
    for (const [first, last] of [
      [0, 30],
      [31, 61],
      [62, 91],
    ] as const) {
      const spent = spentAt(pod, last) - (first === 0 ? 0 : spentAt(pod, first - 1));
      const limit = limitAt(pod, last);
      thresholds += [50, 80, 100].filter((rung) => spent * 300 >= limit * rung).length;
    }
  }
  const per = (messages: number) => ratio(decimal(String(messages)), decimal(String(crossings)), 1);
  return {
    everyTwelveHours: { messages: again, perCrossing: per(again) },
    threeThresholdsAMonth: { messages: thresholds, perCrossing: per(thresholds) },
  };
}

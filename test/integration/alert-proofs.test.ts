/**
 * What an envelope promises, as its channel shows it: bills of days and of years, restatements, limits and rates, each through the evaluation, the outbox
 * and a double of Slack that holds everything to Slack's rules. Each proof is what happened and how many posts there are to see.
 */
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { slackSender } from '../../connectors/slack/post-message.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { silentLogger } from '../../services/kernel/ports.ts';
import { type TestDatabase, test } from '../support/database.ts';
import {
  addEnvelope,
  addLoad,
  addPod,
  type MovableClock,
  movableClock,
  publishSpend,
  setCost,
} from '../support/envelope-builders.ts';
import { type SlackDouble, startSlackDouble } from '../support/slack-double.ts';

const CHECKOUT = { kind: 'pod', id: 'checkout' } as const;
const DAY_MS = 86_400_000;

let clock: MovableClock;
let slack: SlackDouble;

beforeEach(async ({ database: { db } }: { database: TestDatabase }) => {
  clock = movableClock('2026-09-02T06:00:00Z');
  slack = await startSlackDouble({ now: () => clock.now() });
  slack.channels.set('C0CHECKOUT', 'open');
  await sql`truncate alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, pod_day, pod_cost, shared_cost,
    fx_rate, conversion_rate, pod, load restart identity cascade`.execute(db);
  await sql`delete from source where id <> 'files'`.execute(db);
  await addPod(db, { id: 'checkout', name: 'Checkout', slackChannel: 'C0CHECKOUT' });
});
afterEach(async () => {
  await slack.stop();
});

interface Bill {
  /** The bill of this day of September arrives the morning after. */
  readonly day: number;
  /** What the pod has spent by then, per cent of its limit. */
  readonly used: number;
  /** How often the same bill is looked at. */
  readonly times?: number;
  readonly limit?: string;
  readonly sourceId?: string;
}

async function live({ db }: TestDatabase, bills: readonly Bill[]): Promise<string[]> {
  for (const { day, used, times = 1, limit, sourceId } of bills) {
    if (limit !== undefined) await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit, method: 'granted' });
    const arrived = { clock, day: `2026-09-${String(day).padStart(2, '0')}`, total: String(used) };
    const loadId = await publishSpend(db, sourceId === undefined ? arrived : { ...arrived, sourceId });
    const cause = limit === undefined ? ({ cause: 'load', loadId } as const) : ({ cause: 'envelope' } as const);
    for (let time = 0; time < times; time += 1) {
      await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: clock.now(), ...cause }));
    }
    await deliver(db);
  }
  return slack.messages.map(({ text }) => text);
}

const deliver = (db: TestDatabase['db']) =>
  deliverDueAlerts(db, {
    sender: slackSender({ botToken: slack.token, apiUrl: slack.url }),
    clock,
    logger: silentLogger,
    wait: async (milliseconds) => clock.move(milliseconds),
  });

const PROOFS: readonly { fact: string; bills: readonly Bill[]; posts: number }[] = [
  { fact: 'one bill looked at again and again', bills: [{ day: 3, used: 81, times: 10 }], posts: 1 },
  {
    fact: '79 % and 81 % by turns',
    bills: [81, 79, 81, 79, 81, 79].map((used, index) => ({ day: index + 2, used })),
    posts: 1,
  },
  {
    fact: 'a jump from 10 % to 130 %',
    bills: [
      { day: 2, used: 10 },
      { day: 3, used: 130 },
    ],
    posts: 1,
  },
  {
    fact: 'a limit that was raised and is neared again',
    bills: [
      { day: 2, used: 85 },
      { day: 3, used: 85, limit: '140' },
      { day: 4, used: 115 },
    ],
    posts: 2,
  },
  {
    fact: 'a bill restated down and up with one look between',
    bills: [
      { day: 2, used: 85 },
      { day: 3, used: 60 },
      { day: 4, used: 85 },
    ],
    posts: 1,
  },
  {
    fact: 'a bill restated down and up with two looks between',
    bills: [
      { day: 2, used: 85 },
      { day: 3, used: 60 },
      { day: 4, used: 60 },
      { day: 5, used: 85 },
    ],
    posts: 2,
  },
  {
    fact: 'a limit lowered below what was spent',
    bills: [
      { day: 2, used: 60 },
      { day: 3, used: 60, limit: '50' },
    ],
    posts: 1,
  },
];

describe('to be seen in the channel', () => {
  test.for(PROOFS)('$fact: $posts', async ({ bills, posts }, { database }) => {
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    expect(await live(database, bills)).toHaveLength(posts);
  });

  test('nothing, where months that are over are backfilled', async ({ database: { db } }) => {
    for (const period of ['2026-05', '2026-06', '2026-07']) {
      await addEnvelope(db, { scope: CHECKOUT, period, limit: '100' });
      await setCost(db, { date: `${period}-01`, pod: 'checkout', amount: '160' });
    }
    const loadId = await addLoad(db, {
      billingPeriod: '2026-07',
      throughDay: '2026-09-01',
      publishedAt: clock.now().toISOString(),
    });
    await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: clock.now(), cause: 'load', loadId }));
    await deliver(db);
    expect(slack.messages).toEqual([]);
  });

  test('one that says "at least", where one cloud is a day late and another brings 130 %', async ({ database }) => {
    const { db } = database;
    await sql`insert into source (id, kind, expect_every) values ('aws', 'focus-files', 'P1D'), ('azure', 'focus-files', 'P1D')`.execute(
      db,
    );
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    const texts = await live(database, [
      { day: 14, used: 20, sourceId: 'azure' },
      { day: 15, used: 130, sourceId: 'aws' },
    ]);
    expect(texts).toEqual([expect.stringContaining('has spent at least $130.00')]);
  });

  test('nothing, where a rate doubles', async ({ database }) => {
    const { db } = database;
    await sql`insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name)
      values ('2026-08-20', 'EUR', 'USD', 1, 'ecb.csv'), ('2026-09-10', 'EUR', 'USD', 2, 'ecb.csv')`.execute(db);
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await setCost(db, { date: '2026-09-02', pod: 'checkout', amount: '60', currency: 'EUR' });
    for (const day of [9, 10, 11, 12]) {
      const throughDay = `2026-09-${String(day).padStart(2, '0')}`;
      clock.set(new Date(Date.parse(`${throughDay}T06:00:00Z`) + DAY_MS).toISOString());
      const loadId = await addLoad(db, {
        billingPeriod: '2026-09',
        throughDay,
        publishedAt: clock.now().toISOString(),
      });
      await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: clock.now(), cause: 'load', loadId }));
    }
    await deliver(db);
    expect(slack.messages).toEqual([]);
  });
});

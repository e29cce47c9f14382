/**
 * Slow drift as finance sees it: against what was frozen when somebody approved, found on the day it shows, ended by an approved act. Costs are
 * whole cents with a working week in them; the days before 31 August are history when the first envelope is approved.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { acceptDrift } from '../../services/drift/accept-drift.ts';
import { judgeDrift } from '../../services/drift/judge-drift.ts';
import { listDrift } from '../../services/drift/list-drift.ts';
import { addDays, type IsoDate } from '../../services/kernel/period.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope, addLoad, addPod, setCost } from '../support/envelope-builders.ts';

const APPROVED: IsoDate = '2026-08-31';
const CHECKOUT = { kind: 'pod', id: 'checkout' } as const;
const GRACE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };

interface Days {
  from: IsoDate;
  count: number;
  /** Whole cents of a working day; a day of the weekend costs 60 % of it. */
  cents: (index: number) => number;
  pod?: string;
  currency?: string;
  kind?: string;
}

async function addDaily(database: TestDatabase, { from, count, cents, pod, currency, kind }: Days): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) => {
    const date = addDays(from, index);
    const isWeekend = [0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay());
    const whole = String(Math.round(cents(index) * (isWeekend ? 0.6 : 1))).padStart(3, '0');
    return { date, amount: `${whole.slice(0, -2)}.${whole.slice(-2)}` };
  });
  await sql`
    insert into pod_day (charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
    select day.date, ${pod ?? 'checkout'}, ${kind ?? 'direct'}, ${currency ?? 'USD'}, amount, amount, amount, amount
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as day (date date, amount numeric)
  `.execute(database.db);
}

async function reset(database: TestDatabase): Promise<void> {
  const { db } = database;
  await sql`truncate alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, activation, pattern, pod_day, pod_cost,
    shared_cost, pod, load, fx_rate, conversion_rate restart identity cascade`.execute(db);
  await sql`delete from source where id <> 'files'`.execute(db);
  await sql`update source set expect_every = null`.execute(db);
  await sql`update organisation set rulebook_id = 0, reporting_currency = 'USD', fx_policy = 'daily', fx_carry_days = 7`.execute(
    db,
  );
  await addPod(db, { id: 'checkout', name: 'Checkout' });
}

/** The morning after `day`: its bill is there. */
async function look({ db }: TestDatabase, day: IsoDate, sourceId?: string) {
  const publishedAt = `${addDays(day, 1)}T06:00:00Z`;
  await addLoad(db, {
    billingPeriod: day.slice(0, 7),
    throughDay: day,
    publishedAt,
    ...(sourceId === undefined ? {} : { sourceId }),
  });
  return db.transaction().execute((trx) => judgeDrift(trx, new Date(publishedAt)));
}

const approve = ({ db }: TestDatabase, period: string, limit: string, approvedOn: IsoDate) =>
  addEnvelope(db, { scope: CHECKOUT, period, limit, approvedOn, approvedBy: GRACE.id });

async function standing({ db }: TestDatabase, podId = 'checkout') {
  const [found] = await listDrift(db, { podId });
  if (found === undefined) throw new Error('the pod is there');
  return found;
}

/** Looks every day from `from` on until a drift is found; answers that day. */
async function foundOn(database: TestDatabase, from: IsoDate, days: number): Promise<IsoDate | null> {
  for (let index = 0; index < days; index += 1) {
    const day = addDays(from, index);
    if ((await look(database, day)).found > 0) return day;
  }
  return null;
}

const steady = () => 10_000;
/** +1 % a week. */
const growing = (index: number) => 10_000 * 1.01 ** (index / 7);

describe('drift', () => {
  test('of 1 % a week is found on the day it shows, within eleven weeks, with its start, its money and its service', async ({
    database,
  }) => {
    await reset(database);
    const { db } = database;
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 56, cents: steady });
    await addDaily(database, { from: APPROVED, count: 84, cents: growing });
    const day = await foundOn(database, APPROVED, 77);
    expect(day).not.toBeNull();
    expect(await standing(database)).toMatchObject({
      state: 'drifting',
      since: day,
      foundOn: day,
      baseline: { from: '2026-07-06', until: APPROVED, perWeek: '620' },
      approved: { by: GRACE.id, on: APPROVED, act: 'envelope' },
    });
    const { perMonth, change } = await standing(database);
    expect(change).toMatch(/^0\.08/);
    expect(perMonth).toMatch(/^21\d\./);
    expect(await sql`select count(*)::int as messages from message`.execute(db)).toMatchObject({
      rows: [{ messages: 0 }],
    });
  });

  test('that came with bills of weeks at once began on the first day above the line', async ({ database }) => {
    await reset(database);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 56, cents: steady });
    await addDaily(database, { from: APPROVED, count: 84, cents: growing });
    await look(database, '2026-11-22');
    const { since, foundOn: found } = await standing(database);
    expect(found).toBe('2026-11-22');
    expect(since! < '2026-11-15' && since! > '2026-10-20').toBe(true);
  });

  test('is not a month’s fee, a weekend, a few dear days, or a rate', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await sql`insert into fx_rate (base_currency, quote_currency, rate_date, rate, file_name)
      values ('EUR', 'USD', '2026-08-31', 1.1, 'ecb.csv'), ('EUR', 'USD', '2026-10-01', 2.2, 'ecb.csv')`.execute(db);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 150, cents: steady, currency: 'EUR' });
    await setCost(db, { date: '2026-10-01', pod: 'checkout', amount: '5000' });
    await sql`update pod_day set effective_cost = effective_cost * 3 where charge_date between '2026-10-12' and '2026-10-14'`.execute(
      db,
    );
    expect(await foundOn(database, '2026-09-25', 40)).toBeNull();
    expect(await standing(database)).toMatchObject({ state: 'steady', baseline: { perWeek: '682' }, perWeek: '682' });
  });

  test('stays open down to its lower line, and ends there', async ({ database }) => {
    await reset(database);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 56, cents: steady });
    await addDaily(database, { from: APPROVED, count: 28, cents: () => 11_000 });
    await addDaily(database, { from: '2026-09-28', count: 28, cents: () => 10_700 });
    await addDaily(database, { from: '2026-10-26', count: 28, cents: () => 10_300 });
    await look(database, '2026-09-27');
    expect((await standing(database)).state).toBe('drifting');
    await look(database, '2026-10-25');
    expect(await standing(database)).toMatchObject({ state: 'drifting', change: '0.0700' });
    expect(await look(database, '2026-11-22')).toMatchObject({ closed: 1 });
    expect((await standing(database)).state).toBe('steady');
    const { rows } = await sql`select closed_because from drift`.execute(database.db);
    expect(rows).toEqual([{ closed_because: 'fell' }]);
  });

  test('ends when the envelope is raised, and what was raised is the new baseline', async ({ database }) => {
    await reset(database);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 56, cents: steady });
    await addDaily(database, { from: APPROVED, count: 60, cents: () => 13_000 });
    await look(database, '2026-09-27');
    expect((await standing(database)).state).toBe('drifting');
    await approve(database, '2026-Q3', '140000', '2026-09-29');
    await look(database, '2026-09-28');
    expect(await standing(database)).toMatchObject({
      state: 'steady',
      // Of a pod that drifted, the last three weeks before the act are what was approved.
      baseline: { from: '2026-09-08', until: '2026-09-29', perWeek: '806' },
    });
    expect((await look(database, '2026-10-20')).found).toBe(0);
    const { rows } = await sql`select closed_because from drift`.execute(database.db);
    expect(rows).toEqual([{ closed_because: 'approved' }]);
  });

  test('goes on where the next period merely renews the same limit', async ({ database }) => {
    await reset(database);
    await approve(database, '2026-09', '30000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 56, cents: steady });
    await addDaily(database, { from: APPROVED, count: 60, cents: () => 11_000 });
    await look(database, '2026-09-27');
    await approve(database, '2026-10', '30000', '2026-09-28');
    await look(database, '2026-10-10');
    expect(await standing(database)).toMatchObject({ state: 'drifting', approved: { on: APPROVED } });
  });

  test('is accepted by finance with a reason, which is audited; nobody else may, and nothing is accepted twice', async ({
    database,
  }) => {
    await reset(database);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 56, cents: steady });
    await addDaily(database, { from: APPROVED, count: 60, cents: () => 13_000 });
    await look(database, '2026-09-27');
    const given = {
      podId: 'checkout',
      reason: 'a third shop',
      via: 'cli',
      at: new Date('2026-09-28T09:00:00Z'),
    } as const;
    const accept = (principal: Principal) =>
      database.db.transaction().execute((trx) => acceptDrift(trx, { ...given, principal }));
    for (const role of ['pod', 'operator', 'cio'] as const) {
      await expect(accept({ id: 'ada@example.com', role, pods: ['checkout'] })).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
    expect(await accept(GRACE)).toMatchObject({
      state: 'steady',
      approved: { by: GRACE.id, on: '2026-09-28', act: 'accepted' },
    });
    await expect(accept(GRACE)).rejects.toMatchObject({ code: 'conflict' });
    const { rows } = await sql`select principal, details from audit_event where action = 'accept-drift'`.execute(
      database.db,
    );
    expect(rows).toEqual([
      { principal: GRACE.id, details: expect.objectContaining({ reason: 'a third shop', via: 'cli' }) },
    ]);
  });
});

describe('the baseline', () => {
  test('is frozen: a bill that is restated later moves the pod, not what was approved', async ({ database }) => {
    await reset(database);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 90, cents: steady });
    await look(database, APPROVED);
    await sql`update pod_day set effective_cost = effective_cost * 1.2`.execute(database.db);
    await look(database, '2026-09-21');
    expect(await standing(database)).toMatchObject({
      state: 'drifting',
      baseline: { perWeek: '620' },
      perWeek: '744',
      change: '0.2000',
    });
  });

  test('is counted again under another rulebook, so that rules make no drift', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 90, cents: steady });
    await look(database, APPROVED);
    await sql`insert into rulebook (id, digest, content, created_by) values (7, 'seven', '{"pods": []}', 'test') on conflict do nothing`.execute(
      db,
    );
    await sql`update organisation set rulebook_id = 7`.execute(db);
    await sql`update pod_day set effective_cost = effective_cost * 2`.execute(db);
    await look(database, '2026-09-21');
    expect(await standing(database)).toMatchObject({
      state: 'steady',
      baseline: { from: '2026-07-06', perWeek: '1240' },
    });
    const { rows } =
      await sql`select rulebook_id, trim_scale(per_week)::text as per_week from drift_baseline order by 1`.execute(db);
    expect(rows).toEqual([
      { rulebook_id: 0, per_week: '620' },
      { rulebook_id: 7, per_week: '1240' },
    ]);
  });

  test('of a new pod is its first eight weeks, and it says until when it waits', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await sql`insert into pattern (id, name, approved_by) values ('api', 'API', '{grace@example.com}')`.execute(db);
    await sql`insert into activation (pod_id, pattern_id, activated_on, method, created_at)
      values ('checkout', 'api', '2026-08-24', 'granted', '2026-08-24T09:00:00Z')`.execute(db);
    await look(database, '2026-08-29');
    expect(await standing(database)).toMatchObject({ state: 'waiting', note: expect.stringContaining('no cost yet') });
    await addDaily(database, { from: APPROVED, count: 90, cents: steady });
    await look(database, '2026-09-20');
    expect(await standing(database)).toMatchObject({ state: 'waiting', note: expect.stringContaining('2026-10-26') });
    await look(database, '2026-10-25');
    expect(await standing(database)).toMatchObject({
      state: 'steady',
      baseline: { from: APPROVED, until: '2026-10-26', perWeek: '620' },
      approved: { by: GRACE.id, act: 'activation' },
    });
  });

  test('counts what the envelope counts: owned shared cost of a controlled one, not its share', async ({
    database,
  }) => {
    await reset(database);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 60, cents: steady });
    await addDaily(database, { from: '2026-07-06', count: 60, cents: steady, kind: 'owned' });
    await addDaily(database, { from: '2026-07-06', count: 60, cents: steady, kind: 'shared' });
    await look(database, APPROVED);
    expect(await standing(database)).toMatchObject({ counts: 'controlled', baseline: { perWeek: '1240' } });
  });

  test('waits for a rate in a sentence, and goes on when it is there', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 60, cents: steady, currency: 'EUR' });
    await look(database, APPROVED);
    expect(await standing(database)).toMatchObject({
      state: 'waiting',
      note: expect.stringContaining('from EUR for 2026-08-31'),
    });
    await sql`insert into fx_rate (base_currency, quote_currency, rate_date, rate, file_name) values ('EUR', 'USD', '2026-08-31', 1.1, 'ecb.csv')`.execute(
      db,
    );
    await look(database, '2026-09-01');
    expect(await standing(database)).toMatchObject({ state: 'steady', baseline: { perWeek: '682' } });
  });

  test('needs complete days: a source that is late keeps the last ones out', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await sql`insert into source (id, kind, expect_every) values ('aws', 'aws-data-export', '1 day')`.execute(db);
    await approve(database, '2026-Q3', '100000', APPROVED);
    await addDaily(database, { from: '2026-07-06', count: 60, cents: steady });
    await look(database, '2026-08-28', 'aws');
    await look(database, '2026-09-01');
    expect(await standing(database)).toMatchObject({ state: 'waiting', through: '2026-08-28' });
    await look(database, '2026-08-30', 'aws');
    expect(await standing(database)).toMatchObject({ state: 'steady', through: '2026-08-30' });
  });
});

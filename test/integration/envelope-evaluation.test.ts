/**
 * Evaluation on real tables: which cost counts for whom, at which rate, and what a crossing leaves behind: one alert, one message,
 * in the transaction of the figure.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { type ListedAlert, listAlerts } from '../../services/alerts/list-alerts.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { type ListedEnvelope, listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { alertsTable, envelopesTable } from '../../services/reports/envelope-tables.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope, addLoad, addPod, setCost } from '../support/envelope-builders.ts';

const CHECKOUT = { kind: 'pod', id: 'checkout' } as const;

async function reset({ db }: TestDatabase): Promise<void> {
  await sql`truncate alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, activation, pattern,
    pod_day, pod_cost, rollup_month, shared_cost, shared_month, pod, portfolio, load, conversion_rate, fx_rate restart identity cascade`.execute(
    db,
  );
  await sql`update source set expect_every = null`.execute(db);
  await sql`delete from source where id <> 'files'`.execute(db);
  await sql`update organisation set name = 'Acme', rulebook_id = 0`.execute(db);
  await addPod(db, { id: 'checkout', name: 'Checkout', slackChannel: 'C0CHECKOUT' });
  await addPod(db, { id: 'search', name: 'Search', slackChannel: 'C0SEARCH' });
}

async function evaluate(
  { db }: TestDatabase,
  at: string,
  cause: 'load' | 'rulebook' | 'envelope' = 'load',
  loadId?: string,
) {
  return db
    .transaction()
    .execute((trx) => evaluateEnvelopes(trx, { at: new Date(at), cause, ...(loadId === undefined ? {} : { loadId }) }));
}

async function loadDay(database: TestDatabase, day: string, cost: string, pod = 'checkout') {
  await setCost(database.db, { date: day, pod, amount: cost });
  const publishedAt = new Date(Date.parse(`${day}T06:00:00Z`) + 86_400_000).toISOString();
  const loadId = await addLoad(database.db, { billingPeriod: day.slice(0, 7), throughDay: day, publishedAt });
  return evaluate(database, publishedAt, 'load', loadId);
}

async function envelopeOf(database: TestDatabase, envelopeId: string): Promise<ListedEnvelope | undefined> {
  const listed = await listEnvelopes(database.db, { at: new Date('2026-09-30T00:00:00Z') });
  return listed.find((envelope) => envelope.envelopeId === envelopeId);
}

function summarise(alerts: readonly ListedAlert[]): string[] {
  return alerts.map(
    (alert) =>
      `${alert.scope.id ?? alert.scope.kind} ${alert.period} ${alert.rung} ${alert.state} ${alert.episodeState}`,
  );
}

describe('what counts', () => {
  test('controlled is direct and owned cost, loaded is direct and shared cost', async ({ database }) => {
    await reset(database);
    const { db } = database;
    const controlled = await addEnvelope(db, {
      scope: CHECKOUT,
      period: '2026-09',
      limit: '100',
      counts: 'controlled',
    });
    const loaded = await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100', counts: 'loaded' });
    await setCost(db, { date: '2026-08-31', pod: 'checkout', amount: '500' });
    await setCost(db, { date: '2026-09-01', pod: 'checkout', amount: '10.000000000001' });
    await setCost(db, { date: '2026-09-30', pod: 'checkout', amount: '5', kind: 'shared' });
    await setCost(db, { date: '2026-09-30', pod: 'checkout', amount: '7', kind: 'owned' });
    await setCost(db, { date: '2026-10-01', pod: 'checkout', amount: '500' });
    await evaluate(database, '2026-09-20T00:00:00Z', 'envelope');
    expect(await envelopeOf(database, controlled)).toMatchObject({
      actual: '17.000000000001',
      used: '0.1700',
      state: 'ok',
      rung: null,
    });
    expect(await envelopeOf(database, loaded)).toMatchObject({ actual: '15.000000000001', counts: 'loaded' });
  });

  test('the organisation counts everything, the unattributed what no pod has, a portfolio its pods while they were in it', async ({
    database,
  }) => {
    await reset(database);
    const { db } = database;
    await sql`insert into portfolio (id, name) values ('commerce', 'Commerce')`.execute(db);
    const content = {
      rules: [],
      pods: [
        { id: 'checkout', portfolios: [{ value: 'other' }, { value: 'commerce', from: '2026-09-10' }] },
        { id: 'search', portfolios: [{ value: 'commerce' }] },
      ],
    };
    await sql`insert into rulebook (id, digest, content, created_by) values (1, 'one', ${JSON.stringify(content)}::jsonb, 'test')
      on conflict do nothing`.execute(db);
    await sql`update organisation set rulebook_id = 1`.execute(db);
    const period = '2026-09';
    const whole = await addEnvelope(db, { scope: { kind: 'organisation', id: null }, period, limit: '1000' });
    const nobody = await addEnvelope(db, { scope: { kind: 'unattributed', id: null }, period, limit: '1000' });
    const commerce = await addEnvelope(db, { scope: { kind: 'portfolio', id: 'commerce' }, period, limit: '1000' });
    await setCost(db, { date: '2026-09-09', pod: 'checkout', amount: '1' });
    await setCost(db, { date: '2026-09-10', pod: 'checkout', amount: '20' });
    await setCost(db, { date: '2026-09-10', pod: 'search', amount: '300' });
    await setCost(db, { date: '2026-09-10', pod: 'search', amount: '4', kind: 'shared' });
    await setCost(db, { date: '2026-09-10', pod: 'search', amount: '5', kind: 'owned' });
    await setCost(db, { date: '2026-09-11', pod: null, amount: '60' });
    await setCost(db, { date: '2026-09-11', pod: null, amount: '7', kind: 'shared' });
    await evaluate(database, '2026-09-20T00:00:00Z', 'envelope');
    expect((await envelopeOf(database, whole))?.actual).toBe('392');
    expect((await envelopeOf(database, nobody))?.actual).toBe('67');
    expect((await envelopeOf(database, commerce))?.actual).toBe('325');
  });

  test('a currency is converted at the rate of the day of approval, for good; a rate that doubles says nothing', async ({
    database,
  }) => {
    await reset(database);
    const { db } = database;
    await sql`insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name)
      values ('2026-08-20', 'EUR', 'USD', 1.1, 'ecb.csv'), ('2026-09-15', 'EUR', 'USD', 2.2, 'ecb.csv')`.execute(db);
    const id = await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await setCost(db, { date: '2026-09-10', pod: 'checkout', amount: '50', currency: 'EUR' });
    await loadDay(database, '2026-09-10', '1');
    expect((await envelopeOf(database, id))?.actual).toBe('56');
    await sql`update conversion_rate set rate = 2.2`.execute(db);
    await loadDay(database, '2026-09-16', '1');
    expect((await envelopeOf(database, id))?.actual).toBe('57');
    expect(await listAlerts(db)).toEqual([]);
  });

  test('a missing rate holds the envelope visibly, and it goes on when the rate is there', async ({ database }) => {
    await reset(database);
    const { db } = database;
    const id = await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await setCost(db, { date: '2026-09-10', pod: 'checkout', amount: '90', currency: 'EUR' });
    expect(await loadDay(database, '2026-09-10', '1')).toMatchObject({ held: 1, pendingAlerts: 0 });
    const held = await envelopeOf(database, id);
    expect(held).toMatchObject({ actual: null, used: null });
    expect(held?.held).toContain('no exchange rate from EUR to USD for 2026-08-20');
    await sql`insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name)
      values ('2026-08-20', 'USD', 'EUR', 1, 'ecb.csv')`.execute(db);
    expect(await loadDay(database, '2026-09-11', '1')).toMatchObject({ held: 0, pendingAlerts: 1 });
    expect(await envelopeOf(database, id)).toMatchObject({ actual: '92', state: 'near', held: null });
  });
});

describe('crossings', () => {
  test('a quarter of daily loads with one crossing leaves one alert and one message', async ({ database }) => {
    await reset(database);
    const id = await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-Q3', limit: '100' });
    await addEnvelope(database.db, { scope: { kind: 'pod', id: 'search' }, period: '2026-Q3', limit: '100' });
    let day = Date.parse('2026-07-01T00:00:00Z');
    for (let count = 0; count < 92; count += 1) {
      await loadDay(database, new Date(day).toISOString().slice(0, 10), count < 80 ? '1' : '0.5');
      day += 86_400_000;
    }
    expect(summarise(await listAlerts(database.db))).toEqual(['checkout 2026-Q3 0.8 pending open']);
    expect(await envelopeOf(database, id)).toMatchObject({ actual: '86', rung: '0.8', state: 'near' });
    const messages = await database.db.selectFrom('message').selectAll().execute();
    expect(messages).toHaveLength(1);
  });

  test('evaluating the same load a hundred times leaves one alert and one message', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await loadDay(database, '2026-09-10', '130');
    for (let count = 0; count < 100; count += 1) await evaluate(database, '2026-09-11T06:00:00Z');
    expect(summarise(await listAlerts(database.db))).toEqual(['checkout 2026-09 1 pending open']);
    expect(await database.db.selectFrom('message').selectAll().execute()).toHaveLength(1);
  });

  test('month and quarter crossing together share one message that names both', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-Q3', limit: '100000' });
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '90000' });
    await loadDay(database, '2026-09-15', '81000');
    const alerts = await listAlerts(database.db);
    expect(summarise(alerts)).toEqual(['checkout 2026-Q3 0.8 pending open', 'checkout 2026-09 0.8 pending open']);
    expect(new Set(alerts.map((alert) => alert.messageId)).size).toBe(1);
    expect(alerts[0]?.text).toContain('$81,000 of its approved $90,000 for September 2026 (90 %)');
    expect(alerts[0]?.text).toContain('$81,000 of its approved $100,000 for Q3 2026 (81 %)');
  });

  test('a rolled back figure leaves no alert', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await expect(
      database.db.transaction().execute(async (trx) => {
        await setCost(trx, { date: '2026-09-10', pod: 'checkout', amount: '90' });
        await evaluateEnvelopes(trx, { at: new Date('2026-09-11T06:00:00Z'), cause: 'load' });
        throw new Error('the load is refused after all');
      }),
    ).rejects.toThrow('refused after all');
    expect(await listAlerts(database.db)).toEqual([]);
  });

  test('two publications at once see each other: the quarter crosses once', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-Q3', limit: '100' });
    const publish = (date: string) =>
      database.db.transaction().execute(async (trx) => {
        await setCost(trx, { date, pod: 'checkout', amount: '50' });
        return evaluateEnvelopes(trx, { at: new Date('2026-09-02T06:00:00Z'), cause: 'load' });
      });
    const runs = await Promise.all([publish('2026-08-10'), publish('2026-09-01')]);
    expect(runs.map((run) => run.pendingAlerts).toSorted((a, b) => a - b)).toEqual([0, 1]);
    expect(summarise(await listAlerts(database.db))).toEqual(['checkout 2026-Q3 1 pending open']);
  });

  test('a year loaded at once says nothing about its past and speaks about the present', async ({ database }) => {
    await reset(database);
    const { db } = database;
    for (const month of ['2026-06', '2026-07', '2026-08', '2026-09']) {
      await addEnvelope(db, { scope: CHECKOUT, period: month, limit: '100' });
      await setCost(db, { date: `${month}-10`, pod: 'checkout', amount: '130' });
    }
    for (const month of ['2026-06', '2026-07', '2026-08', '2026-09']) {
      const loadId = await addLoad(db, {
        billingPeriod: month,
        throughDay: `${month}-20`,
        publishedAt: '2026-09-21T06:00:00Z',
      });
      await evaluate(database, '2026-09-21T06:00:00Z', 'load', loadId);
    }
    expect(summarise(await listAlerts(db))).toEqual([
      'checkout 2026-06 1 suppressed closed',
      'checkout 2026-07 1 suppressed closed',
      'checkout 2026-08 1 suppressed closed',
      'checkout 2026-09 1 pending open',
    ]);
    expect(summarise(await listAlerts(db, { state: 'pending' }))).toEqual(['checkout 2026-09 1 pending open']);
  });

  test('a higher rung crossed before the lower one’s message was sent leaves the pod one message', async ({
    database,
  }) => {
    await reset(database);
    const { db } = database;
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await loadDay(database, '2026-09-10', '85');
    await loadDay(database, '2026-09-11', '20');
    expect(summarise(await listAlerts(db)).sort()).toEqual([
      'checkout 2026-09 0.8 suppressed open',
      'checkout 2026-09 1 pending open',
    ]);
  });

  test('a lower rung’s message that was sent stays sent when a higher one is crossed', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await loadDay(database, '2026-09-10', '85');
    await sql`update message set state = 'sent', channel = 'C0CHECKOUT', slack_ts = '1.1', attempts = 1`.execute(db);
    await loadDay(database, '2026-09-11', '20');
    expect(summarise(await listAlerts(db)).sort()).toEqual([
      'checkout 2026-09 0.8 sent open',
      'checkout 2026-09 1 pending open',
    ]);
  });

  test('envelopes and alerts as CSV hold one row each, with exact figures', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await loadDay(database, '2026-09-10', '85.000000000001');
    const [envelopeHead, envelope] = csvOf(
      envelopesTable(await listEnvelopes(db, { at: new Date('2026-09-11T06:00:00Z') })),
    ).split('\r\n');
    expect(envelopeHead).toMatch(/^envelope,scope_kind,scope,period,/);
    expect(envelope).toMatch(
      /^\d+,pod,checkout,2026-09,2026-09-01,2026-10-01,1,100,85\.000000000001,0\.8500,0\.8,USD,/,
    );
    const [alertHead, alert, end] = csvOf(alertsTable(await listAlerts(db))).split('\r\n');
    expect(alertHead).toMatch(/^alert,envelope,scope_kind,scope,period,rung,/);
    expect(alert).toContain(',pod,checkout,2026-09,0.8,1,pending,open,85.000000000001,100,USD,spend,');
    expect(end).toBe('');
  });

  test('with one cloud a day late, 130 % on another still speaks and says "at least"', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await sql`insert into source (id, kind, expect_every) values ('aws', 'focus-files', 'P1D'), ('azure', 'focus-files', 'P1D')`.execute(
      db,
    );
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await addLoad(db, {
      sourceId: 'azure',
      billingPeriod: '2026-09',
      throughDay: '2026-09-14',
      publishedAt: '2026-09-15T06:00:00Z',
    });
    await setCost(db, { date: '2026-09-15', pod: 'checkout', amount: '130' });
    const loadId = await addLoad(db, {
      sourceId: 'aws',
      billingPeriod: '2026-09',
      throughDay: '2026-09-15',
      publishedAt: '2026-09-16T06:00:00Z',
    });
    await evaluate(database, '2026-09-16T06:00:00Z', 'load', loadId);
    const [alert, ...others] = await listAlerts(db);
    expect(others).toEqual([]);
    expect(alert?.text).toContain(
      'Checkout has spent at least $130.00, over its approved $100.00 for September 2026 (130 %)',
    );
    expect(alert?.text).toContain('Data through 15 Sep; azure is a day behind.');
  });

  test('rules that lift a pod over a rung hold the message for finance', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await loadDay(database, '2026-09-10', '60');
    await setCost(database.db, { date: '2026-09-10', pod: 'checkout', amount: '95' });
    expect(await evaluate(database, '2026-09-11T09:00:00Z', 'rulebook')).toMatchObject({ pendingAlerts: 0 });
    expect(summarise(await listAlerts(database.db))).toEqual(['checkout 2026-09 0.8 held open']);
  });

  test('raising clears and re-arms at once; crossing the new limit is a second message', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await loadDay(database, '2026-09-10', '85');
    const id = await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '200', method: 'granted' });
    await evaluate(database, '2026-09-11T09:00:00Z', 'envelope');
    expect(await envelopeOf(database, id)).toMatchObject({ version: 2, method: 'granted', state: 'ok', rung: null });
    await loadDay(database, '2026-09-12', '90');
    expect(summarise(await listAlerts(db))).toEqual([
      'checkout 2026-09 0.8 pending cleared',
      'checkout 2026-09 0.8 pending open',
    ]);
  });
});

describe('the message', () => {
  test('says how much, how far, at what pace, what grew and who approved it', async ({ database }) => {
    await reset(database);
    const { db } = database;
    await addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '50000', approval: 'FIN-1234' });
    for (let day = 1; day <= 20; day += 1) {
      const date = `2026-09-${String(day).padStart(2, '0')}`;
      await setCost(db, { date, pod: 'checkout', amount: '2050' });
    }
    const loadId = await addLoad(db, {
      billingPeriod: '2026-09',
      throughDay: '2026-09-20',
      publishedAt: '2026-09-21T06:00:00Z',
    });
    const service = (date: string, name: string, amount: string) =>
      sql`
      insert into pod_cost (load_id, rulebook_id, charge_date, kind, pod_id, service_name, billing_currency, billed_cost,
        effective_cost, list_cost, contracted_cost, line_count)
      values (${loadId}, 0, ${date}, 'direct', 'checkout', ${name}, 'USD', 0, ${amount}::numeric, 0, 0, 1)`.execute(db);
    await service('2026-09-02', 'Amazon RDS', '1000');
    await service('2026-09-18', 'Amazon RDS', '4200');
    await service('2026-09-18', 'S3 <b>&', '500');
    // Less than a hundredth of the limit explains nothing.
    await service('2026-09-18', 'Lambda', '499.99');
    await service('2026-09-02', 'EC2', '900');
    await evaluate(database, '2026-09-21T06:00:00Z', 'load', loadId);
    const [alert] = await listAlerts(db);
    expect(alert?.text).toBe(
      'Checkout has spent $41,000 of its approved $50,000 for September 2026 (82 %), with 66 % of the month gone. ' +
        'At this pace the limit is reached on 25 Sep. ' +
        'Largest increases, the last 14 days against the 14 before: Amazon RDS +$3,200, S3 &lt;b&gt;&amp; +$500. ' +
        'Data through 20 Sep. Approved by grace@example.com (FIN-1234).',
    );
  });
});

describe('the list', () => {
  test('pods that spend without an envelope are listed with state none', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '100' });
    await loadDay(database, '2026-09-10', '10');
    await loadDay(database, '2026-09-10', '10', 'search');
    const listed = await listEnvelopes(database.db, { at: new Date('2026-09-11T00:00:00Z') });
    expect(listed.map(({ envelopeId, scope, period, state }) => ({ envelopeId, scope, period, state }))).toEqual([
      { envelopeId: '1', scope: CHECKOUT, period: '2026-09', state: 'ok' },
      { envelopeId: null, scope: { kind: 'pod', id: 'search' }, period: '2026-09', state: 'none' },
    ]);
  });

  test('an unknown state is refused with the ones there are', async ({ database }) => {
    await expect(listAlerts(database.db, { state: 'lost' })).rejects.toThrow('"lost" is not a state of an alert');
  });

  test('limits and rungs that make no sense cannot be stored', async ({ database }) => {
    await reset(database);
    for (const limit of ['0', '-1', 'NaN', 'Infinity']) {
      await expect(
        sql`insert into envelope_version (envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_on, method,
          origin, applied_by, created_at) values (1, 1, ${limit}::numeric, 'USD', 'BilledCost', '{1}', '2026-09-01', 'asserted',
          'explicit', 'test', now())`.execute(database.db),
      ).rejects.toThrow('envelope_version_envelope_limit_check');
    }
    for (const rungs of [['0.8'], ['1', 'NaN'], ['1', '-0.5'], []]) {
      await expect(
        sql`insert into envelope_version (envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_on, method,
          origin, applied_by, created_at) values (1, 1, 5, 'USD', 'BilledCost', ${rungs}::text[], '2026-09-01', 'asserted',
          'explicit', 'test', now())`.execute(database.db),
      ).rejects.toThrow('check constraint');
    }
  });
});

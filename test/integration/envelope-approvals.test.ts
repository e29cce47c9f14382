/**
 * How limits come about in the product: a raise that is asked for, granted at once or decided by another person; a limit that an approver sets; a pattern
 * that a pipeline activates; what a portfolio has left. Each on a real database, with what is written beside it: version, alert, message, audit.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { listAuditEvents } from '../../services/audit/list-audit-events.ts';
import { activatePattern, listActivations } from '../../services/envelopes/activate-pattern.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import type { Deciding } from '../../services/envelopes/grant-version.ts';
import { listHeadrooms, readHeadroom } from '../../services/envelopes/headroom.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { readEnvelopeHistory } from '../../services/envelopes/list-versions.ts';
import { decideRaise, listRaiseRequests, requestRaise } from '../../services/envelopes/raise-requests.ts';
import { setEnvelope } from '../../services/envelopes/set-envelope.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import type { EnvelopeScope } from '../../services/organisation/organisation.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope, addLoad, addPod, setCost } from '../support/envelope-builders.ts';

const AT = new Date('2026-09-10T08:00:00Z');
const CHECKOUT = { kind: 'pod', id: 'checkout' } as const;
const COMMERCE = { kind: 'portfolio', id: 'commerce' } as const;
const ORGANISATION = { kind: 'organisation', id: null } as const;
const UNATTRIBUTED = { kind: 'unattributed', id: null } as const;

const person = (id: string, role: Principal['role'] = 'finance', pods: string[] = []): Principal => ({
  id,
  role,
  pods,
});
const ADA = person('ada@example.com', 'pod', ['checkout']);
const GRACE = person('grace@example.com');
const RUTH = person('ruth@example.com');
const OSCAR = person('oscar@example.com');
const by = (principal: Principal): Deciding => ({ principal, via: 'api', at: AT });

/** Checkout (finance partner Grace) and search in commerce (finance partner Ruth); checkout has 10,000 for September. */
async function reset({ db }: TestDatabase): Promise<string> {
  await sql`truncate raise_request, alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, activation, pattern,
    pod_day, pod_period, pod, portfolio, load, fx_rate, conversion_rate, audit_event restart identity cascade`.execute(
    db,
  );
  await sql`update organisation set name = 'Acme', rulebook_id = 0, finance_channel = 'C0FINANCE'`.execute(db);
  await sql`insert into portfolio (id, name, finance_partner_email) values ('commerce', 'Commerce', ${RUTH.id})`.execute(
    db,
  );
  for (const id of ['checkout', 'search']) {
    await addPod(db, { id, slackChannel: `C0${id.toUpperCase()}` });
    await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id)
      values (${id}, '-infinity', 'infinity', 'commerce')`.execute(db);
  }
  await sql`update pod set portfolio_id = 'commerce', name = initcap(id)`.execute(db);
  await sql`update pod set finance_partner_email = ${GRACE.id} where id = 'checkout'`.execute(db);
  return addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '10000' });
}

async function delegate({ db }: TestDatabase, limit: string, currency = 'USD'): Promise<void> {
  await sql`update portfolio set delegated_raise_limit = ${limit}::numeric, delegated_raise_currency = ${currency}`.execute(
    db,
  );
}

async function spend({ db }: TestDatabase, amount: string): Promise<void> {
  await setCost(db, { date: '2026-09-05', pod: 'checkout', amount });
  const loadId = await addLoad(db, {
    billingPeriod: '2026-09',
    throughDay: '2026-09-09',
    publishedAt: AT.toISOString(),
  });
  await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: AT, cause: 'load', loadId }));
}

const ask = (database: TestDatabase, envelopeId: string, limit: string, principal = ADA) =>
  requestRaise(database.db, { envelopeId, limit: decimal(limit), reason: 'Load test', ...by(principal) });

async function versions({ db }: TestDatabase, envelopeId = '1'): Promise<string[]> {
  const { versions: found } = await readEnvelopeHistory(db, envelopeId, AT);
  return found.map((one) => [one.version, one.limit, one.method, one.approvedBy, one.approval].join(' '));
}

async function messages({ db }: TestDatabase): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`
    select concat_ws(' ', kind, state, coalesce(destination, case when reply_to_message_id is null then null else 'in thread' end)) as line
    from message where kind <> 'crossing' order by created_at, kind desc, destination
  `.execute(db);
  return rows.map(({ line }) => line);
}

async function audited({ db }: TestDatabase): Promise<string[]> {
  const events = await listAuditEvents(db, { before: null, limit: 50 });
  return events.map(({ action, principal }) => `${action} ${principal}`).reverse();
}

describe('a raise', () => {
  test('waits for its approvers, who are told once, and becomes a version in the name of the one who grants it', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    const asked = await ask(database, envelopeId, '14000');
    expect(asked).toMatchObject({ state: 'pending', approvers: [GRACE.id, RUTH.id] });
    expect(await ask(database, envelopeId, '14000.00')).toEqual(asked);
    expect(await messages(database)).toEqual([
      `raise-request pending user:${GRACE.id}`,
      `raise-request pending user:${RUTH.id}`,
    ]);
    expect(await decideRaise(database.db, { requestId: asked.requestId, decision: 'grant', ...by(GRACE) })).toEqual({
      state: 'granted',
    });
    expect(await versions(database)).toEqual([
      '1 10000 asserted grace@example.com ',
      '2 14000 granted grace@example.com ',
    ]);
    expect(await audited(database)).toEqual([
      'request-raise ada@example.com',
      'set-envelope grace@example.com',
      'grant-raise grace@example.com',
    ]);
    const { raises, versions: history } = await readEnvelopeHistory(database.db, envelopeId, AT);
    expect(history[1]).toMatchObject({ requestId: asked.requestId, recordedBy: GRACE.id, approvedOn: '2026-09-10' });
    expect(raises).toMatchObject([
      { state: 'granted', decidedBy: GRACE.id, decidedVia: 'api', version: 2, reason: 'Load test' },
    ]);
    // Nobody had to be told any more: the messages were never sent.
    expect(await messages(database)).toEqual([
      `raise-request suppressed user:${GRACE.id}`,
      `raise-request suppressed user:${RUTH.id}`,
    ]);
  });

  test('is judged in the transaction that grants it, and answered in the thread of the alert that it resolves', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    await spend(database, '9900');
    const { requestId } = await ask(database, envelopeId, '20000');
    await decideRaise(database.db, { requestId, decision: 'grant', ...by(RUTH) });
    expect(await messages(database)).toContain('raise-answer pending in thread');
    const { rows } = await sql`select text from message where kind = 'raise-answer'`.execute(database.db);
    expect(rows).toEqual([
      { text: 'ruth@example.com granted the raise of the envelope of Checkout for September 2026 to $20,000.' },
    ]);
    const [envelope] = await listEnvelopes(database.db, { at: AT });
    expect(envelope).toMatchObject({ version: 2, limit: '20000', used: '0.4950', state: 'ok' });
    const { rows: alerts } = await sql`select episode_state from alert`.execute(database.db);
    expect(alerts).toEqual([{ episode_state: 'cleared' }]);
  });

  test('that is refused keeps the limit and says why, where it was told: in the thread, and in what the approvers read', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    await spend(database, '9900');
    const { requestId } = await ask(database, envelopeId, '20000');
    await sql`update message set state = 'sent', attempts = 1, slack_ts = '1.1', channel = destination, delivered_revision = 1
      where kind = 'raise-request'`.execute(database.db);
    await decideRaise(database.db, { requestId, decision: 'refuse', reason: 'Wait for <Q4>', ...by(GRACE) });
    expect(await versions(database)).toEqual(['1 10000 asserted grace@example.com ']);
    const { rows } = await sql<{ kind: string; revision: number; text: string }>`
      select kind, revision, text from message where kind in ('raise-answer', 'raise-request') order by kind, destination
    `.execute(database.db);
    expect(rows).toEqual([
      {
        kind: 'raise-answer',
        revision: 1,
        text: 'grace@example.com refused to raise the envelope of Checkout for September 2026 to $20,000: Wait for &lt;Q4&gt;. The limit stays $10,000.',
      },
      ...[GRACE, RUTH].map(() => ({
        kind: 'raise-request',
        revision: 2,
        text: 'ada@example.com asks to raise the envelope of Checkout for September 2026 from $10,000 to $20,000: Load test. $9,900 are spent (99 %). Refused by grace@example.com on 10 Sep.',
      })),
    ]);
    expect(await audited(database)).toContain('refuse-raise grace@example.com');
    await expect(decideRaise(database.db, { requestId, decision: 'grant', ...by(RUTH) })).rejects.toThrow(
      'was refused by grace@example.com on 2026-09-10',
    );
    expect(await ask(database, envelopeId, '20000')).not.toMatchObject({ requestId });
  });

  const deciders: readonly [string, EnvelopeScope, Principal, Principal, 'may' | RegExp][] = [
    ['the pod’s finance partner', CHECKOUT, ADA, GRACE, 'may'],
    ['the portfolio’s finance partner', CHECKOUT, ADA, RUTH, 'may'],
    ['a partner’s address in capitals', CHECKOUT, ADA, person('GRACE@Example.com'), 'may'],
    ['another person of finance', CHECKOUT, ADA, OSCAR, /approved by grace@example.com or ruth@example.com/],
    ['the partner with another role', CHECKOUT, ADA, person(GRACE.id, 'operator'), /has the role operator/],
    ['who asked, as the partner', CHECKOUT, GRACE, GRACE, /cannot decide about it: ruth@example.com does/],
    ['who asked, spelled otherwise', CHECKOUT, GRACE, person('Grace@Example.com'), /cannot decide about it/],
    ['who asked, with a role of finance', CHECKOUT, ADA, person(ADA.id), /cannot decide about it/],
    ['the portfolio’s partner', COMMERCE, GRACE, RUTH, 'may'],
    ['the partner of one of its pods', COMMERCE, OSCAR, GRACE, /approved by ruth@example.com/],
    ['who asked, as its only partner', COMMERCE, RUTH, RUTH, /name another financePartner/],
    ['anybody of finance', ORGANISATION, GRACE, OSCAR, 'may'],
    ['who asked, of the organisation', ORGANISATION, OSCAR, OSCAR, /somebody else of role finance does/],
    ['anybody of finance', UNATTRIBUTED, OSCAR, GRACE, 'may'],
    ['an operator', UNATTRIBUTED, OSCAR, person('op@example.com', 'operator'), /has the role operator/],
  ];
  test('is decided by an approver of the scope, and never by who asked', async ({ database }) => {
    await reset(database);
    for (const [index, [, scope, asker, decider, answer]] of deciders.entries()) {
      const envelopeId = await addEnvelope(database.db, { scope, period: String(2030 + index), limit: '100' });
      const { requestId } = await ask(database, envelopeId, '120', asker);
      const decide = (decision: 'grant' | 'refuse') =>
        decideRaise(database.db, { requestId, decision, ...by(decider) });
      if (answer === 'may') expect(await decide('grant')).toEqual({ state: 'granted' });
      else for (const decision of ['refuse', 'grant'] as const) await expect(decide(decision)).rejects.toThrow(answer);
      expect(await versions(database, envelopeId)).toHaveLength(answer === 'may' ? 2 : 1);
    }
  });

  test('is decided by whom the scope has on that day, though the file was applied before', async ({ database }) => {
    const envelopeId = await reset(database);
    const { db } = database;
    await sql`update pod set finance_partner_email = null where id = 'checkout'`.execute(db);
    await sql`insert into portfolio (id, name, finance_partner_email) values ('retail', 'Retail', ${OSCAR.id})`.execute(
      db,
    );
    await sql`update pod_period set valid_until = '2026-09-10' where pod_id = 'checkout'`.execute(db);
    await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id)
      values ('checkout', '2026-09-10', 'infinity', 'retail')`.execute(db);
    const asked = await ask(database, envelopeId, '12000');
    expect(asked.approvers).toEqual([OSCAR.id]);
    const grant = (principal: Principal) =>
      decideRaise(db, { requestId: asked.requestId, decision: 'grant', ...by(principal) });
    await expect(grant(RUTH)).rejects.toThrow('approved by oscar@example.com');
    expect(await grant(OSCAR)).toEqual({ state: 'granted' });
  });

  test('of which two are decided at once, or which is asked for twice at once, is one decision and one request', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    const asked = await Promise.all([ask(database, envelopeId, '14000'), ask(database, envelopeId, '14000')]);
    expect(asked[0]).toEqual(asked[1]);
    expect(await messages(database)).toHaveLength(2);
    const requestId = asked[0].requestId;
    const outcomes = await Promise.allSettled([
      decideRaise(database.db, { requestId, decision: 'grant', ...by(GRACE) }),
      decideRaise(database.db, { requestId, decision: 'refuse', ...by(RUTH) }),
      decideRaise(database.db, { requestId, decision: 'grant', ...by(RUTH) }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    const [request] = await listRaiseRequests(database.db);
    expect(await versions(database)).toHaveLength(request?.state === 'granted' ? 2 : 1);
  });

  test('whose process ends before the commit left nothing, and is one version when it is tried again', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    const { requestId } = await ask(database, envelopeId, '14000');
    const killed = database.db.transaction().execute(async (trx) => {
      await decideRaise(trx, { requestId, decision: 'grant', ...by(GRACE) });
      throw new Error('killed');
    });
    await expect(killed).rejects.toThrow('killed');
    expect(await versions(database)).toHaveLength(1);
    await decideRaise(database.db, { requestId, decision: 'grant', ...by(GRACE) });
    expect(await versions(database)).toHaveLength(2);
  });

  test('that another version has met meanwhile is settled by it', async ({ database }) => {
    const envelopeId = await reset(database);
    const { requestId } = await ask(database, envelopeId, '14000');
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '15000' });
    await decideRaise(database.db, { requestId, decision: 'grant', ...by(GRACE) });
    expect(await versions(database)).toEqual([
      '1 10000 asserted grace@example.com ',
      '2 15000 asserted grace@example.com ',
    ]);
    expect(await listRaiseRequests(database.db)).toMatchObject([{ state: 'granted', version: 2 }]);
  });

  test('that makes no sense, or is not theirs to ask, is refused', async ({ database }) => {
    const envelopeId = await reset(database);
    const refused = [
      ['at the present limit', { limit: '10000' }, 'a raise is the new limit, above that'],
      ['without a reason', { reason: ' ' }, 'needs its reason'],
      ['until a day that is past', { until: '2026-09-09' }, 'from today on'],
      ['until a day beyond its period', { until: '2026-10-01' }, 'ends with 2026-09-30'],
      ['of an envelope that is none', { envelopeId: '77' }, 'There is no envelope 77'],
      [
        'of another pod’s envelope',
        { principal: person('eve@example.com', 'pod', ['search']) },
        'There is no envelope 1',
      ],
      ['by a role that reads', { principal: person('eve@example.com', 'reader') }, 'only reads'],
    ] as const;
    for (const [, given, message] of refused) {
      const asked = { envelopeId, limit: '14000', reason: 'Load test', ...by(ADA), ...given };
      await expect(requestRaise(database.db, { ...asked, limit: decimal(asked.limit) })).rejects.toThrow(message);
    }
    expect(await listRaiseRequests(database.db)).toEqual([]);
  });

  test('waits for the one before it, and a closed envelope has none', async ({ database }) => {
    const envelopeId = await reset(database);
    await ask(database, envelopeId, '14000');
    await expect(ask(database, envelopeId, '15000', GRACE)).rejects.toThrow('ada@example.com has asked to raise');
    const { rows } = await sql`select 1 from raise_request`.execute(database.db);
    expect(rows).toHaveLength(1);
    await reset(database);
    await spend(database, '1');
    await sql`update envelope_state set closed_at = now()`.execute(database.db);
    await expect(ask(database, envelopeId, '14000')).rejects.toThrow('is closed');
  });
});

describe('a delegated raise', () => {
  /** September 10,000 of checkout and 3,000 of search in a portfolio that has 16,000 for it: 3,000 are left. */
  async function delegated(database: TestDatabase, limit = '5000'): Promise<string> {
    const envelopeId = await reset(database);
    await addEnvelope(database.db, { scope: { kind: 'pod', id: 'search' }, period: '2026-09', limit: '3000' });
    await addEnvelope(database.db, { scope: COMMERCE, period: '2026-09', limit: '16000' });
    await delegate(database, limit);
    return envelopeId;
  }

  test('inside sum and headroom is granted at once in the name of the portfolio’s finance partner, and nobody is told', async ({
    database,
  }) => {
    const envelopeId = await delegated(database);
    const outcome = await ask(database, envelopeId, '13000');
    expect(outcome).toMatchObject({ state: 'granted', approvers: [] });
    expect(await versions(database)).toEqual([
      '1 10000 asserted grace@example.com ',
      '2 13000 granted ruth@example.com delegated',
    ]);
    expect(await messages(database)).toEqual([]);
    expect(await ask(database, envelopeId, '13000')).toEqual(outcome);
    expect(await readHeadroom(database.db, { portfolioId: 'commerce', period: parsePeriod('2026-09') })).toMatchObject({
      limit: '16000',
      approved: '16000',
      headroom: '0',
      currency: 'USD',
    });
    expect(await audited(database)).toEqual(['set-envelope ada@example.com', 'request-raise ada@example.com']);
  });

  test.for([
    ['a cent beyond the headroom', '13000.01', '5000', 'USD', ADA],
    ['a cent beyond the sum', '12000.01', '2000', 'USD', ADA],
    ['in another currency than the delegation', '11000', '5000', 'EUR', ADA],
    ['asked for by who delegated', '11000', '5000', 'USD', RUTH],
  ] as const)('%s waits for a person', async ([, limit, sum, currency, principal], { database }) => {
    const envelopeId = await delegated(database);
    await delegate(database, sum, currency);
    expect(await ask(database, envelopeId, limit, principal)).toMatchObject({ state: 'pending' });
    expect(await versions(database)).toHaveLength(1);
  });

  test('never adds up: the next one counts from what a person approved', async ({ database }) => {
    const envelopeId = await delegated(database, '2000');
    expect(await ask(database, envelopeId, '11500')).toMatchObject({ state: 'granted' });
    expect(await ask(database, envelopeId, '12000')).toMatchObject({ state: 'granted' });
    const asked = await ask(database, envelopeId, '12500');
    expect(asked).toMatchObject({ state: 'pending' });
    await decideRaise(database.db, { requestId: asked.requestId, decision: 'grant', ...by(GRACE) });
    expect(await ask(database, envelopeId, '13000')).toMatchObject({ state: 'granted' });
  });

  test('needs headroom in every envelope of the portfolio over its period, and there is none without one', async ({
    database,
  }) => {
    const envelopeId = await delegated(database);
    await addEnvelope(database.db, { scope: COMMERCE, period: '2026-Q3', limit: '13500' });
    expect(await ask(database, envelopeId, '10600')).toMatchObject({ state: 'pending' });
    await reset(database);
    await delegate(database, '5000');
    expect(await ask(database, envelopeId, '10600')).toMatchObject({ state: 'pending' });
  });
});

describe('headroom', () => {
  test('counts other currencies at the rate of the day the portfolio’s version was approved, and keeps it', async ({
    database,
  }) => {
    const { db } = database;
    await reset(database);
    await addEnvelope(db, { scope: COMMERCE, period: '2026-Q3', limit: '30000', approvedOn: '2026-08-20' });
    await addEnvelope(db, {
      scope: { kind: 'pod', id: 'search' },
      period: '2026-08',
      limit: '1000.10',
      currency: 'EUR',
    });
    const read = async () => (await listHeadrooms(db, { portfolioId: 'commerce' }))[0];
    expect(await read()).toMatchObject({ approved: null, headroom: null, missingRates: ['EUR'] });
    const rate = (value: string) =>
      sql`insert into fx_rate values ('2026-08-20', 'EUR', 'USD', ${value}::numeric, 'ecb.csv')
        on conflict (base_currency, quote_currency, rate_date) do update set rate = excluded.rate`.execute(db);
    await rate('1.0834');
    const evaluate = () => db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: AT, cause: 'envelope' }));
    await evaluate();
    const first = await read();
    expect(first).toMatchObject({ approved: '11083.50834', headroom: '18916.49166', missingRates: [] });
    await sql`truncate conversion_rate`.execute(db);
    await rate('2');
    await evaluate();
    expect(await read()).toEqual(first);
    const listed = (await listEnvelopes(db, { at: AT })).find(({ scope }) => scope.kind === 'portfolio');
    expect(listed).toMatchObject({ approvedForPods: '11083.50834', headroom: '18916.49166' });
  });

  test('counts an envelope where at least half of its days lie', async ({ database }) => {
    const { db } = database;
    await reset(database);
    for (const period of ['2026-09', '2026-10', '2026-11', '2026-Q4', '2026'])
      await addEnvelope(db, { scope: COMMERCE, period, limit: '1000' });
    const search = { kind: 'pod', id: 'search' } as const;
    // A pattern's first days, joined to the next month; a month that two share; a year.
    await addEnvelope(db, { scope: search, period: '2026-09-25..2026-11-01', limit: '100' });
    await addEnvelope(db, { scope: search, period: '2026-10-17..2026-11-16', limit: '10' });
    await addEnvelope(db, { scope: CHECKOUT, period: '2026', limit: '1' });
    const found = (await listHeadrooms(db)).map(
      (one) => `${one.period} ${one.pods.map((pod) => pod.limit).join(' + ')}`,
    );
    expect(found.sort()).toEqual([
      '2026 1 + 100 + 10',
      '2026-09 10000',
      '2026-10 100 + 10',
      '2026-11 10',
      '2026-Q4 100 + 10',
    ]);
  });

  test('goes by the portfolio that the pod belongs to on the envelope’s last day', async ({ database }) => {
    const { db } = database;
    await reset(database);
    await sql`insert into portfolio (id, name) values ('growth', 'Growth')`.execute(db);
    await sql`delete from pod_period where pod_id = 'checkout'`.execute(db);
    await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id) values
      ('checkout', '-infinity', '2026-09-15', 'commerce'), ('checkout', '2026-09-15', 'infinity', 'growth')`.execute(
      db,
    );
    for (const id of ['commerce', 'growth'])
      await addEnvelope(db, { scope: { kind: 'portfolio', id }, period: '2026-09', limit: '20000' });
    const found = await listHeadrooms(db, { period: parsePeriod('2026-09') });
    expect(found.map(({ portfolioId, headroom }) => `${portfolioId} ${headroom}`)).toEqual([
      'commerce 20000',
      'growth 10000',
    ]);
  });
});

describe('a limit set by an approver', () => {
  const setting = { scope: CHECKOUT, currency: 'USD' } as const;

  test('is a new envelope, then another version, then nothing new; what is left out stays', async ({ database }) => {
    await reset(database);
    const set = (given: object) =>
      setEnvelope(database.db, { ...setting, period: '2026-Q4', limit: decimal('100'), ...given, ...by(GRACE) });
    expect(await set({ rungs: ['0.5', '1'].map(decimal), costMetric: 'BilledCost', approval: 'FIN-1' })).toMatchObject({
      change: 'created',
    });
    const changed = await set({ limit: decimal('80'), approval: 'FIN-2' });
    expect(changed).toMatchObject({ change: 'changed', version: 2 });
    expect(await set({ limit: decimal('80.00'), approval: 'FIN-2' })).toMatchObject({
      change: 'unchanged',
      version: 2,
    });
    const { versions: history } = await readEnvelopeHistory(database.db, changed.envelopeId, AT);
    expect(history).toMatchObject([
      {
        limit: '100',
        approval: 'FIN-1',
        rungs: ['0.5', '1'],
        costMetric: 'BilledCost',
        method: 'granted',
        approvedBy: GRACE.id,
      },
      {
        limit: '80',
        approval: 'FIN-2',
        rungs: ['0.5', '1'],
        costMetric: 'BilledCost',
        method: 'granted',
        approvedBy: GRACE.id,
      },
    ]);
  });

  test('that makes no sense, or is not theirs to set, is refused', async ({ database }) => {
    await reset(database);
    const refused = [
      ['by somebody who is no approver', { principal: OSCAR }, 'are approved by grace@example.com or ruth@example.com'],
      ['by a pod', { principal: ADA }, 'has the role pod'],
      ['at zero', { limit: decimal('0') }, 'above zero'],
      ['in no currency', { currency: 'XYZ' }, 'not an ISO 4217 currency'],
      ['with rungs that fall', { rungs: ['1', '0.8'].map(decimal) }, 'ascending'],
      ['without the rung at the limit', { rungs: ['0.8'].map(decimal) }, 'with 1 among them'],
      ['of a pod that is none', { scope: { kind: 'pod', id: 'none' } }, 'There is no pod "none"'],
      ['for no period', { period: '2026-13' }, 'is not a period'],
    ] as const;
    for (const [, given, message] of refused) {
      const asked = { ...setting, period: '2026-09', limit: decimal('12000'), ...by(GRACE), ...given };
      await expect(setEnvelope(database.db, asked)).rejects.toThrow(message);
    }
    expect(await versions(database)).toHaveLength(1);
  });

  test('is no way around the second person for who asked for a raise', async ({ database }) => {
    const envelopeId = await reset(database);
    await ask(database, envelopeId, '14000', GRACE);
    await expect(
      setEnvelope(database.db, { ...setting, period: '2026-09', limit: decimal('14000'), ...by(GRACE) }),
    ).rejects.toThrow('another approver decides about it first');
    await setEnvelope(database.db, { ...setting, period: '2026-09', limit: decimal('12000'), ...by(RUTH) });
    expect(await versions(database)).toHaveLength(2);
  });

  test('that is below what is spent speaks once, as a limit that was lowered', async ({ database }) => {
    await reset(database);
    await spend(database, '5000');
    await setEnvelope(database.db, { ...setting, period: '2026-09', limit: decimal('4000'), ...by(GRACE) });
    const { rows } = await sql`select rung, reason from alert`.execute(database.db);
    expect(rows).toEqual([{ rung: '1', reason: 'limit lowered' }]);
  });
});

describe('an activation', () => {
  async function withPattern(database: TestDatabase): Promise<void> {
    await reset(database);
    await sql`insert into pattern (id, name, approved_by, envelope_every, envelope_limit, envelope_currency)
      values ('analytics', 'Analytics', '{security,architecture,grace@example.com}', 'month', 12000, 'USD')`.execute(
      database.db,
    );
    await addEnvelope(database.db, { scope: COMMERCE, period: '2026-10', limit: '20000' });
  }
  const activate = (database: TestDatabase, given: object = {}) =>
    activatePattern(database.db, {
      podId: 'search',
      patternId: 'analytics',
      on: '2026-09-01',
      ...by(person('pipeline', 'ingest')),
      ...given,
    });

  test('gives the pod its envelopes at once on the portfolio’s headroom; again it changes nothing', async ({
    database,
  }) => {
    await withPattern(database);
    const outcome = await activate(database);
    expect(outcome).toMatchObject({
      change: 'created',
      activatedOn: '2026-09-01',
      envelopes: [
        { period: '2026-09', limit: '12000', currency: 'USD' },
        { period: '2026-10', limit: '12000', currency: 'USD' },
      ],
      headroom: [{ period: '2026-10', limit: '20000', approved: '12000', headroom: '8000', podEnvelopes: 1 }],
      exceedsHeadroom: false,
      approvalsAvoided: 3,
    });
    expect(await activate(database)).toEqual({ ...outcome, change: 'unchanged' });
    expect(await audited(database)).toEqual(['set-pattern-envelopes pipeline', 'activate-pattern pipeline']);
    expect(await listActivations(database.db)).toEqual([
      { podId: 'search', patternId: 'analytics', activatedOn: '2026-09-01', method: 'granted', approvalsAvoided: 3 },
    ]);
  });

  test('beyond the headroom is made all the same, and says so', async ({ database }) => {
    await withPattern(database);
    await activate(database);
    const second = await activate(database, { podId: 'checkout' });
    expect(second).toMatchObject({ exceedsHeadroom: true, headroom: [{ headroom: '-4000', podEnvelopes: 2 }] });
    expect(second.envelopes.map(({ period }) => period)).toEqual(['2026-10']);
  });

  test('of which two come at once is one', async ({ database }) => {
    await withPattern(database);
    const outcomes = await Promise.all([activate(database), activate(database), activate(database)]);
    expect(outcomes.map(({ change }) => change).sort()).toEqual(['created', 'unchanged', 'unchanged']);
    const { rows } = await sql`select 1 from envelope_version where origin = 'pattern'`.execute(database.db);
    expect(rows).toHaveLength(2);
  });

  test('of what there is not is refused', async ({ database }) => {
    await withPattern(database);
    const refused = [
      ['an unknown pod', { podId: 'none' }, 'There is no pod "none"'],
      ['an unknown pattern', { patternId: 'none' }, 'There is no pattern "none"'],
      ['no date', { on: '2026-02-30' }, 'is not a date'],
      ['a year that was meant to be another', { on: '2016-09-10' }, 'more than a year from today'],
    ] as const;
    for (const [, given, message] of refused) await expect(activate(database, given)).rejects.toThrow(message);
  });
});

describe('what an envelope counts', () => {
  /** Every day of the year: checkout 3 direct, 2 shared to it, 1 it owns; search 5; nobody's 7. Billed cost is twice that. */
  async function yearOfCost({ db }: TestDatabase): Promise<void> {
    await sql`
      insert into pod_day (charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
      select day::date, pod_id, kind, 'USD', cost * 2, cost, cost, cost
      from generate_series('2026-01-01'::date, '2026-12-31', interval '1 day') as day,
        (values ('checkout', 'direct', 3), ('checkout', 'shared', 2), ('checkout', 'owned', 1), ('search', 'direct', 5),
          (null, 'direct', 7)) as daily (pod_id, kind, cost)
    `.execute(db);
    await sql`insert into rulebook (id, digest, content, created_by) values (1, 'test', ${JSON.stringify({
      rules: [],
      pods: ['checkout', 'search'].map((id) => ({ id, portfolios: [{ value: 'commerce' }] })),
      portfolios: ['commerce'],
    })}::jsonb, 'test') on conflict (id) do nothing`.execute(db);
    await sql`update organisation set rulebook_id = 1`.execute(db);
  }

  test('every scope, period and basis, in the cost that it was approved in', async ({ database }) => {
    await reset(database);
    await sql`truncate envelope cascade`.execute(database.db);
    await yearOfCost(database);
    const days = { '2026-02': 28, '2026-Q3': 92, '2026': 365, '2026-09-01..2026-09-15': 14 };
    const daily: readonly [EnvelopeScope, 'controlled' | 'loaded', number][] = [
      [CHECKOUT, 'controlled', 4],
      [CHECKOUT, 'loaded', 5],
      [COMMERCE, 'controlled', 9],
      [COMMERCE, 'loaded', 10],
      [ORGANISATION, 'controlled', 17],
      [UNATTRIBUTED, 'loaded', 7],
    ];
    const expected = new Map<string, string>();
    for (const [scope, counts, perDay] of daily) {
      for (const [period, count] of Object.entries(days)) {
        const envelopeId = await addEnvelope(database.db, { scope, period, counts, limit: '1000000' });
        const isBilled = period === '2026-Q3';
        if (isBilled)
          await sql`update envelope_version set cost_metric = 'BilledCost' where envelope_id = ${envelopeId}`.execute(
            database.db,
          );
        expected.set(envelopeId, String(perDay * count * (isBilled ? 2 : 1)));
      }
    }
    await database.db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: AT, cause: 'envelope' }));
    const listed = await listEnvelopes(database.db, { at: AT });
    const found = listed.flatMap(({ envelopeId, actual }) =>
      envelopeId === null ? [] : [[envelopeId, actual] as const],
    );
    expect(new Map(found)).toEqual(expected);
  });

  test('spend outside any is listed with its money: pods, and what belongs to nobody', async ({ database }) => {
    await reset(database);
    await yearOfCost(database);
    const at = new Date('2026-09-30T12:00:00Z');
    const outside = async () =>
      (await listEnvelopes(database.db, { at }))
        .filter(({ envelopeId }) => envelopeId === null)
        .map(({ scope, spent }) =>
          [scope.id ?? scope.kind, ...spent.map(({ cost, billingCurrency }) => `${cost} ${billingCurrency}`)].join(' '),
        );
    expect(await outside()).toEqual(['search 150 USD', 'unattributed 210 USD']);
    await addEnvelope(database.db, { scope: UNATTRIBUTED, period: '2026', limit: '9' });
    expect(await outside()).toEqual(['search 150 USD']);
  });
});

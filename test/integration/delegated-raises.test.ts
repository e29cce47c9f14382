/** Raises that are granted at once within what a portfolio delegates, and what a portfolio has left, on a real database. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { listHeadrooms, readHeadroom } from '../../services/envelopes/headroom.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { decideRaise } from '../../services/envelopes/raise-requests.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope } from '../support/envelope-builders.ts';
import {
  ADA,
  ask,
  AT,
  audited,
  by,
  CHECKOUT,
  COMMERCE,
  delegate,
  GRACE,
  messages,
  reset,
  RUTH,
  versions,
} from '../support/approvers.ts';

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

/**
 * The file and the product both write envelopes. An applied file brings its own changes and nothing else: what was granted since
 * stays, what both changed stops, and pods activated from a pattern have an envelope without asking anybody.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { listAlerts } from '../../services/alerts/list-alerts.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { syncEnvelopes } from '../../services/envelopes/sync-envelopes.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import type { EnvelopeEntry, Organisation, PatternEntry, PodEntry } from '../../services/organisation/organisation.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope, addPod, setCost } from '../support/envelope-builders.ts';

const AT = '2026-09-10T08:00:00Z';

const ENTRY: EnvelopeEntry = {
  scope: { kind: 'pod', id: 'checkout' },
  period: '2026-Q4',
  limit: '50000.00',
  currency: 'USD',
  costMetric: 'EffectiveCost',
  counts: 'controlled',
  rungs: ['0.8', '1', '1.5', '2'],
  approvedBy: 'grace@example.com',
  approvedAt: '2026-09-20',
  approval: 'FIN-1234',
};
const PATTERN: PatternEntry = {
  id: 'analytics',
  name: 'Analytics environment',
  approvedBy: ['security', 'grace@example.com'],
  envelope: { every: 'month', limit: '12000.00', currency: 'USD' },
};

function pod(id: string, activations: PodEntry['activations'] = []): PodEntry {
  return {
    id,
    name: id,
    kind: 'delivery',
    portfolio: [],
    owner: [],
    costCentre: [],
    succeededBy: [],
    activations,
    aliases: [],
  };
}

function organisation(overrides: Partial<Organisation> = {}): Organisation {
  return {
    name: 'Acme',
    reporting: {
      currency: 'USD',
      costMetric: 'EffectiveCost',
      fiscalYearStartMonth: 1,
      fiscalYearNamedBy: 'start',
      timeZone: 'UTC',
      holidays: [],
      revenueBasis: 'margin',
    },
    fx: { files: [], policy: 'daily', carryDays: 7 },
    channels: {},
    tags: { fold: true, keys: {} },
    portfolios: [],
    patterns: [],
    pods: [pod('checkout')],
    envelopes: [],
    sources: [],
    rules: [],
    ...overrides,
  };
}

async function reset({ db }: TestDatabase): Promise<void> {
  await sql`truncate alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, activation, pattern, pod,
    pod_day restart identity cascade`.execute(db);
  await addPod(db, { id: 'checkout' });
}

/** What changed, in short. */
async function apply({ db }: TestDatabase, file: Organisation, at = AT): Promise<string[]> {
  const changes = await db
    .transaction()
    .execute((trx) => syncEnvelopes(trx, { organisation: file, at: new Date(at), principal: localOperator }));
  return changes.map((change) => `${change.kind} ${change.periodId} ${change.formerLimit ?? '-'} > ${change.limit}`);
}

async function listed({ db }: TestDatabase): Promise<string[]> {
  const envelopes = await listEnvelopes(db, { at: new Date(AT) });
  return envelopes.map(({ period, version, limit, method, patterns }) =>
    [period, version, limit, method, ...patterns].join(' '),
  );
}

describe('entries of the file', () => {
  test('an entry becomes an envelope with its approval, and the same file again changes nothing', async ({
    database,
  }) => {
    await reset(database);
    expect(await apply(database, organisation({ envelopes: [ENTRY] }))).toEqual(['created 2026-Q4 - > 50000']);
    expect(await apply(database, organisation({ envelopes: [ENTRY] }), '2026-09-12T08:00:00Z')).toEqual([]);
    const [envelope] = await listEnvelopes(database.db, { at: new Date(AT) });
    expect(envelope).toMatchObject({
      scope: { kind: 'pod', id: 'checkout' },
      period: '2026-Q4',
      version: 1,
      limit: '50000',
      currency: 'USD',
      method: 'asserted',
      approvedBy: 'grace@example.com',
      approval: 'FIN-1234',
    });
  });

  test('an entry without a date of approval is not approved anew by every apply', async ({ database }) => {
    await reset(database);
    const { approvedAt: _, ...undated } = ENTRY;
    await apply(database, organisation({ envelopes: [undated] }));
    expect(await apply(database, organisation({ envelopes: [undated] }), '2026-09-12T08:00:00Z')).toEqual([]);
  });

  test('a changed limit is the next version, and the former one stays', async ({ database }) => {
    await reset(database);
    await apply(database, organisation({ envelopes: [ENTRY] }));
    expect(await apply(database, organisation({ envelopes: [{ ...ENTRY, limit: '60000' }] }))).toEqual([
      'changed 2026-Q4 50000 > 60000',
    ]);
    const { rows } =
      await sql`select version, trim_scale(envelope_limit) as envelope_limit from envelope_version order by version`.execute(
        database.db,
      );
    expect(rows).toEqual([
      { version: 1, envelope_limit: '50000' },
      { version: 2, envelope_limit: '60000' },
    ]);
  });

  test('an entry that left the file is taken back, and brought back by a new version', async ({ database }) => {
    await reset(database);
    await apply(database, organisation({ envelopes: [ENTRY] }));
    expect(await apply(database, organisation())).toEqual(['withdrawn 2026-Q4 50000 > 50000']);
    expect(await listed(database)).toEqual([]);
    expect(await apply(database, organisation({ envelopes: [ENTRY] }))).toEqual(['created 2026-Q4 - > 50000']);
    expect(await listed(database)).toEqual(['2026-Q4 2 50000 asserted']);
  });

  test('an entry that comes back is judged anew: it speaks in its next episode, and what was not told before never is', async ({
    database,
  }) => {
    await reset(database);
    await setCost(database.db, { date: '2026-10-01', pod: 'checkout', amount: '60000' });
    for (const envelopes of [[ENTRY], [], [ENTRY]]) {
      await apply(database, organisation({ envelopes }));
      await database.db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: new Date(AT), cause: 'envelope' }));
    }
    expect(
      (await listAlerts(database.db)).map(({ rung, episode, state, reason }) => [rung, episode, state, reason]),
    ).toEqual([
      ['1', 1, 'suppressed', 'spend'],
      ['1', 2, 'pending', 'spend'],
    ]);
  });

  test('what the file did not change leaves a granted version in force', async ({ database }) => {
    await reset(database);
    await apply(database, organisation({ envelopes: [ENTRY] }));
    await addEnvelope(database.db, { scope: ENTRY.scope, period: '2026-Q4', limit: '70000', method: 'granted' });
    expect(await apply(database, organisation({ envelopes: [ENTRY] }))).toEqual([]);
    expect(await listed(database)).toEqual(['2026-Q4 2 70000 granted']);
  });

  test('what the file and the product both changed stops and names both', async ({ database }) => {
    await reset(database);
    await apply(database, organisation({ envelopes: [ENTRY] }));
    await addEnvelope(database.db, { scope: ENTRY.scope, period: '2026-Q4', limit: '70000', method: 'granted' });
    const changed = apply(database, organisation({ envelopes: [{ ...ENTRY, limit: '60000' }] }));
    await expect(changed).rejects.toThrow(
      /pod checkout for 2026-Q4 changed in both places.*file now says 60000 USD.*granted 70000 USD/,
    );
    await expect(apply(database, organisation())).rejects.toThrow('the file now says no envelope');
    const agreed = { ...ENTRY, limit: '70000', approvedAt: '2026-08-20' };
    const { approval: _, ...same } = agreed;
    expect(await apply(database, organisation({ envelopes: [same] }))).toEqual([]);
  });

  test('an envelope made in the product is none of the file’s business', async ({ database }) => {
    await reset(database);
    await addEnvelope(database.db, { scope: ENTRY.scope, period: '2026-Q4', limit: '70000', method: 'granted' });
    expect(await apply(database, organisation())).toEqual([]);
    expect(await listed(database)).toEqual(['2026-Q4 1 70000 granted']);
  });

  test('two names for one period are refused', async ({ database }) => {
    await reset(database);
    const twice = [ENTRY, { ...ENTRY, period: '2026-10-01..2027-01-01' }];
    await expect(apply(database, organisation({ envelopes: twice }))).rejects.toThrow(
      '(2026-Q4 and 2026-10-01..2027-01-01). Keep one',
    );
  });

  test('every version leaves an audit event with who applied it', async ({ database }) => {
    await reset(database);
    await database.db.transaction().execute(async (trx) => {
      await syncEnvelopes(trx, {
        organisation: organisation({ envelopes: [ENTRY] }),
        at: new Date(AT),
        principal: localOperator,
      });
      const { rows } = await sql`select principal, action, details from audit_event order by id desc limit 1`.execute(
        trx,
      );
      expect(rows).toMatchObject([
        {
          principal: 'local operator',
          action: 'set-envelope',
          details: { limit: '50000', currency: 'USD', period: '2026-Q4' },
        },
      ]);
    });
  });
});

describe('patterns', () => {
  const file = (overrides: Partial<Organisation> = {}) =>
    organisation({
      patterns: [PATTERN],
      pods: [pod('checkout', [{ pattern: 'analytics', on: '2026-08-16' }])],
      ...overrides,
    });

  test('an activation gives envelopes from its day to the next month, and the same file again changes nothing', async ({
    database,
  }) => {
    await reset(database);
    await apply(database, file());
    expect(await listed(database)).toEqual([
      '2026-08-16..2026-09-01 1 6193.55 asserted analytics',
      '2026-09 1 12000 asserted analytics',
      '2026-10 1 12000 asserted analytics',
    ]);
    expect(await apply(database, file())).toEqual([]);
  });

  test('an entry of the file beats the pattern for its period, and gives way again', async ({ database }) => {
    await reset(database);
    await apply(database, file());
    const own = { ...ENTRY, period: '2026-10', limit: '5' };
    expect(await apply(database, file({ envelopes: [own] }))).toEqual(['changed 2026-10 12000 > 5']);
    expect(await apply(database, file({ envelopes: [own] }))).toEqual([]);
    await apply(database, file());
    expect((await listed(database)).at(-1)).toBe('2026-10 3 12000 asserted analytics');
  });

  test('a pattern’s new limit holds for periods that are not over', async ({ database }) => {
    await reset(database);
    await apply(database, file());
    const raised = { ...PATTERN, envelope: { every: 'month', limit: '15000', currency: 'USD' } } as const;
    await apply(database, file({ patterns: [raised] }));
    expect(await listed(database)).toEqual([
      '2026-08-16..2026-09-01 1 6193.55 asserted analytics',
      '2026-09 2 15000 asserted analytics',
      '2026-10 2 15000 asserted analytics',
    ]);
  });

  test('a granted version of a pattern’s envelope outlives the pattern’s change', async ({ database }) => {
    await reset(database);
    await apply(database, file());
    await addEnvelope(database.db, { scope: ENTRY.scope, period: '2026-09', limit: '20000', method: 'granted' });
    const raised = { ...PATTERN, envelope: { every: 'month', limit: '15000', currency: 'USD' } } as const;
    await apply(database, file({ patterns: [raised] }));
    expect(await listed(database)).toContain('2026-09 2 20000 granted');
  });

  test('an activation that left the file takes its coming envelopes along, not its past ones', async ({ database }) => {
    await reset(database);
    await apply(database, file());
    await apply(database, file({ pods: [pod('checkout')] }));
    expect(await listed(database)).toEqual(['2026-08-16..2026-09-01 1 6193.55 asserted analytics']);
  });

  test('the next month’s envelope is made when time has come, without a file', async ({ database }) => {
    await reset(database);
    await apply(database, file());
    const evaluate = (at: string) =>
      database.db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: new Date(at), cause: 'load' }));
    await evaluate('2026-09-30T23:00:00Z');
    expect(await listed(database)).toHaveLength(3);
    await evaluate('2026-10-01T06:00:00Z');
    expect((await listed(database)).at(-1)).toBe('2026-11 1 12000 asserted analytics');
    await evaluate('2027-01-05T06:00:00Z');
    expect((await listed(database)).at(-1)).toBe('2027-02 1 12000 asserted analytics');
  });

  test('patterns of one pod in two currencies are refused', async ({ database }) => {
    await reset(database);
    const other: PatternEntry = { ...PATTERN, id: 'web', envelope: { every: 'month', limit: '1', currency: 'EUR' } };
    const activations = [
      { pattern: 'analytics', on: '2026-08-16' },
      { pattern: 'web', on: '2026-08-16' },
    ];
    await expect(
      apply(database, file({ patterns: [PATTERN, other], pods: [pod('checkout', activations)] })),
    ).rejects.toThrow('analytics in USD, web in EUR');
  });
});

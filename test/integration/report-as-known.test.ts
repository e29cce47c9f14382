/**
 * Reports as known at an instant. Goal: whatever is restated, corrected, verified, closed or ruled otherwise afterwards, a replay gives the
 * bytes that the report gave then. Method: one history, told through the product's own services with a clock of its own; after each of its
 * steps the reports are written down, and at the end each of them is asked for again as known then.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { attachLoad, dropLoadCharges } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { localOperator, type Principal, systemPrincipal } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { importInvoices } from '../../services/invoices/import-invoices.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { approveStatement } from '../../services/periods/approve-statement.ts';
import { prepareStatement } from '../../services/periods/prepare-statement.ts';
import { withKnownWorld } from '../../services/replay/as-known.ts';
import { reportAsKnown } from '../../services/replay/replayed-reports.ts';
import { bridge } from '../../services/reports/bridge.ts';
import { costs } from '../../services/reports/costs.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { invoiceReport } from '../../services/reports/invoices.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { tagHygiene } from '../../services/reports/tag-hygiene.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { importQuantities } from '../../services/usage/import-quantities.ts';
import { type ChargeGiven, insertOrigin, insertStagedLoad } from '../support/billed-charges.ts';
import { test as base, createTestDatabase } from '../support/database.ts';
import { readWholeDatabase } from '../support/whole-database.ts';

const FINANCE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
/** Verifies what FINANCE stated. */
const VERIFIER: Principal = { ...FINANCE, id: 'luca@example.com' };
const POD: Principal = { id: 'ada@example.com', role: 'pod', pods: ['checkout'] };
const NOW = new Date('2026-11-20T10:00:00Z');

const READERS = {
  'value-per-pod': async (db: Kysely<DB>, at: Date) => {
    const request = { period: '2026-Q3', at };
    await prepareConversions(db, request);
    return valuePerPod(db, request);
  },
  costs: async (db: Kysely<DB>, at: Date) => {
    const request = { period: '2026-09', at, by: ['pod', 'rule', 'portfolio', 'owner', 'serviceName', 'tag.team'] };
    await prepareConversions(db, request);
    return costs(db, request);
  },
  reconciliation: async (db: Kysely<DB>, at: Date) => reconciliation(db, { period: '2026-09', at }),
  coverage: async (db: Kysely<DB>, at: Date) => {
    const request = { period: '2026-09', at };
    await prepareConversions(db, request);
    return coverage(db, request);
  },
  'tag-hygiene': async (db: Kysely<DB>, at: Date) => {
    const request = { period: '2026-09', at };
    await prepareConversions(db, request);
    return tagHygiene(db, request);
  },
  invoices: async (db: Kysely<DB>, at: Date) => invoiceReport(db, { period: '2026-09', at }),
  bridge: async (db: Kysely<DB>, at: Date) => bridge(db, { period: '2026-09', at }),
  adjustments: async (db: Kysely<DB>, at: Date) => {
    const request = { period: '2026-Q3', at };
    await prepareConversions(db, request);
    return adjustments(db, request);
  },
};
const NAMES = [
  'value-per-pod',
  'costs',
  'reconciliation',
  'coverage',
  'tag-hygiene',
  'invoices',
  'bridge',
  'adjustments',
] as const;

/** Before there are rates a report refuses; that it refuses the same way is known too. */
async function bytesOf(db: Kysely<DB>, name: (typeof NAMES)[number], at: Date): Promise<string> {
  try {
    return JSON.stringify(await READERS[name](db, at), null, 2);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `refused: ${error.message}`;
  }
}

/** All reports, in their order. */
async function replay(db: Kysely<DB>, at: Date, now = NOW): Promise<string[]> {
  const request = { asKnown: at.toISOString(), period: '2026-Q3', now, principal: FINANCE };
  return withKnownWorld(db, request, async (world) => {
    expect(world.at).toEqual(at);
    const bytes: string[] = [];
    for (const name of NAMES) bytes.push(await bytesOf(world.trx, name, world.at));
    return bytes;
  });
}

const FILE = `organisation: Acme
fx: { files: [ecb.csv] }
portfolios: [{ id: commerce, name: Commerce }, { id: growth, name: Growth }]
pods:
  - { id: checkout, name: Checkout, portfolio: commerce }
  - { id: search, name: Search, portfolio: [{ value: commerce }, { value: growth, from: 2026-10-08 }] }
envelopes:
  - { scope: { pod: checkout }, period: 2026-Q3, limit: "150.00", currency: USD, counts: loaded }
rules:
  - { id: cache, when: { serviceName: Cache }, split: { method: usage, metric: requests, among: all } }
  - { id: network, when: { serviceName: Network }, split: { method: proportional, among: all, owner: search } }
  - { id: team, when: { tag: { team: { exists: true } } }, podFromTag: team }
`;

/** One history of a company; each step ends at an instant of its own. */
class History {
  readonly instants: Date[] = [];
  #clock = new Date('2026-10-01T08:00:00Z');
  readonly db: Kysely<DB>;
  readonly folder: string;

  constructor(db: Kysely<DB>, folder: string) {
    this.db = db;
    this.folder = folder;
  }

  /** A step takes place now; an hour later what it led to is looked at. */
  async step(work: (at: Date) => Promise<unknown>): Promise<void> {
    await work(this.#clock);
    this.instants.push(new Date(this.#clock.getTime() + 3_600_000));
    this.#clock = new Date(this.#clock.getTime() + 26 * 3_600_000);
  }

  async apply(at: Date, text: string, rates: string): Promise<void> {
    await writeFile(join(this.folder, 'ecb.csv'), `date,base,quote,rate\n${rates}`);
    const file = { organisation: parseOrganisation(text), sourceText: text, folder: this.folder };
    await applyOrganisation(this.db, { file, principal: localOperator, at });
  }

  async publish(at: Date, charges: readonly ChargeGiven[], sourceId = 'aws'): Promise<string> {
    const loadId = await insertStagedLoad(this.db, { sourceId, deliveredAt: at.toISOString(), charges });
    await sql`
      insert into load_file (load_id, ordinal, name, sha256, format, archive_path) values (${loadId}, 1, 'bill.csv', 'x', 'csv', 'x')
    `.execute(this.db);
    await sql`
      insert into load_file_total (load_id, ordinal, billing_currency, row_count, billed_cost, effective_cost, list_cost, contracted_cost)
      select load_id, 1, billing_currency, row_count, billed_cost, effective_cost, list_cost, contracted_cost
      from load_total where load_id = ${loadId}
    `.execute(this.db);
    await attachLoad(this.db, loadId);
    await publishLoad(this.db, loadId, { at, principal: systemPrincipal });
    return loadId;
  }

  async invoice(at: Date, total: string): Promise<void> {
    const sheet = `invoice_id,source,billing_period,currency,total\nINV-1,aws,2026-09,USD,${total}\n`;
    await importInvoices(this.db, { sheet, fileName: 'invoices.csv', principal: FINANCE, dryRun: false, at });
  }

  async measure(at: Date, rows: string): Promise<void> {
    const sheet = `metric,unit,pod,period,quantity\n${rows}`;
    await importQuantities(this.db, { sheet, fileName: 'requests.csv', principal: FINANCE, dryRun: false, at });
  }

  /** One person prepares, another approves. */
  async close(at: Date, period: string): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      const { statement } = await prepareStatement(trx, {
        period,
        principal: localOperator,
        at,
        forcedReason: 'a test',
      });
      await approveStatement(trx, { statementId: statement.statementId, principal: FINANCE, at });
    });
  }

  /** Said again by somebody else of finance, it is verified. */
  async state(at: Date, amount: string, isVerified = false): Promise<void> {
    const input = {
      title: 'Paid faster',
      amount,
      currency: 'EUR',
      basis: 'cost_reduction' as const,
      deliveredOn: '2026-09-05',
      ownerEmail: 'val@example.com',
      shares: [{ pod: 'checkout', basisPoints: 6_000 }],
      references: [{ system: 'jira', key: 'PAY-1' }],
      baseline: { text: 'the month before', isOwnBill: false },
      evidenceUrl: 'https://evidence.example.com/PAY-1',
      ...(isVerified ? { state: 'verified' as const } : {}),
    };
    const principal = isVerified ? VERIFIER : FINANCE;
    const { state } = await this.db.transaction().execute((trx) => createOutcome(trx, { input, principal, at }));
    expect(state).toBe(isVerified ? 'verified' : 'claimed');
  }
}

const RATES = '2026-09-01,EUR,USD,1.1\n2026-09-10,EUR,USD,1.2\n';

interface Told {
  readonly history: History;
  readonly loads: readonly string[];
  /** The reports as they were, by instant. */
  readonly written: ReadonlyMap<Date, readonly string[]>;
}

async function tell(history: History): Promise<Told> {
  const written = new Map<Date, string[]>();
  const loads: string[] = [];
  const { db } = history;
  const shop = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Compute', tags: { team: 'checkout' } });
  const finder = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Storage', tags: { team: 'search' } });
  const network = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Network' });
  const cache = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Cache' });
  const stray = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Queue', resource_id: 'queue-1' });
  const bill = (compute: string, august = '-3'): ChargeGiven[] => [
    { originId: shop, date: '2026-09-01', billed: compute },
    { originId: shop, date: '2026-08-31', billed: august },
    { originId: finder, date: '2026-09-02', billed: '40', currency: 'EUR' },
    { originId: finder, date: '2026-09-02', billed: '10' },
    { originId: network, date: '2026-09-03', billed: '7.1' },
    { originId: network, date: '2026-09-03', billed: '3', currency: 'EUR' },
    { originId: cache, date: '2026-09-04', billed: '10.000000000001' },
    { originId: stray, date: '2026-09-12', billed: '5', currency: 'EUR' },
  ];
  const steps: ((at: Date) => Promise<unknown>)[] = [
    async (at) => loads.push(await history.publish(at, bill('90'))),
    (at) => history.apply(at, FILE, RATES),
    (at) => history.state(at, '300'),
    (at) => history.measure(at, 'requests,GB,checkout,2026-09,2\nrequests,,search,2026-09,1\n'),
    async (at) => loads.push(await history.publish(at, bill('130.25'))),
    (at) => history.apply(at, FILE, RATES.replace('1.2', '1.25')),
    (at) => history.state(at, '300', true),
    (at) => history.apply(at, `${FILE}  - { id: queues, when: { serviceName: Queue }, pod: search }\n`, RATES),
    (at) =>
      history.apply(
        at,
        FILE.replace('name: Checkout,', 'name: Tills,')
          .replace('"150.00"', '"180.00"')
          .replace('id: team,', 'id: teams,'),
        RATES,
      ),
    (at) => history.measure(at, 'requests,,checkout,2026-09,5\nrequests,,search,2026-09,withdrawn\n'),
    // A pod moves to another portfolio, gets another owner, and ends.
    (at) =>
      history.apply(
        at,
        FILE.replace('portfolio: commerce }', 'portfolio: growth, owner: eve@example.com, activeUntil: 2026-09-10 }'),
        RATES,
      ),
    (at) => history.measure(at, 'requests,,search,2026-09,3\nrequests,,search,2026-09-04,1\n'),
    (at) => history.invoice(at, '200'),
    (at) => history.close(at, '2026-08'),
    // August is closed: what its charges are restated to is an adjustment from here on.
    async (at) => loads.push(await history.publish(at, bill('60', '-5.5'))),
    (at) => history.invoice(at, '203.10'),
    (at) => history.state(at, '250'),
    (at) => history.publish(at, [{ originId: stray, date: '2026-09-20', billed: '11' }], 'azure'),
  ];
  for (const step of steps) {
    await history.step(step);
    const at = history.instants.at(-1) ?? NOW;
    const bytes: string[] = [];
    for (const name of NAMES) bytes.push(await bytesOf(db, name, at));
    written.set(at, bytes);
  }
  return { history, loads, written };
}

/** One history for the whole file; what the last block does to it, nobody before it sees. */
const test = base.extend('told', { scope: 'file' }, async ({}, { onCleanup }): Promise<Told> => {
  const { db, drop } = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'outturn-known-'));
  onCleanup(async () => {
    await rm(folder, { recursive: true, force: true });
    await drop();
  });
  return tell(new History(db, folder));
});

describe('a report as known at an instant', () => {
  test('has the bytes it had then, whatever was restated, corrected, verified, closed or ruled otherwise since, and changes nothing', {
    timeout: 600_000,
  }, async ({ told }) => {
    const { db } = told.history;
    expect(new Set([...told.written.values()].flat()).size).toBeGreaterThan(60);
    const [value = '', , bill = ''] = [...told.written.values()].at(-1) ?? [];
    expect(JSON.parse(value)).toMatchObject({ state: 'mixed', pods: [{ adjustments: { cost: '-2.5' } }, {}] });
    expect(bill).toContain('"invoice": "203.1"');
    const before = await readWholeDatabase(db);
    for (const [at, bytes] of told.written) expect(await replay(db, at), at.toISOString()).toEqual(bytes);
    expect(await readWholeDatabase(db)).toEqual(before);
  });

  test('has the parts of split cost that went by the quantities of then', async ({ told }) => {
    const parts = [...told.written.values()].map(([, text = '']) => {
      if (text.startsWith('refused')) return '';
      const rows = (JSON.parse(text) as { rows: Record<string, string>[] }).rows;
      return rows
        .filter((row) => row['rule'] === 'cache')
        .map((row) => `${row['pod']} ${row['effectiveCost']}`)
        .join(', ');
    });
    expect([...new Set(parts)]).toEqual([
      '',
      'null 10.000000000001',
      'checkout 6.666666666667, search 3.333333333334',
      'checkout 10.000000000001',
      'search 10.000000000001',
    ]);
  });

  test('takes a date as the end of that day in UTC, and today as now; not tomorrow', async ({ told }) => {
    const { db, instants } = told.history;
    const asOf = (asKnown: string) =>
      reportAsKnown(db, { asKnown, period: '2026-09', now: NOW, principal: FINANCE }, READERS.reconciliation);
    const [first = NOW, second = NOW] = instants;
    const day = first.toISOString().slice(0, 10);
    const { asKnown, ...report } = await asOf(day);
    expect(asKnown).toBe(`${day}T23:59:59.999Z`);
    expect(second.toISOString() > asKnown).toBe(true);
    expect(JSON.stringify(report, null, 2)).toBe(told.written.get(first)?.[2]);
    expect((await asOf('2026-11-20')).asKnown).toBe(NOW.toISOString());
    await expect(asOf('2026-11-21')).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('lies in the future') as unknown,
    });
    await expect(asOf('yesterday')).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('is refused to a pod’s token: what guards its rows does not guard a replay', async ({ told }) => {
    const request = { asKnown: '2026-10-20', period: '2026-09', now: NOW, principal: POD };
    await expect(reportAsKnown(told.history.db, request, READERS.reconciliation)).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});

describe('what is not kept any more', () => {
  test('is refused with the load, when it was replaced, and from when on a replay is possible', async ({ told }) => {
    const { history, loads } = told;
    const [first = NOW, , , , fifth = NOW] = history.instants;
    const { rows } = await sql<{ superseded_at: Date }>`
      select superseded_at from load where id = ${loads[0]}
    `.execute(history.db);
    const replaced = rows[0]?.superseded_at.toISOString() ?? '';
    const after91Days = new Date(Date.parse(replaced) + 91 * 86_400_000);
    await expect(replay(history.db, first, after91Days)).rejects.toMatchObject({
      code: 'not_replayable',
      message: expect.stringContaining(
        `load ${loads[0]} (aws 2026-09) counted then and was replaced at ${replaced}`,
      ) as unknown,
      details: { replayableFrom: replaced },
    });
    expect(await replay(history.db, fifth, after91Days)).toEqual(told.written.get(fifth));
  });

  test('is a dimension that rollups do not keep, once the charges were dropped; the others are still told', async ({
    told,
  }) => {
    const { history, loads } = told;
    const [, second = NOW] = history.instants;
    await dropLoadCharges(history.db, loads[0] ?? '');
    const [valueThen] = told.written.get(second) ?? [];
    const request = { asKnown: second.toISOString(), period: '2026-Q3', now: NOW, principal: FINANCE };
    const { asKnown: _, ...value } = await reportAsKnown(history.db, request, READERS['value-per-pod']);
    expect(JSON.stringify(value, null, 2)).toBe(valueThen);
    await expect(reportAsKnown(history.db, { ...request, needsCharges: true }, READERS.coverage)).rejects.toMatchObject(
      {
        code: 'not_replayable',
      },
    );
    const asked = { ...request, period: '2026-09', by: ['pod', 'tag.team'] };
    await expect(reportAsKnown(history.db, asked, READERS.costs)).rejects.toMatchObject({
      code: 'not_replayable',
      message: expect.stringContaining(
        `The charges of load ${loads[0]} were dropped since; what was kept of them has no tag.team`,
      ) as unknown,
    });
  });
});

/**
 * Goal: the export of a closed month is the bill as it was closed. Method: a month with every kind of split is exported, closed and
 * exported again; then its bill is restated, its rules, quantities and providers' columns change, and it is exported once more: the lines are
 * the same, and what differs is had with "as now".
 */
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { attributeLoadOrigins } from '../../services/attribution/attribute-origins.ts';
import { currentRulebook } from '../../services/attribution/store-rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { describeLoads } from '../../services/billing/describe-load.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { exportFocus, type ExportRequest, type FocusExport } from '../../services/export/export-focus.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { importQuantities } from '../../services/usage/import-quantities.ts';
import { pod, rulebook } from '../support/billed-charges.ts';
import { billLine, csvOf, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { AFTERWARDS, APPROVER, close, prepare, putInForce } from '../support/closing.ts';
import { createTestDatabase, test as base, type TestDatabase } from '../support/database.ts';
import { findFocusFaults } from '../support/focus-validator.ts';

const PODS = [pod('checkout'), pod('search')];
const SPLITS = [
  { id: 'by-cost', when: { serviceName: 'Network' }, split: { method: 'proportional', among: 'all' } },
  { id: 'by-use', when: { serviceName: 'Cache' }, split: { method: 'usage', metric: 'requests', among: 'all' } },
] as const;
const RULES = rulebook([...SPLITS, { id: 'tag', when: { tag: { pod: { exists: true } } }, podFromTag: 'pod' }], PODS);
const OTHER_RULES = rulebook([{ id: 'all', when: { provider: 'AWS' }, pod: 'search' }], PODS);

const LATER = new Date(AFTERWARDS.getTime() + 3_600_000);

const OCTOBER = {
  BillingPeriodStart: '2026-10-01T00:00:00Z',
  BillingPeriodEnd: '2026-11-01T00:00:00Z',
  ChargePeriodStart: '2026-10-01T00:00:00Z',
  ChargePeriodEnd: '2026-10-02T00:00:00Z',
};
/** With what FOCUS 1.2 wants beside what we read. */
const line = (cells: Readonly<Record<string, string>>) =>
  billLine({ PublisherName: 'AWS', InvoiceIssuerName: 'AWS', ServiceCategory: 'Compute', ...cells });
const tagged = (podId: string, cost: string, cells = {}) =>
  line({ BilledCost: cost, Tags: `{"pod": "${podId}"}`, ...cells });
const shared = (serviceName: string, cost: string, cells = {}) =>
  line({ ServiceName: serviceName, Tags: '', BilledCost: cost, ...cells });

const SEPTEMBER_LINES = [
  tagged('checkout', '28', { x_Discount: '{"a":1}' }),
  tagged('search', '36'),
  shared('Network', '18.000000000001'),
  shared('Cache', '7'),
  line({ BilledCost: '-0.5', Tags: '' }),
];
const RESTATED_LINES = [
  tagged('checkout', '90', { X_discount: 'other', x_Later: 'new' }),
  shared('Network', '10'),
  shared('Cache', '5'),
];

interface Company {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly statementId: string;
  /** Of September, open. */
  readonly before: FocusExport;
  /** Of September, closed and then changed: as its statement says, and as now known. */
  readonly closed: FocusExport;
  readonly now: FocusExport;
  /** From another database where one is given. */
  export(name: string, asked: Partial<ExportRequest>, db?: Kysely<DB>): Promise<FocusExport>;
}

const test = base.extend('company', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<Company> => {
  const folder = await makeBillFolder();
  onCleanup(() => folder.remove());
  const { db } = database;
  await putInForce(db, RULES);
  await db
    .insertInto('pod')
    .values(PODS.map(({ id }) => ({ id, name: id, kind: 'delivery' })))
    .execute();
  const measure = (rows: string, at: Date) =>
    importQuantities(db, {
      sheet: `metric,unit,pod,period,quantity\n${rows}`,
      fileName: 'requests.csv',
      dryRun: false,
      principal: APPROVER,
      at,
    });
  const exportTo: Company['export'] = (name, asked, from = db) =>
    exportFocus(from, {
      databaseUrl: database.url,
      by: 'charge',
      out: join(folder.path, name),
      mayOverwrite: false,
      workDir: join(folder.path, 'work'),
      progress: silentProgress,
      ...asked,
    });
  const bill = async (name: string, lines: Parameters<typeof csvOf>[0]) =>
    ingestInto(database, folder.path, await writeBill(folder.path, name, csvOf(lines)));
  await bill('september.csv', SEPTEMBER_LINES);
  await measure('requests,GB,checkout,2026-09,1\nrequests,,search,2026-09,2\n', AFTERWARDS);
  const before = await exportTo('before.csv', { period: '2026-09' });
  const statementId = await close(db, '2026-09', { forcedReason: 'a test' });
  await bill('restated.csv', RESTATED_LINES);
  await bill('october.csv', [tagged('checkout', '3', OCTOBER), shared('Network', '4', OCTOBER)]);
  await measure('requests,,checkout,2026-09,9\nrequests,,search,2026-09,withdrawn\n', LATER);
  await putInForce(db, OTHER_RULES);
  const closed = await exportTo('closed.csv', { period: '2026-09' });
  const now = await exportTo('now.csv', { period: '2026-09', asNow: true });
  return { database, folder: folder.path, statementId, before, closed, now, export: exportTo };
});

async function ingestInto(database: TestDatabase, folder: string, path: string): Promise<string[]> {
  const { db } = database;
  const loads = await stage(database, folder, [path], { deliveredAt: new Date() });
  const { id } = await currentRulebook(db);
  for (const { loadId } of loads) {
    await db.transaction().execute((trx) => attributeLoadOrigins(trx, id, loadId));
    await attachLoad(db, loadId);
    await publishLoad(db, loadId, { at: AFTERWARDS, principal: systemPrincipal });
  }
  return loads.map(({ loadId }) => loadId);
}

/** Rows of a query over an exported CSV, every cell as text. */
async function query(path: string, text: (file: string) => string): Promise<Record<string, string | null>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const file = `read_csv('${path}', header = true, all_varchar = true, nullstr = '', allow_quoted_nulls = false)`;
  const rows = (await connection.runAndReadAll(text(file))).getRowObjectsJS();
  connection.closeSync();
  instance.closeSync();
  return rows as Record<string, string | null>[];
}

const LINES = (file: string) => `select * exclude (x_StatementId) from ${file} order by x_Record::int, x_PodId`;
const BY_POD = (
  file: string,
) => `select x_PodId as pod, rtrim(rtrim(sum(BilledCost::decimal(38, 12))::varchar, '0'), '.') as billed
  from ${file} group by all order by pod nulls last`;

describe('the export of a closed month', () => {
  test('has the lines of the close, whatever was restated, ruled or measured since, and names the statement', async ({
    company,
  }) => {
    const { before, closed, statementId } = company;
    expect(before).toMatchObject({ state: 'open', statements: [] });
    expect(closed).toMatchObject({
      state: 'closed',
      statements: [{ statementId, period: '2026-09' }],
      rulebook: before.rulebook,
      totals: before.totals,
    });
    expect(await query(closed.file, LINES)).toEqual(await query(before.file, LINES));
    const named = await query(closed.file, (file) => `select distinct x_StatementId as id from ${file}`);
    expect(named).toEqual([{ id: statementId }]);
    const byStatement = await company.export('by-statement.csv', { statementId });
    expect(byStatement).toMatchObject({ state: 'closed', period: { id: '2026-09' }, totals: before.totals });
    expect(await query(byStatement.file, LINES)).toEqual(await query(before.file, LINES));
  });

  test('adds up to the statement, pod by pod', async ({ company }) => {
    const { rows } = await sql<{ pod: string | null; billed: string }>`
      select pod_id as pod, trim_scale(sum(billed_cost))::text as billed from statement_pod_day
      where statement_id = ${company.statementId}::integer and kind <> 'owned' group by pod_id order by pod_id nulls last
    `.execute(company.database.db);
    expect(rows.map(({ pod: id }) => id)).toEqual(['checkout', 'search', null]);
    expect(await query(company.closed.file, BY_POD)).toEqual(rows);
  });

  test('as now known is the restated bill under the rules of now', async ({ company }) => {
    const { now } = company;
    expect(now).toMatchObject({ state: 'open', statements: [], totals: [{ billedCost: '105' }] });
    expect(await query(now.file, BY_POD)).toEqual([{ pod: 'search', billed: '105' }]);
  });

  test('beside open months is one file, each part of its own rules', async ({ company }) => {
    const mixed = await company.export('mixed.csv', { period: '2026' });
    expect(mixed).toMatchObject({
      state: 'mixed',
      statements: [{ statementId: company.statementId, period: '2026-09' }],
      loads: 2,
    });
    const rows = await query(
      mixed.file,
      (file) =>
        `select distinct x_StatementId as statement, x_RulebookId as rulebook from ${file} order by rulebook::int`,
    );
    expect(rows).toEqual([
      { statement: company.statementId, rulebook: String(company.before.rulebook) },
      { statement: null, rulebook: String(mixed.rulebook) },
    ]);
    expect(await findFocusFaults(mixed.file)).toEqual([]);
  });

  test('may be cut to some of its days', async ({ company }) => {
    const part = await company.export('part.csv', { period: '2026-09-14..2026-09-15' });
    expect(part).toMatchObject({ state: 'closed', totals: company.before.totals });
    const none = await company.export('none.csv', { period: '2026-09-15..2026-09-16' });
    expect(none).toMatchObject({ state: 'closed', rows: 0, totals: [] });
  });

  test('read in again has its totals', async ({ company }) => {
    const { closed } = company;
    const other = await createTestDatabase();
    try {
      const loadIds = await ingestInto(other, company.folder, closed.file);
      const { loads } = await describeLoads(other.db, loadIds);
      expect(loads.map(({ totals }) => totals)).toEqual([closed.totals]);
    } finally {
      await other.drop();
    }
  });
});

describe('the columns of providers', () => {
  test('are carried through, spelt once, and empty where a bill lacks them', async ({ company }) => {
    const { closed, now } = company;
    expect(closed.columns.filter((name) => /^x_(discount|later)$/i.test(name))).toEqual(['x_Discount']);
    const rows = await query(
      closed.file,
      (file) => `select distinct x_Discount as discount from ${file} order by all nulls last`,
    );
    expect(rows).toEqual([{ discount: '{"a":1}' }, { discount: null }]);
    expect(now.columns.filter((name) => /^x_(discount|later)$/i.test(name))).toEqual(['X_discount', 'x_Later']);
  });

  test('of a Parquet bill are text: lists and structures as JSON, numbers and instants as they read', async ({
    company,
  }) => {
    const { folder } = company;
    const csv = await writeBill(folder, 'typed.csv', csvOf([tagged('checkout', '1')]));
    const parquet = join(folder, 'typed.parquet');
    const typed = `[{'a': 1, 'b': 'x'}] as x_List, {'c': 1234567890.123456789012345678} as x_Struct, 0.1::double as x_Double, true as x_Flag, null::varchar[] as x_None`;
    await query(csv, (file) => `copy (select *, ${typed} from ${file}) to '${parquet}' (format parquet)`);
    const other = await createTestDatabase();
    try {
      await ingestInto(other, folder, parquet);
      const made = await company.export('typed-out.csv', { databaseUrl: other.url, period: '2026-09' }, other.db);
      const rows = await query(made.file, (file) => `select x_List, x_Struct, x_Double, x_Flag, x_None from ${file}`);
      expect(rows).toEqual([
        {
          x_List: '[{"a":1,"b":"x"}]',
          x_Struct: '{"c":1234567890.123456789012345678}',
          x_Double: '0.1',
          x_Flag: 'true',
          x_None: null,
        },
      ]);
    } finally {
      await other.drop();
    }
  });

  test('do not pass for ours: of an export read in again, whose a line is comes from the rules there', async ({
    company,
  }) => {
    const { closed } = company;
    const other = await createTestDatabase();
    try {
      await ingestInto(other, company.folder, closed.file);
      const second = await company.export('second.csv', { databaseUrl: other.url, period: '2026-09' }, other.db);
      expect(second.columns).toEqual(closed.columns);
      const pods = await query(second.file, (file) => `select distinct x_PodId as pod, x_Discount as own from ${file}`);
      expect(pods).toHaveLength(2);
      expect(pods.map((row) => row['pod'])).toEqual([null, null]);
    } finally {
      await other.drop();
    }
  });
});

describe('an export', () => {
  test('of a statement that nobody approved, of none there is, or of two things at once is refused', async ({
    company,
  }) => {
    const { statement } = await prepare(company.database.db, '2026-10', { forcedReason: 'a test' });
    const ask = (asked: Partial<ExportRequest>) => company.export('refused.csv', asked);
    await expect(ask({ statementId: statement.statementId })).rejects.toMatchObject({ code: 'conflict' });
    await expect(ask({ statementId: '99' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(ask({})).rejects.toMatchObject({ code: 'invalid_input' });
    const { statementId } = company;
    await expect(ask({ statementId, period: '2026-09' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(ask({ statementId, asNow: true })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(ask({ statementId, by: 'billing' })).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('of a statement that was superseded still has the lines it was closed with', async ({ company }) => {
    const reissued = await close(company.database.db, '2026-09', {
      forcedReason: 'a test',
      reissueReason: 'the bill was restated',
    });
    const now = await company.export('reissued.csv', { period: '2026-09' });
    expect(now).toMatchObject({ statements: [{ statementId: reissued }], totals: [{ billedCost: '105' }] });
    const former = await company.export('former.csv', { statementId: company.statementId });
    expect(await query(former.file, LINES)).toEqual(await query(company.before.file, LINES));
  });
});

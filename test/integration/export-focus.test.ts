/**
 * Goal: the exported file says what the reports say and is FOCUS 1.2. Method: bills with every kind of attribution and awkward numbers are
 * published, exported, added up by another reader, compared with the reports to the last decimal, checked against the specification's
 * rules, and ingested again.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { attributeLoadOrigins } from '../../services/attribution/attribute-origins.ts';
import { currentRulebook } from '../../services/attribution/store-rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { describeLoads } from '../../services/billing/describe-load.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { exportFocus, type FocusExport } from '../../services/export/export-focus.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { costs } from '../../services/reports/costs.ts';
import { AT, pod, rulebook, store } from '../support/billed-charges.ts';
import { billLine, csvOf, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { createTestDatabase, test as base, type TestDatabase } from '../support/database.ts';
import { findFocusFaults } from '../support/focus-validator.ts';
import { isAvailable, realBills } from '../support/requirements.ts';

const RULES = rulebook(
  [
    { id: 'even', when: { serviceName: 'Network' }, split: { method: 'even', among: ['checkout', 'search', 'zebra'] } },
    { id: 'by-cost', when: { serviceName: 'Support' }, split: { method: 'proportional', among: 'all' } },
    { id: 'nobody', when: { serviceName: 'Orphan' }, split: { method: 'even', among: ['ended'] } },
    { id: 'tag', when: { tag: { pod: { exists: true } } }, podFromTag: 'pod' },
  ],
  [pod('checkout'), pod('search'), pod('zebra'), pod('ended', { activeUntil: '2026-01-01' })],
);
const OPTIONS = { at: AT, principal: systemPrincipal };
const DAY_2 = { ChargePeriodStart: '2026-09-02T00:00:00Z', ChargePeriodEnd: '2026-09-03T00:00:00Z' };
const AUGUST = { ChargePeriodStart: '2026-08-31T00:00:00Z', ChargePeriodEnd: '2026-09-01T00:00:00Z' };

/** A line with what FOCUS 1.2 wants beside what we read. */
const line = (cells: Readonly<Record<string, string>>) =>
  billLine({
    PublisherName: 'AWS',
    InvoiceIssuerName: 'AWS',
    ServiceCategory: 'Compute',
    SubAccountId: 's-1',
    ConsumedQuantity: '10',
    ConsumedUnit: 'Hours',
    PricingQuantity: '7',
    PricingUnit: 'Hours',
    ListUnitPrice: '0.2000',
    AvailabilityZone: 'eu-west-1a',
    SkuPriceDetails: '{"tier": "1"}',
    x_Own: '  kept {as it is}',
    ...cells,
  });
const network = (cost: string, cells: Readonly<Record<string, string>> = {}) =>
  line({ ServiceName: 'Network', Tags: '', BilledCost: cost, EffectiveCost: cost, ...cells });

const FIRST = [
  line({ BilledCost: '1.5', Tags: '{"pod": "checkout", "note": null}' }),
  line({
    BilledCost: '2.32E-9',
    EffectiveCost: '35.2e-7',
    ListCost: '+007.50',
    ContractedCost: '.5',
    Tags: '{"pod": "search"}',
  }),
  line({ BilledCost: '0.1234567890123456789012345678', Tags: '', ServiceName: '' }),
  network('10'),
  network('0.01', { ListCost: '0.0000000000001', ContractedCost: '' }),
  network('-3.333333333333333', DAY_2),
  network('0'),
  line({ ServiceName: 'Support', Tags: '', BilledCost: '17.29', BillingCurrency: 'EUR', ...DAY_2 }),
  line({ ServiceName: 'Support', Tags: '', BilledCost: '100', ...AUGUST }),
  line({ BilledCost: '9', Tags: '{"pod": "zebra"}', BillingCurrency: 'EUR', ...DAY_2 }),
];
const SECOND = [
  network('5', DAY_2),
  network('-5', { ...DAY_2, EffectiveCost: '-6.6666666666666666' }),
  line({ ServiceName: 'Support', Tags: '', BilledCost: '0.000000000001' }),
  line({ ServiceName: 'Orphan', Tags: '', BilledCost: '4.4', ConsumedQuantity: '', ConsumedUnit: '' }),
  network('1', { ...DAY_2, ConsumedQuantity: '1e-1' }),
];
/** Lines that cancel each other out, alone in their cell. */
const CANCELLED = [network('8', { ProviderName: 'Other' }), network('-8', { ProviderName: 'Other' })];

interface Company {
  readonly database: TestDatabase;
  readonly folder: string;
  export(name: string, options?: { period?: string; by?: 'charge' | 'billing' }): Promise<FocusExport>;
  ingest(paths: readonly string[], sourceId: string): Promise<string[]>;
}

const test = base.extend('company', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<Company> => {
  const folder = await makeBillFolder();
  onCleanup(() => folder.remove());
  const { db } = database;
  const rulebookId = await db.transaction().execute((trx) => store(trx, RULES));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, OPTIONS));
  const ingest = (paths: readonly string[], sourceId: string) => ingestInto(database, folder.path, paths, sourceId);
  const paths = [
    await writeBill(folder.path, 'first.csv', csvOf(FIRST)),
    await writeBill(folder.path, 'second.csv', csvOf([...SECOND, ...CANCELLED])),
  ];
  await ingest([await writeBill(folder.path, 'former.csv', csvOf([line({ BilledCost: '777' })]))], 'files');
  await ingest(paths, 'files');
  return {
    database,
    folder: folder.path,
    ingest,
    export: (name, { period = '2026-09', by = 'charge' } = {}) =>
      exportFocus(db, {
        databaseUrl: database.url,
        period,
        by,
        out: join(folder.path, name),
        mayOverwrite: false,
        workDir: join(folder.path, 'work'),
        progress: silentProgress,
      }),
  };
});

async function ingestInto(
  database: TestDatabase,
  folder: string,
  paths: readonly string[],
  sourceId: string,
): Promise<string[]> {
  const { db } = database;
  await sql`insert into source (id, kind) values (${sourceId}, 'focus-files') on conflict do nothing`.execute(db);
  const loads = await stage(database, folder, paths, { sourceId, deliveredAt: new Date() });
  const { id } = await currentRulebook(db);
  for (const { loadId } of loads) {
    await db.transaction().execute((trx) => attributeLoadOrigins(trx, id, loadId));
    await attachLoad(db, loadId);
    await publishLoad(db, loadId, OPTIONS);
  }
  return loads.map(({ loadId }) => loadId);
}

/** Rows of a query over an exported file, read by another engine's CSV or Parquet reader with every cell as text. */
async function query(path: string, text: (file: string) => string): Promise<Record<string, string | null>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const file = path.endsWith('.parquet')
    ? `read_parquet('${path}')`
    : `read_csv('${path}', header = true, all_varchar = true, nullstr = '', allow_quoted_nulls = false)`;
  const rows = (await connection.runAndReadAll(text(file))).getRowObjectsJS();
  connection.closeSync();
  instance.closeSync();
  return rows as Record<string, string | null>[];
}

const MONEY = 'decimal(38, 28)';
const sumOf = (metric: string) => `trim_scale_text(sum(${metric}::${MONEY})::varchar)`;

/** Exact sums by the given keys, written like the reports write them. */
async function sumsBy(path: string, keys: readonly string[]): Promise<Record<string, string | null>[]> {
  return query(path, (file) =>
    `select ${keys.join(', ')}, ${['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost']
      .map((metric) => `${sumOf(metric)} as ${metric}`)
      .join(', ')} from ${file} group by all order by all`.replaceAll(
      /trim_scale_text\((sum\([^)]*\)\)?::\w+)\)/g,
      (_, text: string) => `rtrim(rtrim(${text}, '0'), '.')`,
    ),
  );
}

describe('the exported lines', () => {
  test('add up to the reports by pod, day, service, kind and rule, to the last decimal', async ({ company }) => {
    const made = await company.export('sums.csv');
    const report = await costs(company.database.db, {
      period: '2026-09',
      by: ['pod', 'day', 'serviceName', 'kind', 'rule'],
      currency: 'billing',
      at: AT,
    });
    const found = await sumsBy(made.file, [
      'x_PodId as pod',
      'ChargePeriodStart[1:10] as day',
      `case when ServiceName = 'Usage' then null else ServiceName end as service`,
      `case x_AttributionKind when 'shared' then 'shared' else case x_AttributionRuleId when 'nobody' then 'shared' else 'direct' end end as kind`,
      'x_AttributionRuleId as rule',
      'BillingCurrency as currency',
    ]);
    const written = found.map((row) => JSON.stringify(Object.values(row))).sort();
    const due = report.rows.map((row) =>
      JSON.stringify([
        row['pod'],
        row['day'],
        row['serviceName'],
        row['kind'],
        row['rule'],
        row['billingCurrency'],
        row.billedCost,
        row.effectiveCost,
        row.listCost,
        row.contractedCost,
      ]),
    );
    const isSomething = (text: string) => !text.endsWith('"0","0","0","0"]');
    expect(written.filter(isSomething)).toEqual(due.filter(isSomething).sort());
    expect(written.length).toBeGreaterThan(12);
  });

  test('of a split are one for each pod, whose parts are the delivered line, quantities too', async ({ company }) => {
    const made = await company.export('parts.csv');
    const lines = await query(
      made.file,
      (
        file,
      ) => `select * from (select x_FileName as file, x_Record as record, count(*)::varchar as parts, list(x_PodId order by x_PodId)::varchar as pods,
        rtrim(rtrim(sum(BilledCost::${MONEY})::varchar, '0'), '.') as billed, rtrim(rtrim(sum(PricingQuantity::${MONEY})::varchar, '0'), '.') as quantity
        from ${file} where ServiceName = 'Network' group by all) order by file, record::int`,
    );
    const pods = '[checkout, search, zebra]';
    const whole = (file: string, record: string, billed: string) => ({
      file,
      record,
      parts: '3',
      pods,
      billed,
      quantity: '7',
    });
    expect(lines).toEqual([
      whole('first.csv', '4', '10'),
      whole('first.csv', '5', '0.01'),
      whole('first.csv', '6', '-3.333333333333333'),
      whole('first.csv', '7', '0'),
      whole('second.csv', '1', '5'),
      whole('second.csv', '2', '-5'),
      whole('second.csv', '5', '1'),
      whole('second.csv', '6', '8'),
      whole('second.csv', '7', '-8'),
    ]);
    const share = await query(
      made.file,
      (file) => `select distinct x_Share as share from ${file} where x_AttributionRuleId = 'even'`,
    );
    expect(share).toEqual([{ share: '0.333333333333333' }]);
    const nothing = await query(
      made.file,
      (file) => `select distinct BilledCost as billed from ${file} where x_FileName = 'first.csv' and x_Record = '7'`,
    );
    expect(nothing).toEqual([{ billed: '0' }]);
  });

  test('say whose they are: pod and rule, nobody, and a split that nobody can carry', async ({ company }) => {
    const made = await company.export('whose.csv');
    const rows = await query(
      made.file,
      (
        file,
      ) => `select x_FileName as file, x_Record as record, x_PodId as pod, x_AttributionKind as kind, x_AttributionRuleId as rule, x_Share as share
        from ${file} where x_AttributionKind <> 'shared' order by file, record::int`,
    );
    expect(rows).toEqual([
      { file: 'first.csv', record: '1', pod: 'checkout', kind: 'direct', rule: 'tag', share: '1' },
      { file: 'first.csv', record: '2', pod: 'search', kind: 'direct', rule: 'tag', share: '1' },
      { file: 'first.csv', record: '3', pod: null, kind: 'unattributed', rule: null, share: '1' },
      { file: 'first.csv', record: '10', pod: 'zebra', kind: 'direct', rule: 'tag', share: '1' },
      { file: 'second.csv', record: '4', pod: null, kind: 'unattributed', rule: 'nobody', share: '1' },
    ]);
  });
});

describe('the exported file', () => {
  test('is FOCUS 1.2: columns, nulls, types, values', async ({ company }) => {
    const made = await company.export('valid.csv');
    expect(await findFocusFaults(made.file)).toEqual([]);
    expect(made.columns).toEqual(
      expect.arrayContaining(['AvailabilityZone', 'SkuPriceDetails', 'x_PodId', 'x_Record']),
    );
    const providers = await query(made.file, (file) => `select distinct x_Own as own from ${file}`);
    expect(providers).toEqual([{ own: '  kept {as it is}' }]);
    const [numbers] = await query(
      made.file,
      (file) =>
        `select BilledCost, EffectiveCost, ListCost, ContractedCost, ChargePeriodStart from ${file} where x_FileName = 'first.csv' and x_Record = '2'`,
    );
    expect(Object.values(numbers ?? {})).toEqual(['0.00000000232', '0.00000352', '7.5', '0.5', '2026-09-14T00:00:00Z']);
    const [third] = await query(
      made.file,
      (file) => `select BilledCost, ServiceName, Tags from ${file} where x_FileName = 'first.csv' and x_Record = '3'`,
    );
    expect(third).toEqual({ BilledCost: '0.1234567890123456789012345678', ServiceName: 'Usage', Tags: '{}' });
  });

  test('read in again has the same totals, from CSV, CSV.GZ and Parquet', async ({ company }) => {
    for (const ending of ['csv', 'csv.gz', 'parquet']) {
      const made = await company.export(`again.${ending}`, { by: 'billing' });
      const other = await createTestDatabase();
      try {
        const [loadId = ''] = await ingestInto(other, company.folder, [made.file], 'again');
        const { loads } = await describeLoads(other.db, [loadId]);
        expect(loads[0]?.totals, ending).toEqual(made.totals);
        expect(loads[0]?.rows, ending).toBe(made.rows);
      } finally {
        await other.drop();
      }
    }
  });

  test('by billing period is the whole bill, by charge date only what was charged then; what was superseded is in neither', async ({
    company,
  }) => {
    const { rows } = await sql<{ total: string }>`
      select trim_scale(billed_cost)::text as total from load_total join load on load.id = load_id
      where source_id = 'files' and state = 'published' and billing_currency = 'USD'
    `.execute(company.database.db);
    const billing = await company.export('billing.csv', { by: 'billing' });
    expect(billing.totals.find((total) => total.billingCurrency === 'USD')?.billedCost).toBe(rows[0]?.total);
    const august = await company.export('august.csv', { period: '2026-08' });
    expect(august).toMatchObject({ loads: 1, totals: [{ billingCurrency: 'USD', billedCost: '100' }] });
    const none = await company.export('none.csv', { period: '2025-01' });
    expect(none).toMatchObject({ loads: 0, rows: 0, totals: [] });
    expect((await readFile(none.file, 'utf8')).split('\n')[0]).toContain('BilledCost,BillingAccountId');
  });

  test('is not written over another, nor without a known ending or a folder, and leaves nothing half done', async ({
    company,
  }) => {
    await company.export('once.csv');
    await expect(company.export('once.csv')).rejects.toMatchObject({ code: 'conflict' });
    await expect(company.export('once.xlsx')).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(company.export('nowhere/once.csv')).rejects.toMatchObject({ code: 'invalid_input' });
    const other = await createTestDatabase();
    const [loadId = ''] = await ingestInto(other, company.folder, [join(company.folder, 'first.csv')], 'gone');
    await sql`update load_file set archive_path = '/nowhere/gone.parquet' where load_id = ${loadId}::bigint`.execute(
      other.db,
    );
    const request = {
      databaseUrl: other.url,
      period: '2026-09',
      by: 'charge' as const,
      mayOverwrite: false,
      progress: silentProgress,
    };
    const made = exportFocus(other.db, {
      ...request,
      out: join(company.folder, 'gone.csv'),
      workDir: join(company.folder, 'work'),
    });
    await expect(made).rejects.toMatchObject({ code: 'bill_unreadable' });
    await other.drop();
    const left = await readdir(company.folder);
    expect(left.filter((name) => name.includes('gone') || name.endsWith('.tmp'))).toEqual([]);
  });
});

describe.runIf(isAvailable('bills'))('the public sample of a real bill', () => {
  test('exported and read in again has its known totals', async ({ company }) => {
    const sample = await createTestDatabase();
    const again = await createTestDatabase();
    try {
      await ingestInto(sample, company.folder, [join(realBills(), 'focus-sample-1.0', 'focus_sample.csv')], 'sample');
      const made = await exportFocus(sample.db, {
        databaseUrl: sample.url,
        period: '2024',
        by: 'billing',
        out: join(company.folder, 'sample.parquet'),
        mayOverwrite: false,
        workDir: join(company.folder, 'work'),
        progress: silentProgress,
      });
      expect(made.totals).toEqual([
        {
          billingCurrency: 'USD',
          billedCost: '20.52022672899',
          effectiveCost: '14.97651418586',
          listCost: '20.39090575119',
          contractedCost: '14.97626039326',
        },
      ]);
      const loadIds = await ingestInto(again, company.folder, [made.file], 'again');
      const { rows } = await sql<{ billed: string }>`
        select trim_scale(sum(billed_cost))::text as billed from load_total where load_id = any(${loadIds}::bigint[])
      `.execute(again.db);
      expect(rows).toEqual([{ billed: '20.52022672899' }]);
    } finally {
      await sample.drop();
      await again.drop();
    }
  });
});

/**
 * The sample's bills, read back as any stranger would: as text, by a query of their own. They must add up to what the generator says,
 * carry FOCUS's mandatory columns, be the same bytes on every run, and cross exactly the three envelopes they are meant to.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SampleBill, writeSampleBills } from '../../examples/sample-organisation/bills.ts';
import { sampleOrganisation } from '../../examples/sample-organisation/sample-organisation.ts';
import { compare, type Decimal, decimal, ratio, ZERO } from '../../services/kernel/decimal.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';

const TODAY = '2026-11-22';
const SECOND_DAY = '2026-10-02';
const GENERATE_TIMEOUT_MS = 300_000;
const MANDATORY = [
  'BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory',
  'ChargeClass ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName',
  'ListCost PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory ServiceName',
].flatMap((names) => names.split(' '));
const NEVER_NULL = MANDATORY.filter((name) => !['ChargeClass', 'PricingQuantity', 'PricingUnit'].includes(name));

let folder = '';
let secondDayFolder = '';
let db: DuckDBConnection;
let secondDayDb: DuckDBConnection;
let bills: SampleBill[] = [];
let filesReported = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outturn-sample-'));
  secondDayFolder = await mkdtemp(join(tmpdir(), 'outturn-sample-'));
  bills = await writeSampleBills(folder, TODAY, { onProgress: ({ filesDone }) => (filesReported = filesDone) });
  // Its quarter is a day old: one month has all of it.
  await writeSampleBills(secondDayFolder, SECOND_DAY, { since: '2026-10' });
  db = await openBills(folder);
  secondDayDb = await openBills(secondDayFolder);
}, GENERATE_TIMEOUT_MS);

afterAll(async () => {
  db.closeSync();
  secondDayDb.closeSync();
  for (const written of [folder, secondDayFolder]) await rm(written, { recursive: true, force: true });
});

/** Reads every bill of a folder into the table `bill` of a database of its own, every cell as text. */
async function openBills(root: string): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '2GB' });
  const connection = await instance.connect();
  const time = (name: string): string => `strftime(${name}, '%Y-%m-%dT%H:%M:%SZ') AS ${name}`;
  const text = (name: string): string => `${name}::VARCHAR AS ${name}`;
  const csv = (pattern: string): string =>
    `read_csv('${root}/bills/${pattern}', delim = ',', quote = '"', escape = '"', header = true, all_varchar = true, filename = true)`;
  await connection.run(`CREATE TABLE bill AS
    SELECT * FROM ${csv('aws/*/*.csv.gz')}
    UNION ALL BY NAME SELECT * FROM ${csv('azure/*/*.csv')}
    UNION ALL BY NAME SELECT * REPLACE (
      ${['BillingPeriodStart', 'BillingPeriodEnd', 'ChargePeriodStart', 'ChargePeriodEnd'].map(time).join(', ')},
      ${['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost', 'PricingQuantity'].map(text).join(', ')},
      to_json(Tags)::VARCHAR AS Tags)
    FROM read_parquet('${root}/bills/gcp/*/*.parquet', filename = true)`);
  return connection;
}

async function ask(connection: DuckDBConnection, query: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(query)).getRowObjectsJson();
}

describe('the bills of four quarters', () => {
  test('are about 250,000 lines in one file per cloud and billing month', () => {
    const lines = bills.reduce((sum, bill) => sum + bill.lines, 0);
    expect(lines).toBeGreaterThan(240_000);
    expect(lines).toBeLessThan(260_000);
    expect(bills.map((bill) => `${bill.sourceId} ${bill.billingPeriod}`)).toHaveLength(33);
    expect(new Set(bills.map((bill) => bill.path)).size).toBe(33);
    expect(filesReported).toBe(33);
  });

  test('add up, as text, to exactly what the generator says, file by file', async () => {
    const sums = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'].map(
      (name) => `rtrim(rtrim(sum(CAST(${name} AS DECIMAL(30,12)))::VARCHAR, '0'), '.') AS ${name}`,
    );
    const rows = await ask(
      db,
      `SELECT filename, count(*)::INTEGER AS lines, min(BillingCurrency) AS low, max(BillingCurrency) AS high, ${sums.join(', ')} FROM bill GROUP BY filename ORDER BY filename`,
    );
    expect(rows).toEqual(
      bills.map((bill) => ({
        filename: bill.path,
        lines: bill.lines,
        low: bill.billingCurrency,
        high: bill.billingCurrency,
        BilledCost: bill.billedCost,
        EffectiveCost: bill.effectiveCost,
        ListCost: bill.listCost,
        ContractedCost: bill.contractedCost,
      })),
    );
  });

  test('write money as plain decimals of at most twelve places, as no float would', async () => {
    const names = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'];
    const odd = names.map((name) => `NOT regexp_full_match(${name}, '-?[0-9]+([.][0-9]{1,12})?')`).join(' OR ');
    expect(await ask(db, `SELECT count(*)::INTEGER AS odd FROM bill WHERE ${odd}`)).toEqual([{ odd: 0 }]);
  });

  test('have every mandatory column, filled where FOCUS allows no null', async () => {
    const header = (await ask(db, `SELECT column_name FROM (DESCRIBE bill)`)).map((row) => row['column_name']);
    expect(MANDATORY.filter((name) => !header.includes(name))).toEqual([]);
    const nulls = NEVER_NULL.map((name) => `(count(*) - count(${name}))::INTEGER AS ${name}`);
    expect(await ask(db, `SELECT ${nulls.join(', ')} FROM bill`)).toEqual([
      Object.fromEntries(NEVER_NULL.map((name) => [name, 0])),
    ]);
  });

  test('have half-open UTC periods, in the month of their folder, through yesterday', async () => {
    const rows = await ask(
      db,
      `SELECT count(*) FILTER (ChargePeriodStart::TIMESTAMP >= ChargePeriodEnd::TIMESTAMP)::INTEGER AS backwards,
        count(*) FILTER (NOT contains(filename, '/' || BillingPeriodStart[:7] || '/'))::INTEGER AS misfiled,
        count(*) FILTER (BillingPeriodEnd::TIMESTAMP <> BillingPeriodStart::TIMESTAMP + INTERVAL 1 MONTH)::INTEGER AS crooked,
        min(ChargePeriodStart)[:10] AS first, max(ChargePeriodStart) FILTER (ChargeCategory = 'Usage')[:10] AS last FROM bill`,
    );
    expect(rows).toEqual([{ backwards: 0, misfiled: 0, crooked: 0, first: '2026-01-01', last: '2026-11-21' }]);
  });

  test('hold what real bills hold', async () => {
    const rows = await ask(
      db,
      `SELECT ProviderName AS provider, count(*) FILTER (ChargeCategory = 'Tax') > 0 AS tax, count(*) FILTER (ChargeCategory = 'Credit') > 0 AS credits,
        count(*) FILTER (ChargeClass = 'Correction' AND ChargePeriodStart[:7] < BillingPeriodStart[:7]) > 0 AS corrections,
        count(*) FILTER (CommitmentDiscountStatus = 'Unused') > 0 AS unused, count(*) FILTER (ChargeCategory = 'Usage' AND Tags IS NULL) > 0 AS untagged,
        count(*) FILTER (ChargePeriodEnd::TIMESTAMP - ChargePeriodStart::TIMESTAMP = INTERVAL 1 HOUR) > 0 AS hourly
      FROM bill GROUP BY ProviderName ORDER BY ProviderName`,
    );
    expect(rows).toEqual([
      { provider: 'AWS', tax: true, credits: true, corrections: true, unused: true, untagged: true, hourly: true },
      {
        provider: 'Google Cloud',
        tax: true,
        credits: true,
        corrections: true,
        unused: false,
        untagged: true,
        hourly: false,
      },
      {
        provider: 'Microsoft',
        tax: false,
        credits: true,
        corrections: true,
        unused: true,
        untagged: true,
        hourly: false,
      },
    ]);
  });

  test('spread a bought commitment over used and unused, to the last decimal, in every complete month', async () => {
    const rows = await ask(
      db,
      `SELECT BillingPeriodStart[:7] AS month FROM bill WHERE ProviderName = 'Microsoft' AND CommitmentDiscountId IS NOT NULL AND BillingPeriodStart < '2026-11'
      GROUP BY ALL HAVING sum(BilledCost::DECIMAL(30,12)) <> sum(EffectiveCost::DECIMAL(30,12)) OR min(EffectiveCost::DECIMAL(30,12)) < 0`,
    );
    expect(rows).toEqual([]);
  });

  test('let search grow by one percent a week', async () => {
    const rows = await ask(
      db,
      `SELECT sum(EffectiveCost::DOUBLE) FILTER (week = 30) / sum(EffectiveCost::DOUBLE) FILTER (week = 10) AS growth
      FROM (SELECT *, date_diff('day', DATE '2026-01-01', ChargePeriodStart[:10]::DATE) // 7 AS week FROM bill)
      WHERE ChargeCategory = 'Usage' AND ChargeClass IS NULL AND contains(lower(Tags), 'search')`,
    );
    expect(rows[0]?.['growth']).toBeCloseTo(1.01 ** 20, 1);
  });

  test('are the same bytes when written again, whichever months are written with them', {
    timeout: GENERATE_TIMEOUT_MS,
  }, async ({ onTestFinished }) => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'outturn-sample-'));
    onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
    const again = await writeSampleBills(elsewhere, TODAY, { since: '2026-09' });
    const former = bills.filter(({ billingPeriod }) => billingPeriod >= '2026-09');
    const placed = (bill: SampleBill) => ({ ...bill, path: bill.path.replace(folder, elsewhere) });
    expect(again).toEqual(former.map(placed));
    expect(await digestsOf(again)).toEqual(await digestsOf(former));
  });
});

function digestsOf(written: readonly SampleBill[]): Promise<string[]> {
  return Promise.all(
    written.map(async ({ path }) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ),
  );
}

/** What the three pods cost directly in Q4, by tags and accounts alone, in US dollars; none of the three has charges in euros but checkout. */
const SPENT = `SELECT CASE
    WHEN contains(lower(Tags), '"checkout') OR contains(lower(Tags), '" checkout') OR contains(Tags, 'check-out')
      OR regexp_matches(lower(Tags), '"app": ?"(order-api|basket)"') THEN 'checkout'
    WHEN SubAccountId = 'lf-insights-prod' OR contains(lower(Tags), '"insights"') THEN 'insights'
    WHEN SubAccountId = '041000000105' OR contains(lower(Tags), 'push-service') OR contains(lower(Tags), 'mobile-api') THEN 'mobile' END AS pod,
    sum(EffectiveCost::DECIMAL(30,12) * CASE BillingCurrency WHEN 'EUR' THEN 1.08 ELSE 1 END)::VARCHAR AS spent
  FROM bill WHERE ChargePeriodStart >= '2026-10' AND ChargeCategory <> 'Tax' AND pod IS NOT NULL GROUP BY pod ORDER BY pod`;

describe('the three envelopes', () => {
  test.each([TODAY, SECOND_DAY])('are near, over and far over on %s', async (today) => {
    const { envelopes } = parseOrganisation(sampleOrganisation(today).yaml);
    const spent = await ask(today === TODAY ? db : secondDayDb, SPENT);
    const used: Readonly<Record<string, Decimal>> = Object.fromEntries(
      spent.map(({ pod, spent: dollars }) => {
        const limit = envelopes.find((envelope) => envelope.scope.id === pod && envelope.period === '2026-Q4')?.limit;
        return [String(pod), decimal(ratio(decimal(String(dollars)), decimal(limit ?? '')))];
      }),
    );
    const lies = (pod: string, above: string, below: string) =>
      compare(used[pod] ?? ZERO, decimal(above)) > 0 && compare(used[pod] ?? ZERO, decimal(below)) < 0;
    expect({ used, checkout: lies('checkout', '0.81', '0.97') }).toMatchObject({ checkout: true });
    expect({ used, insights: lies('insights', '1.05', '1.4') }).toMatchObject({ insights: true });
    expect({ used, mobile: lies('mobile', '1.52', '1.95') }).toMatchObject({ mobile: true });
  });
});

/**
 * How much the rules give to somebody and what would catch the rest, over bills published the product's own way: sums by account and
 * month, reasons, suggestions that keep their word when they are pasted, and a real bill.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import { renderCoverage } from '../../cli/render/coverage.ts';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { add, decimal, subtract, sum } from '../../services/kernel/decimal.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { costs } from '../../services/reports/costs.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { coverageTable } from '../../services/reports/coverage-tables.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import {
  AT,
  insertOrigin,
  insertStagedLoad,
  type OriginGiven,
  pod,
  rulebook,
  store,
} from '../support/billed-charges.ts';
import { makeBillFolder, stage } from '../support/billing.ts';
import { createTestDatabase, test as base, type TestDatabase } from '../support/database.ts';
import { isAvailable, realBills } from '../support/requirements.ts';

const RULES = rulebook(
  [
    { id: 'sandbox', when: { tag: { environment: 'sandbox' } }, unattributed: 'sandboxes belong to nobody' },
    { id: 'network', when: { serviceName: 'Network' }, split: { method: 'even', among: ['basket'] } },
    { id: 'team', when: { tag: { team: { exists: true } } }, podFromTag: 'team' },
  ],
  [pod('checkout', { aliases: ['shop'] }), pod('search'), pod('basket', { activeUntil: '2026-09-10' })],
);

interface Bill {
  readonly db: Kysely<DB>;
}

/** A bill in two months, two currencies and two accounts; every cost is recognisable by its digits. */
async function publishBill({ db }: TestDatabase): Promise<Bill> {
  const rulebookId = await db.transaction().execute(async (trx) => {
    const days = ['2026-09-01', '2026-09-08', '2026-09-15', '2026-10-01'];
    const text = ['date,base,quote,rate', ...days.map((day) => `${day},EUR,USD,1.5`), ''].join('\n');
    await importFxFiles(trx, [{ name: 'ecb.csv', text }]);
    return store(trx, RULES);
  });
  await activate(db, rulebookId);
  const aws = (given: OriginGiven) =>
    insertOrigin(db, {
      provider_name: 'AWS',
      billing_account_id: '1',
      sub_account_id: '11',
      service_name: 'Compute',
      ...given,
    });
  const known = await aws({ tags: { team: 'Checkout' } });
  const network = await aws({ service_name: 'Network', resource_id: 'gw-1' });
  const sandbox = await aws({ tags: { environment: 'Sandbox', application: 'shop' } });
  const tagged = await aws({ tags: { Application: 'Shop' } });
  const strayApp = await aws({ tags: { application: 'brightlens' } });
  const named = await aws({ resource_name: 'search-vm-1', resource_id: 'vm-1' });
  const other = await aws({
    sub_account_id: '12',
    sub_account_name: 'Legacy',
    service_name: 'Storage',
    tags: { Name: 'x' },
  });
  const azure = await insertOrigin(db, { provider_name: 'Microsoft', billing_account_id: '2', service_name: 'Queue' });
  const loadId = await insertStagedLoad(db, {
    end: '2026-11-01',
    charges: [
      { originId: known, date: '2026-09-01', billed: '1000', effective: '900' },
      { originId: network, date: '2026-09-09', billed: '40' },
      { originId: network, date: '2026-09-20', billed: '7.5' },
      { originId: sandbox, date: '2026-09-02', billed: '3' },
      { originId: tagged, date: '2026-09-02', billed: '200.000000000001' },
      { originId: strayApp, date: '2026-09-03', billed: '100' },
      { originId: named, date: '2026-09-03', billed: '50' },
      { originId: other, date: '2026-09-04', billed: '25' },
      { originId: other, date: '2026-10-04', billed: '5' },
      { originId: azure, date: '2026-09-02', billed: '10', currency: 'EUR' },
    ],
  });
  await attachLoad(db, loadId);
  await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
  await prepareConversions(db, { period: '2026', at: AT });
  return { db };
}

async function activate(db: Kysely<DB>, rulebookId: number): Promise<void> {
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
}

const SAMPLE_RULES = rulebook([{ id: 'aws', when: { provider: 'aws' }, pod: 'cloud' }], [pod('cloud')]);

const test = base
  .extend('bill', { scope: 'file' }, async ({ database }) => publishBill(database))
  .extend('ownDatabase', async ({}, { onCleanup }) => {
    const { drop, ...database } = await createTestDatabase();
    onCleanup(drop);
    return database;
  });

const SEPTEMBER = { period: '2026-09', at: AT };

describe('coverage', () => {
  test('is the attributed share by provider, account and month, in all four metrics', async ({ bill }) => {
    const report = await coverage(bill.db, { period: '2026-09-01..2026-11-01', at: AT });
    expect(
      report.rows.map((row) => [
        row.provider,
        row.billingAccountId,
        row.subAccountId,
        row.month,
        row.attributed.effectiveCost,
        row.unattributed.effectiveCost,
        row.share,
      ]),
    ).toEqual([
      ['AWS', '1', '11', '2026-09', '940', '360.500000000001', '0.7228'],
      ['AWS', '1', '12', '2026-09', '0', '25', '0.0000'],
      ['AWS', '1', '12', '2026-10', '0', '5', '0.0000'],
      ['Microsoft', '2', null, '2026-09', '0', '15', '0.0000'],
    ]);
    expect(report.rows[0]).toMatchObject({ attributed: { billedCost: '1040' } });
    expect(report.rows[1]).toMatchObject({ subAccountName: 'Legacy' });
    expect(report.byProvider.map((one) => [one.provider, one.share])).toEqual([
      ['AWS', '0.7065'],
      ['Microsoft', '0.0000'],
    ]);
    expect(report.byMonth.map((one) => [one.month, one.share])).toEqual([
      ['2026-09', '0.7012'],
      ['2026-10', '0.0000'],
    ]);
    expect(report.total).toMatchObject({
      attributed: { billedCost: '1040', effectiveCost: '940' },
      unattributed: { billedCost: '405.500000000001' },
      share: '0.6986',
    });
  });

  test('adds up to the cost explorer, attributed and not, in every metric and in another currency', async ({
    bill,
  }) => {
    for (const currency of ['USD', 'EUR']) {
      const request = { ...SEPTEMBER, currency };
      await prepareConversions(bill.db, request);
      const report = await coverage(bill.db, request);
      const explored = await costs(bill.db, request);
      for (const metric of ['billedCost', 'effectiveCost', 'listCost', 'contractedCost'] as const) {
        const none = explored.rows.find((row) => row['pod'] === null);
        expect(report.total.unattributed[metric]).toBe(none?.[metric]);
        expect(sum(report.reasons.map((one) => one[metric]))).toBe(none?.[metric]);
        const total = 'billedCost' in explored.total ? explored.total[metric] : '';
        expect(add(report.total.attributed[metric], report.total.unattributed[metric])).toBe(total);
      }
    }
  });

  test('adds up to the cost explorer where the period cuts a month or spans several', async ({ bill }) => {
    for (const period of ['2026-09-02..2026-09-10', '2026-09-03..2026-10-05', '2026-Q3', '2026']) {
      const request = { period, at: AT };
      const report = await coverage(bill.db, request);
      const explored = await costs(bill.db, request);
      const none = explored.rows.find((row) => row['pod'] === null);
      const total = 'billedCost' in explored.total ? explored.total : null;
      expect([period, report.total.unattributed.effectiveCost]).toEqual([period, none?.effectiveCost ?? '0']);
      expect([period, add(report.total.attributed.billedCost, report.total.unattributed.billedCost)]).toEqual([
        period,
        total?.billedCost,
      ]);
    }
  });

  test('looks at the largest 20,000 combinations for suggestions and says what the others are', async ({
    ownDatabase: { db },
  }) => {
    await activate(db, await db.transaction().execute((trx) => store(trx, SAMPLE_RULES)));
    await sql`
      insert into origin (id, digest, provider_name, billing_account_id, sub_account_id, tags, folded_tags)
      select id, gen_random_uuid(), 'Microsoft', 'b', 'account-' || id, '{}', '{}' from generate_series(1, 20003) as id
    `.execute(db);
    const charges = Array.from({ length: 20_003 }, (_, index) => ({
      originId: String(index + 1),
      date: '2026-09-02',
      billed: `${index + 1}`,
    }));
    const loadId = await insertStagedLoad(db, { charges });
    await attachLoad(db, loadId);
    await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
    const report = await coverage(db, SEPTEMBER);
    expect(report.notConsidered).toEqual({ cost: '6', lines: 3, origins: 3 });
    expect(report.reasons).toMatchObject([{ billedCost: '200070006', lines: 20_003 }]);
    expect(renderCoverage(report)).toContain('Not looked at, for its parts are too small: 6.00 USD of 3 origins.');
  });

  test('shares follow the asked metric', async ({ bill }) => {
    const report = await coverage(bill.db, { ...SEPTEMBER, costMetric: 'BilledCost' });
    expect(report).toMatchObject({ costMetric: 'BilledCost', total: { share: '0.7220' } });
  });

  test('tells why cost is left over: no rule, a rule that says so, or a split that nobody can carry', async ({
    bill,
  }) => {
    const { reasons } = await coverage(bill.db, SEPTEMBER);
    expect(
      reasons.map(({ kind, ruleId, reason, billedCost, lines, origins }) => [
        kind,
        ruleId,
        reason,
        billedCost,
        lines,
        origins,
      ]),
    ).toEqual([
      ['no-rule', null, 'no rule matches', '390.000000000001', 5, 5],
      ['split', 'network', 'nobody can carry the split of rule "network"', '7.5', 1, 1],
      ['rule', 'sandbox', 'sandboxes belong to nobody', '3', 1, 1],
    ]);
  });

  test('lists the biggest origins with what the bill says of them', async ({ bill }) => {
    const { origins } = await coverage(bill.db, SEPTEMBER);
    expect(origins.map((origin) => origin.billedCost)).toEqual([
      '200.000000000001',
      '100',
      '50',
      '25',
      '15',
      '7.5',
      '3',
    ]);
    expect(origins[0]).toMatchObject({ provider: 'AWS', subAccountId: '11', tags: { Application: 'Shop' }, lines: 1 });
    expect(origins[5]).toMatchObject({ kind: 'split', ruleId: 'network', resourceId: 'gw-1', serviceName: 'Network' });
  });

  test('suggests rules by tags that name pods, names, tags and accounts that tell owners apart, and services', async ({
    bill,
  }) => {
    const { suggestions, reasons, notConsidered } = await coverage(bill.db, SEPTEMBER);
    expect(suggestions.map(({ yaml, cost, pods }) => [yaml, cost, pods])).toEqual([
      [
        '- { id: application-tag, when: { tag: { application: { exists: true } } }, podFromTag: application }',
        '200.000000000001',
        ['checkout'],
      ],
      ['- { id: named-search, when: { resourceName: { prefix: search- } }, pod: search }', '50', ['search']],
      ['- { id: application-brightlens, when: { tag: { application: brightlens } }, pod: "<which?>" }', '100', []],
      ['- { id: account-legacy, when: { provider: AWS, subAccountId: "12" }, pod: "<which?>" }', '25', []],
      [
        '- { id: account-2, when: { provider: Microsoft, billingAccountId: "2", subAccountId: { exists: false } }, pod: "<which?>" }',
        '15',
        [],
      ],
    ]);
    expect(sum(suggestions.map(({ cost }) => cost))).toBe(reasons[0]?.billedCost);
    expect(notConsidered).toBeNull();
    expect(suggestions.map(({ share }) => share)).toEqual(['0.5128', '0.1282', '0.2564', '0.0641', '0.0385']);
  });

  test('each suggestion catches what it says once it stands in the file', async ({ bill: { db } }) => {
    const before = await coverage(db, SEPTEMBER);
    const text = [
      'organisation: Acme',
      'pods: [{ id: checkout, aliases: [shop] }, { id: search }, { id: basket, activeUntil: 2026-09-10 }]',
      'rules:',
      '  - { id: sandbox, when: { tag: { environment: sandbox } }, unattributed: "sandboxes belong to nobody" }',
      '  - { id: network, when: { serviceName: Network }, split: { method: even, among: [basket] } }',
      '  - { id: team, when: { tag: { team: { exists: true } } }, podFromTag: team }',
      ...before.suggestions.map((one) => `  ${one.yaml.replace('"<which?>"', 'search')}`),
    ].join('\n');
    // Applying commits; the rulebook is put back afterwards, so that the other tests meet the one they know.
    const former = await readRulebookId(db);
    await applyOrganisation(db, {
      file: { organisation: parseOrganisation(text), sourceText: text, folder: '/nowhere' },
      principal: systemPrincipal,
      at: AT,
    });
    try {
      await prepareConversions(db, SEPTEMBER);
      const explored = await costs(db, { ...SEPTEMBER, by: ['rule'] });
      const byRule = new Map(explored.rows.map((row) => [row['rule'], row.effectiveCost]));
      for (const one of before.suggestions)
        expect([one.ruleId, byRule.get(one.ruleId)]).toEqual([one.ruleId, one.cost]);
      const after = await coverage(db, SEPTEMBER);
      expect(subtract(before.total.unattributed.effectiveCost, after.total.unattributed.effectiveCost)).toBe(
        sum(before.suggestions.map(({ cost }) => cost)),
      );
      expect(after.suggestions).toEqual([]);
    } finally {
      await activate(db, former);
    }
  });

  test('a file with a suggestion whose pod is still to be chosen is refused', () => {
    const text =
      'organisation: A\npods: [{ id: a }]\nrules:\n  - { id: r, when: { provider: AWS }, pod: "<which?>" }\n';
    expect(() => parseOrganisation(text)).toThrow('rule "r" names pod "<which?>", which is not defined');
  });

  test('names a rate that is missing', async ({ bill }) => {
    await expect(coverage(bill.db, { ...SEPTEMBER, currency: 'JPY' })).rejects.toMatchObject({
      code: 'missing_exchange_rate',
    });
  });

  test('as CSV is one exact row per account and month', async ({ bill }) => {
    const lines = csvOf(coverageTable(await coverage(bill.db, SEPTEMBER))).split('\r\n');
    expect(lines).toHaveLength(5);
    expect(lines[1]).toBe(
      '2026-09,2026-09-30,USD,EffectiveCost,AWS,1,11,,2026-09,1040,940,1040,1040,360.500000000001,360.500000000001,360.500000000001,360.500000000001,0.7228,open,',
    );
  });
});

const SAMPLE = join(realBills(), 'focus-sample-1.0', 'focus_sample.csv');

describe.runIf(isAvailable('bills'))('the coverage of the public FOCUS sample', () => {
  test('is that of the file’s own lines, by provider and month, and suggestions never catch more than is left', async ({
    ownDatabase,
  }) => {
    const { db } = ownDatabase;
    await activate(db, await db.transaction().execute((trx) => store(trx, SAMPLE_RULES)));
    const folder = await makeBillFolder();
    try {
      for (const { loadId } of await stage(ownDatabase, folder.path, [SAMPLE])) {
        await attachLoad(db, loadId);
        await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
      }
    } finally {
      await folder.remove();
    }
    const report = await coverage(db, { period: '2024', at: AT });
    const lines = parse<Record<string, string>>(await readFile(SAMPLE), { columns: true, bom: true });
    const isAttributed = (line: Record<string, string>) => line['ProviderName'] === 'AWS';
    const costOf = (some: readonly Record<string, string>[]) =>
      sum(some.map((line) => decimal(line['EffectiveCost'] || '0')));
    const groups = Map.groupBy(lines, (line) => `${line['ProviderName']} ${line['ChargePeriodStart']?.slice(0, 7)}`);
    const expected = [...groups].map(([key, group]) => [
      key,
      costOf(group.filter(isAttributed)),
      costOf(group.filter((line) => !isAttributed(line))),
    ]);
    const rows = Map.groupBy(report.rows, (row) => `${row.provider} ${row.month}`);
    const found = [...rows].map(([key, group]) => [
      key,
      sum(group.map((row) => row.attributed.effectiveCost)),
      sum(group.map((row) => row.unattributed.effectiveCost)),
    ]);
    const byKey = (left: string[], right: string[]) => ((left[0] ?? '') < (right[0] ?? '') ? -1 : 1);
    expect(found.toSorted(byKey)).toEqual(expected.toSorted(byKey));
    expect(report.total.attributed.effectiveCost).toBe(costOf(lines.filter(isAttributed)));
    expect(report.reasons).toMatchObject([
      { kind: 'no-rule', lines: lines.filter((line) => !isAttributed(line)).length },
    ]);
    const caught = report.suggestions.reduce((total, one) => total + one.lines, 0);
    expect(report.suggestions.length).toBeGreaterThan(3);
    expect(caught).toBeLessThanOrEqual(report.reasons[0]?.lines ?? 0);
    expect(report.suggestions[0]).toMatchObject({ by: 'tag', pods: [] });
  });
});

async function readRulebookId(db: Kysely<DB>): Promise<number> {
  return (await db.selectFrom('organisation').select('rulebook_id').executeTakeFirstOrThrow()).rulebook_id;
}

/**
 * An organisation proposed from bills as they are: read exactly, and true. The proposed file is applied, the bill is ingested, and
 * what PostgreSQL then attributes must be what the proposal said each rule would catch.
 */
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { type Decimal, sum } from '../../services/kernel/decimal.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { type Proposal, proposeOrganisation } from '../../services/organisation/propose-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { billLine, csvOf, inspect, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { test as base, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { isAvailable, realBills } from '../support/requirements.ts';

const AT = new Date('2026-10-02T09:00:00Z');
const TIMEOUT_MS = 120_000;

const test = base.extend('fresh', async ({}, { onCleanup }): Promise<TestDatabase> => {
  const { drop, ...database } = await createTestDatabase();
  onCleanup(drop);
  return database;
});

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

async function propose(paths: readonly string[]): Promise<Proposal> {
  const files = [];
  for (const path of paths) files.push(await inspect(folder.path, path));
  return proposeOrganisation(files, { workDir: join(folder.path, 'work'), name: 'Acme' });
}

/** Applies the proposal, ingests the bill, and gives EffectiveCost by rule; null is what no rule caught. */
async function attribute(
  database: TestDatabase,
  proposal: Proposal,
  paths: readonly string[],
): Promise<Map<string | null, string>> {
  const file = { organisation: parseOrganisation(proposal.yaml), sourceText: proposal.yaml, folder: folder.path };
  await applyOrganisation(database.db, { file, principal: localOperator, at: AT });
  for (const { loadId } of await stage(database, folder.path, paths)) {
    await attachLoad(database.db, loadId);
    await publishLoad(database.db, loadId, { at: AT, principal: localOperator });
  }
  const { rows } = await sql<{ rule_id: string | null; effective: string; lines: number }>`
    select case when kind = 'unattributed' then null else rule_id end as rule_id,
      trim_scale(sum(effective_cost))::text as effective, sum(line_count)::int as lines
    from pod_cost join organisation using (rulebook_id) group by 1
  `.execute(database.db);
  return new Map(rows.map((row) => [row.rule_id, `${row.effective} in ${row.lines} lines`]));
}

function told(proposal: Proposal): Map<string | null, string> {
  return new Map<string | null, string>([
    ...proposal.catches.map((entry): [string, string] => [
      entry.ruleId,
      `${entry.effectiveCost} in ${entry.lines} lines`,
    ]),
    ...proposal.unattributed.map((entry): [null, string] => [null, `${entry.effectiveCost} in ${entry.lines} lines`]),
  ]);
}

function total(proposal: Proposal): Decimal {
  return sum([...proposal.catches, ...proposal.unattributed].map(({ effectiveCost }) => effectiveCost));
}

describe.runIf(isAvailable('bills'))('the FOCUS sample', () => {
  const paths = [join(realBills(), 'focus-sample-1.0', 'focus_sample.csv')];

  test('gives a file with 40 pods from its application tag, and every line accounted for', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const proposal = await propose(paths);
    const organisation = parseOrganisation(proposal.yaml);
    expect(organisation.pods).toHaveLength(40);
    expect(organisation.rules).toMatchObject([{ id: 'application-tag', podFromTag: 'application' }]);
    expect(total(proposal)).toBe('14.97651418586');
    expect(proposal.catches).toEqual([
      { ruleId: 'application-tag', billingCurrency: 'USD', effectiveCost: '16', lines: 323, share: '1.0683' },
    ]);
    expect(proposal.unattributed).toMatchObject([{ effectiveCost: '-1.02348581414', lines: 677 }]);
  });

  test('is attributed as the proposal says once it is applied and the bill is ingested', {
    timeout: TIMEOUT_MS,
  }, async ({ fresh }) => {
    const proposal = await propose(paths);
    expect(await attribute(fresh, proposal, paths)).toEqual(told(proposal));
  });
});

test('accounts, tax and odd spellings are attributed as the proposal says', { timeout: TIMEOUT_MS }, async ({
  fresh,
}) => {
  const lines = [
    billLine({ Tags: '{"Team": "Check Out"}', SubAccountId: '0042', EffectiveCost: '0.0000000000000000000000000001' }),
    billLine({ Tags: '{"team ": " check out"}', SubAccountId: '0042', EffectiveCost: '12345678901.5' }),
    billLine({ Tags: '{"TEAM": "search", "team": ""}', SubAccountId: '0043', EffectiveCost: '2.5E-7' }),
    billLine({ Tags: '{"squad": "nobody"}', SubAccountId: 'NULL', EffectiveCost: '-3' }),
    billLine({ Tags: '', SubAccountId: '', ChargeCategory: 'Tax', EffectiveCost: '1.9' }),
  ];
  const path = await writeBill(folder.path, 'odd.csv', csvOf(lines));
  const proposal = await propose([path]);
  expect(total(proposal)).toBe('12345678900.4000002500000000000000000001');
  expect(await attribute(fresh, proposal, [path])).toEqual(told(proposal));
});

test('a bill of accounts only is attributed as the proposal says', { timeout: TIMEOUT_MS }, async ({ fresh }) => {
  const accounts = ['0001', '0002', '0003'].map((id, index) =>
    billLine({
      Tags: '',
      SubAccountId: id,
      SubAccountName: ['Shop', 'Shop', 'Data'][index] ?? '',
      EffectiveCost: `${index + 1}.1`,
    }),
  );
  const own = billLine({ Tags: '', SubAccountId: '', SubAccountName: '', EffectiveCost: '7' });
  const path = await writeBill(folder.path, 'accounts.csv', csvOf([...accounts, own]));
  const proposal = await propose([path]);
  expect(parseOrganisation(proposal.yaml).pods.map(({ name }) => name)).toEqual(['Shop', 'Data']);
  expect(proposal.unattributed).toMatchObject([{ effectiveCost: '7', lines: 1 }]);
  expect(await attribute(fresh, proposal, [path])).toEqual(told(proposal));
});

/**
 * The public FOCUS 1.0 sample through the command line, from the file to the value per pod: every known figure, and every document
 * key by key as other people's scripts read it. Steps build on each other, as a user's do.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect } from 'vitest';
import { makeWorkplace, type Workplace } from '../support/command-line.ts';
import { test as base } from '../support/database.ts';
import * as is from '../support/document-shape.ts';
import { isAvailable, realBills } from '../support/requirements.ts';

const SAMPLE = join(realBills(), 'focus-sample-1.0', 'focus_sample.csv');
/** The period of both of its months, so that nothing of it is left out. */
const PERIOD = '2024-Q3';

const TOTALS = {
  billedCost: '20.52022672899',
  effectiveCost: '14.97651418586',
  listCost: '20.39090575119',
  contractedCost: '14.97626039326',
};
const MONEY = { billedCost: is.money, effectiveCost: is.money, listCost: is.money, contractedCost: is.money };
const PERIOD_SHAPE = { id: is.text, start: is.date, end: is.date, through: is.orNull(is.date) };

const INGEST_SHAPE: is.Shape = {
  loads: [
    {
      loadId: is.text,
      sourceId: is.text,
      billingPeriod: is.text,
      state: is.oneOf('published'),
      unchanged: is.yesOrNo,
      rows: is.integer,
      rejectedRows: is.integer,
      files: [{ name: is.text, sha256: (value) => /^[0-9a-f]{64}$/.test(String(value)), rows: is.integer }],
      totals: [{ billingCurrency: is.text, ...MONEY }],
    },
  ],
};
const ADJUSTMENTS = { cost: is.money, value: is.money };
const VALUE_SHAPE: is.Shape = {
  period: PERIOD_SHAPE,
  currency: is.text,
  costMetric: is.oneOf('EffectiveCost'),
  revenueBasis: is.oneOf('margin', 'gross'),
  state: is.oneOf('open'),
  statementId: is.nothing,
  dataAsOf: is.instant,
  rulebook: is.integer,
  pods: [
    {
      podId: is.text,
      name: is.text,
      kind: is.oneOf('delivery', 'platform', 'central'),
      portfolio: is.orNull(is.text),
      cost: { direct: is.money, shared: is.money, total: is.money, estimated: is.money },
      envelope: is.orNull({
        envelopeId: is.text,
        limit: is.money,
        actual: is.money,
        used: is.ratio,
        currency: is.text,
        counts: is.oneOf('controlled', 'loaded'),
        state: is.oneOf('ok', 'near', 'over'),
      }),
      value: {
        verified: is.money,
        claimed: is.money,
        verifiedOutcomes: is.integer,
        claimedOutcomes: is.integer,
        beside: {},
      },
      adjustments: ADJUSTMENTS,
      return: is.orNull(is.ratio),
      returnNote: is.oneOf(null, 'no cost', 'no verified value', 'enabling'),
    },
  ],
  unattributed: { cost: is.money, verified: is.money, claimed: is.money, adjustments: ADJUSTMENTS },
  total: {
    cost: is.money,
    verified: is.money,
    claimed: is.money,
    adjustments: ADJUSTMENTS,
    return: is.orNull(is.ratio),
    returnOnTotal: is.orNull(is.ratio),
  },
  coverage: { cost: is.orNull(is.ratio), joined: is.orNull(is.ratio) },
};
const COSTS_SHAPE: is.Shape = {
  period: PERIOD_SHAPE,
  by: [is.text],
  rows: [{ pod: is.orNull(is.text), serviceName: is.orNull(is.text), ...MONEY }],
  total: MONEY,
};
const RECONCILIATION_SHAPE: is.Shape = {
  rows: [
    {
      sourceId: is.text,
      billingPeriod: is.text,
      loadId: is.text,
      billingCurrency: is.text,
      metric: is.oneOf('BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'),
      file: is.money,
      ingested: is.money,
      attributed: is.money,
      unattributed: is.money,
      difference: is.oneOf('0'),
      invoice: is.nothing,
      invoiceDifference: is.nothing,
    },
  ],
};
const EXPLANATION_SHAPE: is.Shape = {
  subject: is.oneOf('pod'),
  podId: is.text,
  period: { id: is.text, start: is.date, end: is.date },
  rulebook: is.integer,
  rules: [{ ruleId: is.text, rule: { id: is.text }, kind: is.oneOf('direct', 'shared'), lineCount: is.text, ...MONEY }],
  origins: [{ originId: is.text, ruleId: is.text, loadId: is.text, tags: {}, ...MONEY }],
  loads: [{ loadId: is.text, sourceId: is.text, billingPeriod: is.text, files: [{ name: is.text, sha256: is.text }] }],
  lines: [{ file: is.text, record: is.integer, columns: { BilledCost: is.text } }],
  linesNote: is.nothing,
};

interface Ingested {
  loads: {
    loadId: string;
    billingPeriod: string;
    rows: number;
    rejectedRows: number;
    unchanged: boolean;
    totals: Record<string, string>[];
  }[];
}
interface Reconciled {
  rows: { billingPeriod: string; metric: string; file: string; attributed: string; unattributed: string }[];
}
interface Costs {
  rows: Record<string, string | null>[];
  total: Record<string, string>;
}
interface ValuePerPod {
  period: object;
  pods: { podId: string; cost: { total: string } }[];
  unattributed: { cost: string };
  total: { cost: string };
  coverage: { cost: string };
}
interface Explained {
  podId: string;
  rules: { ruleId: string; effectiveCost: string; lineCount: string }[];
  lines: { file: string; record: number; columns: Record<string, string> }[];
}

const test = base.extend('workplace', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<Workplace> => {
  const workplace = await makeWorkplace({ DATABASE_URL: database.url });
  onCleanup(workplace.remove);
  return workplace;
});

describe.runIf(isAvailable('bills'))('the FOCUS sample on the command line', () => {
  test('is ingested before any organisation file, to the last decimal', { timeout: 60_000 }, async ({ workplace }) => {
    const ingested = (await workplace.json('ingest', SAMPLE)) as Ingested;
    expect(is.faultsOf(ingested, INGEST_SHAPE)).toEqual([]);
    const [september, october] = ingested.loads;
    expect(ingested.loads).toHaveLength(2);
    expect(september).toMatchObject({ billingPeriod: '2024-09', rows: 999, rejectedRows: 0, unchanged: false });
    expect(october).toMatchObject({ billingPeriod: '2024-10', rows: 1, rejectedRows: 0, unchanged: false });
    expect(october?.totals).toEqual([
      { billingCurrency: 'USD', billedCost: '0.24', effectiveCost: '0', listCost: '0.24', contractedCost: '0' },
    ]);
    expect(september?.totals).toEqual([
      {
        billingCurrency: 'USD',
        billedCost: '20.28022672899',
        effectiveCost: '14.97651418586',
        listCost: '20.15090575119',
        contractedCost: '14.97626039326',
      },
    ]);
  });

  test('a second time is unchanged and makes no load', { timeout: 60_000 }, async ({ workplace, database }) => {
    const again = (await workplace.json('ingest', SAMPLE)) as Ingested;
    expect(is.faultsOf(again, INGEST_SHAPE)).toEqual([]);
    expect(again.loads.map(({ billingPeriod, unchanged }) => ({ billingPeriod, unchanged }))).toEqual([
      { billingPeriod: '2024-09', unchanged: true },
      { billingPeriod: '2024-10', unchanged: true },
    ]);
    const { rows } = await database.pool.query('select count(*)::int as loads from load');
    expect(rows).toEqual([{ loads: 2 }]);
  });

  test('is all unattributed then, by three providers, and reconciles to 0', { timeout: 60_000 }, async ({
    workplace,
    database,
  }) => {
    const { rows } = await database.pool.query(
      `select provider_name, sum(line_count)::int as lines from charge join origin on origin.id = origin_id group by 1 order by 1`,
    );
    expect(rows).toEqual([
      { provider_name: 'AWS', lines: 942 },
      { provider_name: 'Microsoft', lines: 51 },
      { provider_name: 'Oracle', lines: 7 },
    ]);
    const costs = (await workplace.json('report', 'costs', '--period', '2024', '--by', 'pod,provider')) as Costs;
    expect(costs.rows.map((row) => [row['pod'], row['provider'], row['effectiveCost']])).toEqual([
      [null, 'AWS', '13'],
      [null, 'Microsoft', '1.97651418586'],
      [null, 'Oracle', '0'],
    ]);
    expect(costs.total).toEqual(TOTALS);
    const bill = (await workplace.json('report', 'reconciliation', '--period', PERIOD)) as Reconciled;
    expect(is.faultsOf(bill, RECONCILIATION_SHAPE)).toEqual([]);
    expect(
      bill.rows.map(({ metric, file, attributed, unattributed }) => [metric, file, attributed, unattributed]),
    ).toEqual([
      ['BilledCost', '20.28022672899', '0', '20.28022672899'],
      ['EffectiveCost', '14.97651418586', '0', '14.97651418586'],
      ['ListCost', '20.15090575119', '0', '20.15090575119'],
      ['ContractedCost', '14.97626039326', '0', '14.97626039326'],
    ]);
  });

  test('proposes an organisation that plan and apply take as it is', { timeout: 60_000 }, async ({ workplace }) => {
    const proposed = await workplace.run('init', '--from', SAMPLE, '--name', 'Acme');
    expect(proposed).toMatchObject({ exitCode: 0 });
    expect(proposed.stdout).toContain('organisation: Acme');
    await writeFile(join(workplace.folder, 'outturn.yaml'), proposed.stdout);
    const planned = await workplace.run('plan');
    expect(planned).toMatchObject({ exitCode: 0 });
    expect(planned.stdout).toContain('+ pod brightpathmatrix\n');
    expect(planned.stdout).toContain('A new rulebook takes the place of rulebook 0.');
    expect(planned.stdout).toMatch(/2024-09 +brightpathmatrix +0\.00 +16\.00 +\+16\.00\n/);
    const applied = await workplace.run('apply');
    expect(applied).toMatchObject({ exitCode: 0 });
    expect(applied.stdout).toContain('Rulebook 1 takes the place of rulebook 0.\n');
    expect(applied.stdout).toMatch(/\n\nApplied\. Rulebook 1 is in force\.\n$/);
    expect((await workplace.run('apply')).stdout).toBe('There is nothing to change.\n');
  });

  test('then is the cost of pods, conserved', { timeout: 60_000 }, async ({ workplace }) => {
    const value = (await workplace.json('report', 'value-per-pod', '--period', PERIOD)) as ValuePerPod;
    expect(is.faultsOf(value, VALUE_SHAPE)).toEqual([]);
    expect(value.period).toEqual({ id: '2024-Q3', start: '2024-07-01', end: '2024-10-01', through: '2024-09-30' });
    expect(value.pods.length).toBeGreaterThan(30);
    expect(value.pods.map(({ podId }) => podId)).toEqual(value.pods.map(({ podId }) => podId).toSorted());
    expect(value).toMatchObject({
      unattributed: { cost: '-1.02348581414' },
      total: { cost: '14.97651418586', return: null },
      coverage: { cost: '1.0683', joined: '0.0000' },
    });
    expect(value.pods.filter(({ cost }) => cost.total !== '0')).toMatchObject([
      { podId: 'brightpathmatrix', cost: { direct: '16', shared: '0', total: '16', estimated: '0' } },
    ]);
    const costs = (await workplace.json('report', 'costs', '--period', '2024', '--by', 'pod,serviceName')) as Costs;
    expect(is.faultsOf(costs, COSTS_SHAPE)).toEqual([]);
    expect(costs.total).toEqual(TOTALS);
    const bill = (await workplace.json('report', 'reconciliation', '--period', '2024-10')) as Reconciled;
    expect(is.faultsOf(bill, RECONCILIATION_SHAPE)).toEqual([]);
    expect(bill.rows.map(({ billingPeriod, file }) => `${billingPeriod} ${file}`)).toEqual([
      '2024-10 0.24',
      '2024-10 0',
      '2024-10 0.24',
      '2024-10 0',
    ]);
  });

  test('is explained from the pod to the lines of the file', { timeout: 60_000 }, async ({ workplace }) => {
    const explained = (await workplace.json('explain', '--pod', 'brightpathmatrix', '--period', PERIOD)) as Explained;
    expect(is.faultsOf(explained, EXPLANATION_SHAPE)).toEqual([]);
    expect(explained.rules).toMatchObject([{ ruleId: 'application-tag', effectiveCost: '16', lineCount: '176' }]);
    const records: Record<string, string>[] = parse(await readFile(SAMPLE), { columns: true });
    expect(explained.lines.length).toBeGreaterThan(0);
    for (const { record, columns } of explained.lines) {
      expect(columns['Tags']).toContain('BrightPathMatrix');
      expect(records[record - 1]).toMatchObject({ ResourceId: columns['ResourceId'], Tags: columns['Tags'] });
    }
  });

  test('restated replaces what was there', { timeout: 60_000 }, async ({ workplace, database }) => {
    const text = await readFile(SAMPLE, 'utf8');
    // A credit of three dollars is one of two, and one line costs a dollar more.
    const restated = text.replaceAll('-3.00000000000', '-2.00000000000').replaceAll('1.58088000000', '2.58088000000');
    expect(restated).not.toBe(text);
    await writeFile(join(workplace.folder, 'focus_sample.csv'), restated);
    const ingested = (await workplace.json('ingest', 'focus_sample.csv')) as Ingested;
    expect(ingested.loads.map(({ billingPeriod, unchanged }) => ({ billingPeriod, unchanged }))).toEqual([
      { billingPeriod: '2024-09', unchanged: false },
      { billingPeriod: '2024-10', unchanged: false },
    ]);
    const costs = (await workplace.json('report', 'costs', '--period', '2024', '--by', 'billingPeriod')) as Costs;
    expect(costs.rows[0]).toEqual({
      billingPeriod: '2024-09',
      billedCost: '21.28022672899',
      effectiveCost: '16.97651418586',
      listCost: '21.15090575119',
      contractedCost: '16.97626039326',
    });
    expect(costs.total).toMatchObject({ billedCost: '21.52022672899', effectiveCost: '16.97651418586' });
    const { rows } = await database.pool.query(
      `select state, count(*)::int as loads from load where billing_period_start = '2024-09-01' group by 1 order by 1`,
    );
    expect(rows).toEqual([
      { state: 'published', loads: 1 },
      { state: 'superseded', loads: 1 },
    ]);
  });
});

/**
 * Quantities of usage metrics, from a sheet to the shares: what is refused and how, that history is kept, and that figures follow in
 * the same transaction. Three pods share a network of 100 USD a day by requests; the database is this file's own.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { rebuildMonths } from '../../services/attribution/rebuild-months.ts';
import { ensureRollUp } from '../../services/attribution/roll-up.ts';
import type { RuleSplit } from '../../services/attribution/rulebook.ts';
import { readSplitWeights } from '../../services/attribution/split-weights.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { describePlan } from '../../services/organisation/describe-plan.ts';
import { planOrganisation } from '../../services/organisation/plan-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { importQuantities, type QuantityImport } from '../../services/usage/import-quantities.ts';
import { listMetrics } from '../../services/usage/list-metrics.ts';
import { insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';

const AT = new Date('2026-10-03T08:00:00Z');
const PODS = ['checkout', 'pay', 'search'];
const SPLIT: RuleSplit = { method: 'usage', metric: 'requests', among: PODS };

/** Publishes a network of 100 USD on each date, shared by `split`. */
async function shareNetwork(
  trx: Transaction<DB>,
  given: { dates: readonly string[]; split?: RuleSplit; activeFrom?: Readonly<Record<string, string>> },
): Promise<void> {
  await sql`insert into pod (id, name, kind) select id, id, 'delivery' from unnest(${PODS}::text[]) as pod (id)`.execute(
    trx,
  );
  const pods = PODS.map((id) => {
    const activeFrom = given.activeFrom?.[id];
    return pod(id, activeFrom === undefined ? {} : { activeFrom });
  });
  const content = rulebook([{ id: 'network', when: {}, split: given.split ?? SPLIT }], pods);
  const originId = await insertOrigin(trx, { service_name: 'Network' });
  const rulebookId = await store(trx, content);
  const loadId = await insertStagedLoad(trx, {
    charges: given.dates.map((date) => ({ originId, date, billed: '100' })),
  });
  await ensureRollUp(trx, loadId, rulebookId);
  await sql`update organisation set rulebook_id = ${rulebookId}`.execute(trx);
  await sql`update load set state = 'published' where id = ${loadId}::bigint`.execute(trx);
  await rebuildMonths(trx, ['2026-09-01', '2026-10-01']);
}

function take(
  trx: Transaction<DB>,
  rows: readonly string[],
  given: { dryRun?: boolean; at?: Date } = {},
): Promise<QuantityImport> {
  return importQuantities(trx, {
    sheet: ['metric,unit,pod,period,quantity', ...rows].join('\n'),
    fileName: 'requests.csv',
    principal: localOperator,
    dryRun: given.dryRun ?? false,
    at: given.at ?? AT,
  });
}

/** `date pod cost` of every share, nobody as `-`. */
async function readShares(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ share: string }>`
    select concat_ws(' ', charge_date, coalesce(pod_id, '-'), trim_scale(effective_cost)::text) as share
    from shared_cost order by charge_date, pod_id nulls last
  `.execute(db);
  return rows.map((row) => row.share);
}

async function faultsOf(work: Promise<unknown>): Promise<string[]> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError)
      return error.faults.map((one) => `${one.line ?? ''} ${one.column ?? ''}: ${one.reason}`);
    throw error;
  }
  return [];
}

describe('shares by quantities', () => {
  test('without quantities the cost is unattributed, and the metric says so', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05'] });
    expect(await readShares(trx)).toEqual(['2026-09-05 - 100']);
    expect(await listMetrics(trx)).toMatchObject([
      {
        metricId: 'requests',
        unit: null,
        quantities: 0,
        rules: ['network'],
        uncarried: [{ ruleId: 'network', month: '2026-09', billingCurrency: 'USD', effectiveCost: '100' }],
      },
    ]);
  });

  test('a month’s quantities weigh every charge date of the month, and an import splits it anew', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05', '2026-09-30', '2026-10-01'] });
    const result = await take(trx, ['requests,calls,checkout,2026-09,1', 'requests,calls,search,2026-09,3']);
    expect(result).toMatchObject({
      added: 2,
      rebuiltMonths: ['2026-09'],
      metrics: [{ metricId: 'requests', isNew: true }],
    });
    expect(await readShares(trx)).toEqual([
      '2026-09-05 checkout 25',
      '2026-09-05 search 75',
      '2026-09-30 checkout 25',
      '2026-09-30 search 75',
      '2026-10-01 - 100',
    ]);
  });

  test('a day’s quantities weigh that day; days without any go by the month’s days together', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05', '2026-09-06', '2026-09-07'] });
    await take(trx, ['requests,calls,checkout,2026-09-05,1', 'requests,calls,search,2026-09-06,3']);
    expect(await readShares(trx)).toEqual([
      '2026-09-05 checkout 100',
      '2026-09-06 search 100',
      '2026-09-07 checkout 25',
      '2026-09-07 search 75',
    ]);
  });

  test('where a month has a quantity of its own, days without any go by it', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05', '2026-09-06'] });
    await take(trx, ['requests,calls,checkout,2026-09-05,1', 'requests,calls,pay,2026-09,1']);
    expect(await readShares(trx)).toEqual(['2026-09-05 checkout 100', '2026-09-06 pay 100']);
  });

  test('quantities of zero carry nothing: a day that all pods used nothing is unattributed', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05', '2026-09-06'] });
    await take(trx, ['requests,calls,checkout,2026-09-05,0', 'requests,calls,pay,2026-09-06,2']);
    expect(await readShares(trx)).toEqual(['2026-09-05 - 100', '2026-09-06 pay 100']);
  });

  test('pods that are not among them, or not active on the charge date, take no part', async ({ trx }) => {
    const split: RuleSplit = { ...SPLIT, among: ['checkout', 'pay'] };
    await shareNetwork(trx, { dates: ['2026-09-05', '2026-09-20'], split, activeFrom: { pay: '2026-09-16' } });
    await take(
      trx,
      PODS.map((id) => `requests,calls,${id},2026-09,1`),
    );
    expect(await readShares(trx)).toEqual(['2026-09-05 checkout 100', '2026-09-20 checkout 50', '2026-09-20 pay 50']);
  });

  test('the weights of a share can be read back: unit, quantities, sum', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05', '2026-09-06'] });
    await take(trx, [
      'requests,calls,checkout,2026-09-05,1.50',
      'requests,calls,search,2026-09-05,3',
      'requests,calls,pay,2026-09,7',
    ]);
    const asked = { ruleId: 'network', currency: 'USD' };
    expect(await readSplitWeights(trx, { ...asked, date: '2026-09-05' })).toEqual({
      ruleId: 'network',
      method: 'usage',
      measure: 'calls',
      per: 'day',
      pods: [
        { podId: 'checkout', weight: '1.5' },
        { podId: 'search', weight: '3' },
      ],
      sum: '4.5',
    });
    expect(await readSplitWeights(trx, { ...asked, date: '2026-09-06' })).toMatchObject({
      per: 'month',
      pods: [{ podId: 'pay', weight: '7' }],
    });
  });
});

describe('a plan', () => {
  test('warns of a rule whose metric has no quantities yet, and applies nonetheless', async ({ trx }) => {
    await shareNetwork(trx, { dates: [] });
    const text =
      'organisation: Acme\npods: [{ id: pay }]\nrules:\n  - { id: net, when: {}, split: { method: usage, metric: request } }\n';
    const organisation = parseOrganisation(text);
    expect(organisation.rules[0]).toMatchObject({ split: { method: 'usage', metric: 'request', among: 'all' } });
    const plan = () => planOrganisation(trx, { organisation, sourceText: text, folder: '/' }, AT);
    expect((await plan()).warnings).toEqual([expect.stringContaining('"request", which has no quantities yet')]);
    await take(trx, ['requests,calls,checkout,2026-09,1']);
    expect(describePlan(await plan())).toContain('? rule net splits by');
    expect((await plan()).warnings).toEqual([expect.stringContaining('Did you mean "requests"?')]);
    await take(trx, ['request,calls,checkout,2026-09,1']);
    expect((await plan()).warnings).toEqual([]);
  });
});

describe('history', () => {
  test('the same sheet again changes nothing; a changed quantity keeps its former one', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05'] });
    const rows = ['requests,calls,checkout,2026-09,1', 'requests,calls,pay,2026-09,1.0'];
    await take(trx, rows);
    expect(await take(trx, rows)).toMatchObject({ added: 0, changed: 0, unchanged: 2, metrics: [], rebuiltMonths: [] });
    const later = new Date('2026-10-10T08:00:00Z');
    const changed = await take(trx, ['requests,,checkout,2026-09,3'], { at: later });
    expect(changed).toMatchObject({ changed: 1, unchanged: 0, rebuiltMonths: ['2026-09'] });
    expect(await readShares(trx)).toEqual(['2026-09-05 checkout 75', '2026-09-05 pay 25']);
    const { rows: kept } = await sql`
      select trim_scale(quantity)::text as quantity, known_until = ${later.toISOString()}::timestamptz as has_ended from usage_quantity
      where pod_id = 'checkout' order by id
    `.execute(trx);
    expect(kept).toEqual([
      { quantity: '1', has_ended: true },
      { quantity: '3', has_ended: null },
    ]);
  });

  test('a withdrawn quantity counts no more', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05'] });
    await take(trx, ['requests,calls,checkout,2026-09,1', 'requests,calls,pay,2026-09,1']);
    expect(await take(trx, ['requests,,pay,2026-09,withdrawn'])).toMatchObject({ withdrawn: 1 });
    expect(await readShares(trx)).toEqual(['2026-09-05 checkout 100']);
  });

  test('a dry run tells the same and writes nothing', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05'] });
    const rows = ['requests,calls,checkout,2026-09,1'];
    const tried = await take(trx, rows, { dryRun: true });
    expect(await readShares(trx)).toEqual(['2026-09-05 - 100']);
    expect(await take(trx, rows)).toEqual({ ...tried, dryRun: false });
  });

  test('a change raises the counter of figures and is in the audit trail', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05'] });
    const version = async () =>
      (await trx.selectFrom('organisation').select('figures_version').executeTakeFirst())?.figures_version;
    const before = await version();
    await take(trx, ['requests,calls,checkout,2026-09,1', 'unused,GB,checkout,2026-09,1']);
    expect(await version()).not.toBe(before);
    const { rows } = await sql`select action, subject_id, details from audit_event order by id desc limit 1`.execute(
      trx,
    );
    expect(rows).toMatchObject([
      { action: 'record-quantities', subject_id: 'requests, unused', details: { added: 2, months: ['2026-09'] } },
    ]);
    expect(await take(trx, ['unused,,checkout,2026-08,5'])).toMatchObject({ added: 1, rebuiltMonths: [] });
  });

  test('the list names span, unit, grain and gaps', async ({ trx }) => {
    await shareNetwork(trx, { dates: [] });
    await take(trx, [
      'requests,calls,checkout,2026-09-01,1',
      'requests,calls,pay,2026-09-04,2',
      'disk,GB,pay,2026-09,4',
    ]);
    expect(await listMetrics(trx)).toMatchObject([
      { metricId: 'disk', grain: 'month', from: '2026-09-01', until: '2026-10-01', gaps: [], rules: [] },
      {
        metricId: 'requests',
        unit: 'calls',
        grain: 'day',
        pods: 2,
        total: '3',
        gaps: [{ from: '2026-09-02', until: '2026-09-04' }],
      },
    ]);
  });
});

describe('refusals', () => {
  test('every fault is told with its line and column, and nothing is stored', async ({ trx }) => {
    await shareNetwork(trx, { dates: ['2026-09-05'] });
    const faults = await faultsOf(
      take(trx, [
        'requests,calls,checkot,2026-09,1',
        'requests,calls,pay,2026-9,1',
        'requests,calls,pay,2026-09-31,1',
        'requests,clicks,pay,2026-09,1',
        'requests,calls,search,2026-09,-1',
        'requests,calls,search,2026-10,lots',
        'requests,calls,pay,2026-09,2',
        'new one,calls,pay,2026-09,2',
        'fresh,,pay,2026-09,2',
        'requests,calls,pay,2026-11,',
      ]),
    );
    expect(faults).toEqual([
      '2 pod: "checkot" is no pod of the organisation',
      '3 period: "2026-9" is neither a day nor a month',
      '4 period: "2026-09-31" is neither a day nor a month',
      '5 unit: the metric "requests" counts "calls", not "clicks"',
      '6 quantity: "-1" is below zero',
      '7 quantity: "lots" is not a decimal number',
      '8 period: pod "pay" has a quantity of "requests" for 2026-09 in line 5',
      '9 metric: "new one" is not an id',
      '10 unit: the metric "fresh" is new and has no unit',
      '11 quantity: there is no quantity',
    ]);
    expect(await sql`select from usage_metric`.execute(trx)).toMatchObject({ rows: [] });
  });

  test('a sheet without a column it needs is refused with the columns it takes', async ({ trx }) => {
    const sheet = 'metric,pod,day,quantity\nrequests,pay,2026-09-01,1';
    const faults = await faultsOf(
      importQuantities(trx, { sheet, fileName: 'r.csv', principal: localOperator, dryRun: false, at: AT }),
    );
    expect(faults).toEqual(['1 day: "day" is not a column of this file', '1 period: the column is missing']);
  });
});

/**
 * The path back from a figure: a real (small) bill is staged, published and explained, down to the file's lines.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { explain } from '../../services/attribution/explain.ts';
import type { OriginExplanation } from '../../services/attribution/explain-origin.ts';
import type { PodExplanation } from '../../services/attribution/explain-pod.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { AT, pod, rulebook, store } from '../support/billed-charges.ts';
import { billLine, csvOf, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { test } from '../support/database.ts';

const RULES = rulebook(
  [
    { id: 'old', until: '2026-01-01', when: { provider: 'AWS' }, pod: 'search' },
    { id: 'google', when: { provider: 'Google Cloud' }, pod: 'search' },
    { id: 'tag', when: { tag: { pod: { exists: true } } }, podFromTag: 'pod' },
    { id: 'network', when: { serviceName: 'Network' }, split: { method: 'even', among: ['checkout', 'search'] } },
  ],
  [pod('checkout'), pod('search', { activeUntil: '2026-09-10' })],
);

const LINES = [
  billLine({ BilledCost: '1.5', ResourceId: 'vm-1', Tags: '{"pod": "checkout"}' }),
  billLine({ BilledCost: '2.5', ResourceId: 'vm-1', Tags: '{"pod": "checkout"}' }),
  billLine({ BilledCost: '7', ResourceId: 'vm-2', Tags: '{"pod": "search"}' }),
  billLine({
    BilledCost: '4',
    ServiceName: 'Network',
    ResourceId: 'gw',
    Tags: '',
    BillingCurrency: 'EUR',
    ChargePeriodStart: '2026-09-02T00:00:00Z',
    ChargePeriodEnd: '2026-09-03T00:00:00Z',
  }),
];

const it = test.extend('bill', { scope: 'file' }, async ({ database }, { onCleanup }) => {
  const folder = await makeBillFolder();
  onCleanup(() => folder.remove());
  const { db } = database;
  const path = await writeBill(folder.path, 'september.csv', csvOf(LINES));
  const [load] = await stage(database, folder.path, [path]);
  const loadId = load?.loadId ?? '';
  const rulebookId = await db.transaction().execute((trx) => store(trx, RULES));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
  await attachLoad(db, loadId);
  await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
  await sql`
      insert into conversion_rate (from_currency, to_currency, on_date, rate, published_on, path)
      values ('EUR', 'USD', '2026-09-02', 1.1000, '2026-09-01', 'direct')
    `.execute(db);
  return { db, loadId, rulebookId, options: { at: AT, workDir: folder.path } };
});

describe('explain', () => {
  it('a pod: rules with money and lines, shares, origins, rates, loads and lines', async ({ bill }) => {
    const found = (await explain(bill.db, { podId: 'checkout', period: '2026-09' }, bill.options)) as PodExplanation;
    expect(found).toMatchObject({
      subject: 'pod',
      podId: 'checkout',
      period: { id: '2026-09', start: '2026-09-01', end: '2026-10-01' },
      rulebook: bill.rulebookId,
      reportingCurrency: 'USD',
      costMetric: 'EffectiveCost',
      rules: [
        {
          ruleId: 'tag',
          kind: 'direct',
          billingCurrency: 'USD',
          billedCost: '4',
          effectiveCost: '2.5',
          lineCount: '2',
        },
        { ruleId: 'network', kind: 'shared', billingCurrency: 'EUR', billedCost: '2', share: '0.5000', lineCount: '1' },
      ],
      origins: [
        { ruleId: 'tag', kind: 'direct', share: null, resourceId: 'vm-1', billedCost: '4', lineCount: '2' },
        { ruleId: 'network', kind: 'shared', share: '0.5000', resourceId: 'gw', billedCost: '4' },
      ],
      rates: [{ from: 'EUR', to: 'USD', onDate: '2026-09-02', rate: '1.1', publishedOn: '2026-09-01', path: 'direct' }],
      loads: [{ loadId: bill.loadId, files: [{ name: 'september.csv', rows: 4 }] }],
      linesNote: null,
    });
    expect(found.rules[0]?.rule).toEqual(RULES.rules[2]);
    expect(found.loads[0]?.files[0]?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(found.lines.map((line) => `${line.file} ${line.record} ${line.columns['BilledCost']}`)).toEqual([
      'september.csv 1 1.5',
      'september.csv 2 2.5',
      'september.csv 4 4',
    ]);
  });

  it('a cell: what the explorer’s filters leave of a pod, with the weights of a split', async ({ bill }) => {
    const cell = async (...where: string[]) => {
      const request = { podId: 'checkout', period: '2026-09', where };
      const found = (await explain(bill.db, request, { ...bill.options, linesPerOrigin: 0 })) as PodExplanation;
      return {
        rules: found.rules.map((rule) => `${rule.ruleId} ${rule.kind} ${rule.billedCost} ${rule.lineCount}`),
        origins: found.origins.map((origin) => `${origin.resourceId} ${origin.billedCost}`),
        splits: found.rules.map((rule) => rule.split),
      };
    };
    const direct = { rules: ['tag direct 4 2'], origins: ['vm-1 4'], splits: [null] };
    expect(await cell('kind=direct')).toEqual(direct);
    expect(await cell('day=2026-09-14')).toEqual(direct);
    expect(await cell('rule=tag', 'source=files')).toEqual(direct);
    expect(await cell('resourceId=vm-1')).toEqual(direct);
    expect(await cell('tag.Pod=Checkout', 'serviceName~Comp*')).toEqual(direct);
    const nothing = { rules: [], origins: [], splits: [] };
    expect(await cell('resourceId=vm-2')).toEqual(nothing);
    expect(await cell('serviceName=Compute', 'day=2026-09-02')).toEqual(nothing);
    const split = {
      method: 'even',
      measure: null,
      per: null,
      onDate: '2026-09-02',
      weight: '1',
      sum: '2',
      podCount: 2,
    };
    const shared = { rules: ['network shared 2 1'], origins: ['gw 4'], splits: [split] };
    expect(await cell('serviceName=Network')).toEqual(shared);
    expect(await cell('kind=shared')).toEqual(shared);
    expect(await cell('pod=search')).toEqual(nothing);
    await expect(cell('colour=red')).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('the unattributed cost is explained like a pod', async ({ bill }) => {
    const found = await explain(bill.db, { podId: null, period: '2026-09' }, { ...bill.options, linesPerOrigin: 0 });
    expect(found).toMatchObject({
      rules: [{ ruleId: null, rule: null, billedCost: '7' }],
      origins: [{ resourceId: 'vm-2' }],
      lines: [],
    });
  });

  it('a resource: its attributes, the rule that won and why the ones before it did not', async ({ bill }) => {
    const found = await explain(bill.db, { resourceId: 'gw' }, bill.options);
    expect(found).toMatchObject({
      subject: 'resource',
      origins: [
        {
          attributes: { provider: 'AWS', serviceName: 'Network', resourceId: 'gw' },
          stretches: [
            { from: null, until: '2026-01-01', ruleId: 'old', podId: 'search', passedOver: [] },
            {
              from: '2026-01-01',
              until: null,
              kind: 'split',
              ruleId: 'network',
              podId: null,
              passedOver: [
                { ruleId: 'old', reason: 'it holds for charge dates from ever until 2026-01-01' },
                { ruleId: 'google', reason: 'its "when" does not match' },
                { ruleId: 'tag', reason: 'its "when" does not match' },
              ],
            },
          ],
          days: [
            { chargeDate: '2026-09-02', loadId: bill.loadId, billingCurrency: 'EUR', billedCost: '4', lineCount: '1' },
          ],
          lines: [{ file: 'september.csv', record: 4 }],
        },
      ],
    });
  });

  it('an origin whose tag names a pod that has ended says so', async ({ bill }) => {
    const { rows } = await sql<{ id: string }>`select id from origin where resource_id = 'vm-2'`.execute(bill.db);
    const originId = rows[0]?.id ?? '';
    const found = (await explain(bill.db, { originId }, { ...bill.options, linesPerOrigin: 0 })) as OriginExplanation;
    expect(found.stretches.at(-1)).toEqual({
      from: '2026-09-10',
      until: null,
      kind: 'unattributed',
      podId: null,
      ruleId: null,
      rule: null,
      passedOver: [
        { ruleId: 'old', reason: 'it holds for charge dates from ever until 2026-01-01' },
        { ruleId: 'google', reason: 'its "when" does not match' },
        { ruleId: 'tag', reason: 'the pod search is not active on these dates' },
        { ruleId: 'network', reason: 'its "when" does not match' },
      ],
    });
  });

  it('an archive that is gone is said, not fatal', async ({ bill }) => {
    await sql`update load_file set archive_path = '/nowhere/gone.parquet'`.execute(bill.db);
    const found = await explain(bill.db, { resourceId: 'vm-1' }, bill.options);
    expect(found).toMatchObject({ origins: [{ lines: [], linesNote: expect.stringContaining('september.csv') }] });
  });

  it('what is not there is named', async ({ bill }) => {
    const none = { code: 'not_found' };
    await expect(explain(bill.db, { podId: 'nobody', period: '2026-09' }, bill.options)).rejects.toMatchObject(none);
    await expect(explain(bill.db, { originId: 'x' }, bill.options)).rejects.toMatchObject(none);
    await expect(explain(bill.db, { originId: '9999999999999999999' }, bill.options)).rejects.toMatchObject(none);
    await expect(explain(bill.db, { resourceId: 'no-such' }, bill.options)).rejects.toMatchObject(none);
  });
});

/**
 * Plans in money: what they say is what applying does, to the last decimal, and saying it changes nothing. Each test begins with the same
 * two bills under the same file; figures are small enough to be worked out by hand.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { listCurrentLoadIds } from '../../services/attribution/rebuild-months.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { localOperator, systemPrincipal } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { listPlans, readPlan } from '../../services/organisation/list-plans.ts';
import { planInMoney } from '../../services/organisation/plan-in-money.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { envelopeLines } from '../../cli/render/plan-envelopes.ts';
import { renderPlanMoney } from '../../cli/render/plan-money.ts';
import { readMovedCharges } from '../../services/replay/moved-charges.ts';
import { inShadow } from '../../services/replay/shadow.ts';
import { planWorld } from '../../services/replay/planned-world.ts';
import { rulebookOf } from '../../services/organisation/rulebook-of.ts';
import { insertOrigin, insertStagedLoad } from '../support/billed-charges.ts';
import { createTemplate, createTestDatabase, test as base } from '../support/database.ts';
import { readWholeDatabase } from '../support/whole-database.ts';

const AT = new Date('2026-10-02T09:00:00Z');
const LATER = new Date('2026-10-03T09:00:00Z');
const RATES = 'date,base,quote,rate\n2026-08-31,EUR,USD,1.1\n2026-09-10,EUR,USD,1.2\n';
const FILE = `organisation: Acme
fx: { files: [ecb.csv], carryDays: 30 }
pods:
  - { id: checkout }
  - { id: search }
rules:
  - { id: network, when: { serviceName: Network }, split: { method: even, among: all } }
  - { id: team, when: { tag: { team: { exists: true } } }, podFromTag: team }
`;
const WITH_QUEUES = `${FILE}  - { id: queues, when: { serviceName: Queue }, pod: search }\n`;

type Charges = Parameters<typeof insertStagedLoad>[1]['charges'];

interface Company {
  readonly db: Kysely<DB>;
  readonly queueOrigin: string;
  plan(text: string, rates?: string): ReturnType<typeof planInMoney>;
  apply(text: string, rates?: string): ReturnType<typeof applyOrganisation>;
  stage(charges: Charges): Promise<string>;
}

/** The file in force, and the bill that every plan is about. */
async function foundCompany(db: Kysely<DB>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outturn-plan-'));
  await applyText(db, folder, FILE);
  await rm(folder, { recursive: true, force: true });
  const shop = await insertOrigin(db, { service_name: 'Compute', tags: { team: 'checkout' } });
  const finder = await insertOrigin(db, { service_name: 'Storage', tags: { team: 'search' } });
  const network = await insertOrigin(db, { service_name: 'Network' });
  const queue = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Queue', resource_id: 'queue-1' });
  const loadId = await stage(db, [
    { originId: shop, date: '2026-09-01', billed: '28' },
    { originId: finder, date: '2026-09-02', billed: '36' },
    { originId: network, date: '2026-09-03', billed: '18' },
    { originId: queue, date: '2026-09-12', billed: '5', currency: 'EUR' },
    { originId: queue, date: '2026-08-31', billed: '0.01' },
  ]);
  await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
  return queue;
}

const fileOf = (text: string, folder: string) => ({
  organisation: parseOrganisation(text),
  sourceText: text,
  folder,
});

async function applyText(db: Kysely<DB>, folder: string, text: string, rates = RATES) {
  await writeFile(join(folder, 'ecb.csv'), rates);
  return applyOrganisation(db, { file: fileOf(text, folder), principal: localOperator, at: AT });
}

async function stage(db: Kysely<DB>, charges: Charges): Promise<string> {
  const loadId = await insertStagedLoad(db, { charges });
  await attachLoad(db, loadId);
  return loadId;
}

const test = base
  .extend('founded', { scope: 'file' }, async ({}, { onCleanup }) => {
    const { template, facts: queueOrigin, drop } = await createTemplate(({ db }) => foundCompany(db));
    onCleanup(drop);
    return { template, queueOrigin };
  })
  .extend('company', async ({ founded: { template, queueOrigin } }, { onCleanup }): Promise<Company> => {
    const { db, drop } = await createTestDatabase({ template });
    const folder = await mkdtemp(join(tmpdir(), 'outturn-plan-'));
    onCleanup(async () => {
      await rm(folder, { recursive: true, force: true });
      await drop();
    });
    return {
      db,
      queueOrigin,
      apply: (text, rates) => applyText(db, folder, text, rates),
      stage: (charges) => stage(db, charges),
      plan: async (text, rates = RATES) =>
        planInMoney(db, { file: fileOf(text, folder), rates: [{ name: 'ecb.csv', text: rates }], at: LATER }),
    };
  });

const row = (month: string, podId: string | null, from: string, to: string, difference: string) => ({
  month,
  podId,
  from,
  to,
  difference,
  currency: 'USD',
  statementId: null,
});

/** Cost by pod and month, from the figures themselves. */
async function readFigures(db: Kysely<DB>): Promise<Record<string, string>> {
  const { rows } = await sql<{ name: string; cost: string }>`
    select to_char(charge_date, 'YYYY-MM') || ' ' || coalesce(pod_id, 'nobody') as name,
      trim_scale(sum(effective_cost * case billing_currency when 'EUR' then 1.2 else 1 end))::text as cost
    from pod_day where kind <> 'owned' group by 1
  `.execute(db);
  return Object.fromEntries(rows.map(({ name, cost }) => [name, cost]));
}

describe('a plan', () => {
  test('says per pod and month what a rule moves, which rules win and lose, and which origins are caught', async ({
    company,
  }) => {
    const { money } = await company.plan(WITH_QUEUES);
    expect(money).toMatchObject({
      unchanged: false,
      currency: 'USD',
      costMetric: 'EffectiveCost',
      pods: [
        row('2026-08', 'search', '0', '0.01', '0.01'),
        row('2026-08', null, '0.01', '0', '-0.01'),
        row('2026-09', 'search', '45', '51', '6'),
        row('2026-09', null, '6', '0', '-6'),
      ],
      others: [{ currency: 'USD', from: '37', to: '37', difference: '0', rows: 1, changed: 0 }],
      totals: [{ currency: 'USD', from: '88.01', to: '88.01', difference: '0' }],
      adjustments: [],
      linesAffected: '2',
      rules: [
        { ruleId: 'queues', currency: 'USD', gained: '6.01', gainedLines: '2', lost: '0', lostLines: '0' },
        { ruleId: null, currency: 'USD', gained: '0', gainedLines: '0', lost: '6.01', lostLines: '2' },
      ],
      origins: {
        attributed: {
          count: 1,
          lines: '2',
          costs: [{ currency: 'USD', cost: '6.01' }],
          biggest: [
            {
              originId: company.queueOrigin,
              resourceId: 'queue-1',
              fromRule: null,
              toRule: 'queues',
              toPod: 'search',
              cost: '6.01',
            },
          ],
        },
        lost: { count: 0, lines: '0', costs: [], biggest: [] },
      },
    });
  });

  test('changes nothing, not even with new rates, and leaves nothing behind', async ({ company }) => {
    const before = await readWholeDatabase(company.db);
    await company.plan(WITH_QUEUES, RATES.replace('1.2', '1.3'));
    expect(await readWholeDatabase(company.db)).toEqual(before);
  });

  test('of the file that is in force says that no figure moves', async ({ company }) => {
    const plan = await company.plan(FILE);
    expect(plan).toMatchObject({
      unchanged: true,
      money: { unchanged: true, pods: [], linesAffected: '0', rules: [] },
    });
    expect(renderPlanMoney(plan.money)).toBe('No figure moves: every line stays where it is, at the same rates.');
  });

  test('of another split moves shares between pods, counts its lines and lets no rule win', async ({ company }) => {
    const { money } = await company.plan(FILE.replace('method: even', 'method: proportional'));
    expect(money.pods).toEqual([
      row('2026-09', 'checkout', '37', '35.875', '-1.125'),
      row('2026-09', 'search', '45', '46.125', '1.125'),
    ]);
    expect(money).toMatchObject({ linesAffected: '1', rules: [], totals: [{ difference: '0' }] });
  });

  test('counts the lines of a rule that gives to another pod once, whether the rule had them or takes them', async ({
    company,
  }) => {
    await company.apply(WITH_QUEUES);
    const turned = WITH_QUEUES.replace('pod: search', 'pod: checkout');
    const { money } = await company.plan(turned);
    expect(money).toMatchObject({
      linesAffected: '2',
      rules: [],
      origins: { attributed: { count: 0 }, lost: { count: 0 } },
    });
    expect(money.totals.every(({ difference }) => difference === '0')).toBe(true);
    // It gives elsewhere and takes the network's line from its split as well.
    const wider = turned.replace('{ id: network', '{ id: none').replace('Queue }', '[Queue, Network] }');
    const { money: both } = await company.plan(wider.replace('serviceName: Network', 'serviceName: None'));
    expect(both.linesAffected).toBe('3');
    expect(both.rules).toMatchObject([
      { ruleId: 'network', gained: '0', lost: '18' },
      { ruleId: 'queues', gained: '18', gainedLines: '1', lost: '0' },
    ]);
  });

  test('of a corrected exchange rate shows the converted difference, and no line attributed otherwise', async ({
    company,
  }) => {
    const { money } = await company.plan(FILE, RATES.replace('1.2', '1.3'));
    expect(money).toMatchObject({
      unchanged: false,
      changedRates: 1,
      linesAffected: '0',
      pods: [row('2026-09', null, '6', '6.5', '0.5')],
      totals: [{ currency: 'USD', from: '88.01', to: '88.51', difference: '0.5' }],
    });
  });

  test('of another tag spelling names the origins that are lost with it', async ({ company }) => {
    const { money } = await company.plan(FILE.replaceAll('team', 'squad'));
    expect(money.origins.lost).toMatchObject({ count: 2, lines: '2', costs: [{ currency: 'USD', cost: '64' }] });
    // With nobody left that has direct cost, nobody carries the network either.
    expect(money.pods.filter(({ podId }) => podId === null)).toEqual([row('2026-09', null, '6', '88', '82')]);
  });

  test('keeps what cannot be converted in its billing currency, on both sides', async ({ company }) => {
    const { money } = await company.plan(
      WITH_QUEUES.replace('fx: { files: [ecb.csv], carryDays: 30 }', 'fx: { carryDays: 0 }'),
    );
    const euros = money.pods.filter(({ currency }) => currency === 'EUR');
    expect(euros).toEqual([
      { ...row('2026-09', 'search', '0', '5', '5'), currency: 'EUR' },
      { ...row('2026-09', null, '5', '0', '-5'), currency: 'EUR' },
    ]);
    expect(money.totals).toEqual([
      { currency: 'EUR', from: '5', to: '5', difference: '0' },
      { currency: 'USD', from: '82.01', to: '82.01', difference: '0' },
    ]);
  });

  test('never touches a closed month, says so, and shows its difference as an adjustment in the open month', async ({
    company,
  }) => {
    const { db } = company;
    await sql`
      insert into statement (kind, period_id, period_start, period_end, state, known_at, figures_version, rulebook_id, currency, cost_metric,
        heading, document, document_hash, prepared_by, prepared_at, approved_by, approved_at, ordinal, previous_hash, hash)
      values ('month', '2026-08', '2026-08-01', '2026-09-01', 'approved', now(), 1, 1, 'USD', 'EffectiveCost', '{}', '{}', 'h', 'grace', now(),
        'ruth', now(), 1, '', 'x')
    `.execute(db);
    const { money } = await company.plan(WITH_QUEUES);
    expect(money.adjustments).toEqual([
      { podId: 'search', month: '2026-08', statementId: 1, currency: 'USD', amount: '0.01' },
      { podId: null, month: '2026-08', statementId: 1, currency: 'USD', amount: '-0.01' },
    ]);
    expect(renderPlanMoney(money)).toContain(
      'Closed and not touched: 2026-08 (statement 1). What differs there becomes prior-period adjustments in the open month.',
    );
  });

  test('prints columns that foot: every difference is the printed figure less the former one', async ({ company }) => {
    expect(renderPlanMoney((await company.plan(WITH_QUEUES)).money).split('\n')).toEqual([
      'What it moves, EffectiveCost:',
      '',
      'month    pod           from USD     to  difference',
      '2026-08  search            0.00   0.01       +0.01',
      '2026-08  unattributed      0.01   0.00       -0.01',
      '2026-09  search           45.00  51.00       +6.00',
      '2026-09  unattributed      6.00   0.00       -6.00',
      '         1 unchanged      37.00  37.00        0.00',
      'total                     88.01  88.01        0.00',
      '',
      'Lines affected: 2.',
      '',
      'rule     wins  lines  loses  lines  currency',
      'queues   6.01      2   0.00      0  USD',
      'no rule  0.00      0   6.01      2  USD',
      '',
      'Newly attributed: origins 1, lines 2, 6.01 USD.',
      expect.stringMatching(/^origin +what +rule → rule +lines +cost +currency$/),
      expect.stringMatching(/^\d+ +queue-1 +no rule → queues \(search\) +2 +6\.01 +USD$/),
    ]);
  });

  test('keeps nobody from publishing: a bill is published while a plan is under way', async ({ company }) => {
    const { db, queueOrigin } = company;
    const loadId = await company.stage([{ originId: queueOrigin, date: '2026-09-20', billed: '7' }]);
    const organisation = parseOrganisation(WITH_QUEUES);
    await inShadow(db, {}, async (shadow) => {
      const rulebook = { current: 1, next: null, content: rulebookOf(organisation) };
      await planWorld(shadow, { rulebook, currency: 'USD', fx: organisation.fx, rates: null });
      expect(await publishLoad(db, loadId, { at: LATER, principal: systemPrincipal })).toMatchObject({
        state: 'published',
      });
    });
    expect(await readFigures(db)).toMatchObject({ '2026-09 nobody': '7' });
  });
});

const ENVELOPES = `envelopes:
  - { scope: { pod: search }, period: 2026-09, limit: "50.00", currency: USD, counts: loaded }
  - { scope: { pod: checkout }, period: 2026-09, limit: "100.00", currency: USD, counts: loaded }
  - { scope: { unattributed: true }, period: 2026-09, limit: "7.00", currency: USD, counts: loaded }
`;
const WITH_ENVELOPES = `${FILE}${ENVELOPES}`;
const QUEUES_AND_ENVELOPES = `${WITH_QUEUES}${ENVELOPES}`;

/** Where an envelope stands, shortly. */
const stand = (limit: string, actual: string | null, used: string | null, rung: string | null, state: string) => ({
  limit,
  currency: 'USD',
  actual,
  used,
  rung,
  state,
});

describe('envelopes in a plan', () => {
  test('that new rules bring over a rung are named with their use, and their alerts would wait for finance', async ({
    company,
  }) => {
    await company.apply(WITH_ENVELOPES);
    const before = await readWholeDatabase(company.db);
    const { envelopes } = await company.plan(QUEUES_AND_ENVELOPES);
    expect(await readWholeDatabase(company.db)).toEqual(before);
    expect(envelopes).toEqual({
      listed: [
        {
          scope: { kind: 'pod', id: 'search' },
          period: '2026-09',
          counts: 'loaded',
          from: stand('50', '45', '0.9000', '0.8', 'near'),
          to: stand('50', '51', '1.0200', '1', 'over'),
          alerts: [{ rung: '1', delivery: 'held', reason: 'rules' }],
        },
      ],
      leftOut: 0,
      otherwiseUsed: 1,
    });
    expect(envelopeLines({ envelopes }).split('\n')).toEqual([
      '',
      '',
      'envelope    period   limit  cur    used     then  state        alert',
      'pod search  2026-09  50.00  USD  90.0 %  102.0 %  near → over  100.0 %: held for finance',
      '… and 1 more are used otherwise and stay on their rung.',
    ]);
    const applied = await company.apply(QUEUES_AND_ENVELOPES);
    expect(applied.envelopes).toEqual(envelopes);
    expect((await readPlan(company.db, '3')).envelopes).toEqual(envelopes);
  });

  test('that the file brings, changes and takes back are judged at its limits', async ({ company }) => {
    await company.apply(WITH_ENVELOPES);
    const planned = await company.plan(
      WITH_ENVELOPES.replace('"100.00"', '"40.00"').replace('unattributed: true', 'organisation: true'),
    );
    const pending = { delivery: 'pending', reason: 'limit lowered' };
    expect(planned.envelopes.listed).toEqual([
      expect.objectContaining({
        scope: { kind: 'organisation', id: null },
        from: null,
        to: stand('7', '88', '12.5714', '2', 'over'),
        alerts: [{ rung: '2', delivery: 'pending', reason: 'spend' }],
      }),
      expect.objectContaining({
        scope: { kind: 'pod', id: 'checkout' },
        from: stand('100', '37', '0.3700', null, 'ok'),
        to: stand('40', '37', '0.9250', '0.8', 'near'),
        alerts: [{ rung: '0.8', ...pending }],
      }),
      expect.objectContaining({ scope: { kind: 'unattributed', id: null }, to: null, alerts: [] }),
    ]);
  });

  test('are not told where the file and the product conflict: nothing would be applied', async ({ company }) => {
    await company.apply(WITH_ENVELOPES);
    await sql`update pod set name = 'Tills' where id = 'checkout'`.execute(company.db);
    const plan = await company.plan(QUEUES_AND_ENVELOPES.replace('id: checkout }\n', 'id: checkout, name: Shop }\n'));
    expect(plan.conflicts).toHaveLength(1);
    expect(plan.envelopes).toEqual({ listed: [], leftOut: 0, otherwiseUsed: 0 });
  });
});

describe('applying', () => {
  test('does what the plan said, and keeps it with who applied it and when', async ({ company }) => {
    const { db } = company;
    const planned = await company.plan(
      WITH_QUEUES,
      RATES.replace('2026-09-10,EUR,USD,1.2', '2026-09-10,EUR,USD,1.2\n2026-09-11,EUR,USD,1.2'),
    );
    const before = await readFigures(db);
    const result = await company.apply(
      WITH_QUEUES,
      RATES.replace('2026-09-10,EUR,USD,1.2', '2026-09-10,EUR,USD,1.2\n2026-09-11,EUR,USD,1.2'),
    );
    const after = await readFigures(db);
    expect(result.money).toEqual(planned.money);
    for (const { podId, month, from, to } of planned.money.pods) {
      const name = `${month} ${podId ?? 'nobody'}`;
      expect([before[name] ?? '0', after[name] ?? '0'], name).toEqual([from, to]);
    }
    const [listed] = await listPlans(db, { before: null, limit: 1 });
    expect(listed).toMatchObject({
      planId: '2',
      appliedAt: AT.toISOString(),
      appliedBy: 'local operator',
      rulebook: 2,
      linesAffected: '2',
    });
    const stored = await readPlan(db, '2');
    expect(stored.money).toEqual(planned.money);
    expect(stored.plan.changes).toEqual(planned.changes);
    const { rows } = await sql<{ plan: string }>`
      select details ->> 'planId' as plan from audit_event where action = 'apply-organisation' order by id desc limit 1
    `.execute(db);
    expect(rows[0]?.plan).toBe('2');
    await expect(readPlan(db, '9')).rejects.toMatchObject({ code: 'not_found' });
  });

  // Few moved origins have their charges looked up; of many, the charges or their sums by month are read in one go.
  test.for([
    ['whatever their date', '', ['5', '0.01']],
    ['from September on', ", from: '2026-09-01'", ['5']],
  ] as const)('moved charges %s are the same however they are read', async ([, from, gained], { company }) => {
    const { db } = company;
    await company.apply(WITH_QUEUES.replace('pod: search', `pod: search${from}`));
    const read = (lookedUpMax: number) =>
      db.transaction().execute(async (trx) => {
        await sql`create temp table planned_rate (billing_currency text, on_date date, former numeric, planned numeric) on commit drop`.execute(
          trx,
        );
        await sql`insert into planned_rate select 'USD', charge_date, 1, 1 from pod_day group by charge_date`.execute(
          trx,
        );
        const loadIds = await listCurrentLoadIds(trx);
        return readMovedCharges(trx, {
          from: 1,
          to: 2,
          loadIds,
          currency: 'USD',
          costMetric: 'BilledCost',
          change: { turned: [], leaving: null },
          lookedUpMax,
        });
      });
    const lookedUp = await read(2);
    expect(lookedUp.rules.filter(({ ruleId }) => ruleId === 'queues').map((rule) => rule.gained)).toEqual(gained);
    expect(await read(0)).toEqual(lookedUp);
  });

  test('going back to a former file tells the way back', async ({ company }) => {
    await company.apply(WITH_QUEUES);
    const { money } = await company.apply(FILE);
    expect(money).toMatchObject({
      linesAffected: '2',
      rules: [
        { ruleId: 'queues', gained: '0', lost: '6.01' },
        { ruleId: null, gained: '6.01', lost: '0' },
      ],
      origins: { attributed: { count: 0 }, lost: { count: 1 } },
    });
  });
});

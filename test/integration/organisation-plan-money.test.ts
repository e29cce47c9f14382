/**
 * Plans in money: what a change of the file would move, to the last decimal, and saying it changes nothing. Each test begins with the same
 * bill under the same file; figures are small enough to be worked out by hand.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { renderPlanMoney } from '../../cli/render/plan-money.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { systemPrincipal } from '../../services/kernel/ports.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { rulebookOf } from '../../services/organisation/rulebook-of.ts';
import { planWorld } from '../../services/replay/planned-world.ts';
import { inShadow } from '../../services/replay/shadow.ts';
import { FILE, LATER, RATES, readFigures, test, WITH_QUEUES } from '../support/planned-company.ts';
import { readWholeDatabase } from '../support/whole-database.ts';

const row = (month: string, podId: string | null, from: string, to: string, difference: string) => ({
  month,
  podId,
  from,
  to,
  difference,
  currency: 'USD',
  statementId: null,
});

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

/** What a plan said is what applying does: figures, lines and envelopes, kept with who applied it and when; and the way back. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { envelopeLines } from '../../cli/render/plan-envelopes.ts';
import { listCurrentLoadIds } from '../../services/attribution/rebuild-months.ts';
import { listPlans, readPlan } from '../../services/organisation/list-plans.ts';
import { readMovedCharges } from '../../services/replay/moved-charges.ts';
import { AT, FILE, RATES, readFigures, test, WITH_QUEUES } from '../support/planned-company.ts';
import { readWholeDatabase } from '../support/whole-database.ts';

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

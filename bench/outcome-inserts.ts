/** What the figures of many outcomes are taken from: pods with cost on every day, outcomes over them, and a month that is closed. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../db/schema.gen.ts';
import { raiseFiguresVersion } from '../services/attribution/figures-version.ts';
import { decimal } from '../services/kernel/decimal.ts';
import { addDays } from '../services/kernel/period.ts';
import type { Principal } from '../services/kernel/ports.ts';
import { BASIS_POINTS_WHOLE, NOTHING_FURTHER, type StatedOutcome } from '../services/outcomes/outcome.ts';
import { planOutcomes } from '../services/outcomes/plan-outcomes.ts';
import { saveOutcomes } from '../services/outcomes/save-outcomes.ts';
import { approveStatement } from '../services/periods/approve-statement.ts';
import { prepareStatement } from '../services/periods/prepare-statement.ts';

export const MONTHS = ['2026-07-01', '2026-08-01', '2026-09-01'];
export const OUTCOMES_A_MONTH = 5_000;
const PODS = 200;
/** When the quarter is asked for: in its third month. */
export const AT = new Date('2026-09-20T10:00:00Z');
export const FINANCE: Principal = { id: 'grace@bench.example', role: 'finance', pods: [] };
const VERIFIER: Principal = { id: 'luca@bench.example', role: 'finance', pods: [] };
const PREPARER: Principal = { id: 'olaf@bench.example', role: 'operator', pods: [] };

/** Pods with direct and shared cost on every day of the quarter, besides those that are there. */
export async function insertCosts(db: Kysely<DB>): Promise<void> {
  await sql`insert into pod (id, name, kind) select 'team-' || number, 'Team ' || number, 'delivery' from generate_series(1, ${PODS}) as number`.execute(
    db,
  );
  const costs = sql`pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost`;
  await sql`
    insert into pod_day (charge_date, ${costs})
    select day::date, 'team-' || number, kind, 'USD', cost, cost, cost, cost
    from generate_series(1, ${PODS}) as number, generate_series(${MONTHS[0]}::timestamp, '2026-09-30', interval '1 day') as day,
      unnest(array['direct', 'shared']) as kind cross join lateral (select (number * 1.37 + 11.0091)::numeric as cost) as costed
    order by 1, 2
  `.execute(db);
  await sql`
    insert into pod_month (charge_month, ${costs})
    select date_trunc('month', charge_date::timestamp)::date, pod_id, kind, billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost),
      sum(contracted_cost)
    from pod_day where pod_id like 'team-%' group by 1, 2, 3, 4`.execute(db);
  await db.transaction().execute((trx) => raiseFiguresVersion(trx, 'anything'));
  await sql`analyze`.execute(db);
}

/** States them all at once, as an import does, and verifies every other one, as importing the same sheet by somebody else of finance does. */
export async function insertOutcomes(db: Kysely<DB>): Promise<void> {
  const stated = MONTHS.flatMap((month) =>
    Array.from({ length: OUTCOMES_A_MONTH }, (_, index) => outcome(month, index)),
  );
  await db.transaction().execute(async (trx) => {
    for (const principal of [FINANCE, VERIFIER]) {
      const plan = await planOutcomes(trx, stated);
      await saveOutcomes(trx, { stated, plan, principal, at: AT });
    }
  });
  await sql`analyze`.execute(db);
}

/** One more of the first month, as a claim. */
export async function stateAnother(db: Kysely<DB>, index: number): Promise<void> {
  const stated = [
    { ...outcome(MONTHS[0] ?? '', OUTCOMES_A_MONTH + index), state: 'claimed' as const, verifiedBy: null },
  ];
  await db.transaction().execute(async (trx) => {
    await saveOutcomes(trx, { stated, plan: await planOutcomes(trx, stated), principal: FINANCE, at: AT });
  });
}

function outcome(month: string, index: number): StatedOutcome {
  const podId = `team-${(index % PODS) + 1}`;
  const other = `team-${((index + 77) % PODS) + 1}`;
  const from = addDays(month, index % 28);
  const amount = decimal(`${1_000 + index}.17`);
  const shares =
    index % 4 === 0
      ? [
          { podId, basisPoints: 6_000 },
          { podId: other, basisPoints: 3_000 },
        ]
      : [{ podId, basisPoints: BASIS_POINTS_WHOLE }];
  return {
    content: {
      title: `Outcome ${month} ${index}`,
      outcomeType: null,
      unit: null,
      quantity: null,
      basis: 'cost_reduction',
      grossOrMargin: null,
      amount,
      amountLow: null,
      amountHigh: null,
      currency: 'USD',
      deliveredOn: from,
      schedule: [{ from, until: addDays(from, index % 5 === 0 ? 365 : 1), amount }],
      shares,
      ownerEmail: 'ada@bench.example',
      baseline: 'the year before',
      evidenceUrl: null,
      references: [],
      ...NOTHING_FURTHER,
      isOwnBillBaseline: false,
    },
    state: index % 2 === 0 ? 'verified' : 'claimed',
    verifiedBy: index % 2 === 0 ? VERIFIER.id : null,
    sheetRow: { workbook: 'bench-months', sourceRowId: `${month}/${index}` },
    evidence: [{ uri: `https://evidence.bench.example/${month}/${index}`, title: null, sha256: null }],
    agreements: shares.map((share) => ({ podId: share.podId, agreedBy: 'grace@bench.example' })),
  };
}

/** Closes the first month by two people; what is open then is the rest of the quarter. */
export async function closeFirstMonth(db: Kysely<DB>): Promise<void> {
  const request = { period: '2026-07', principal: PREPARER, at: AT, forcedReason: 'No bill is delivered to a bench.' };
  const { statement } = await db.transaction().execute((trx) => prepareStatement(trx, request));
  const { statementId } = statement;
  await db.transaction().execute((trx) => approveStatement(trx, { statementId, principal: FINANCE, at: AT }));
  await sql`analyze`.execute(db);
}

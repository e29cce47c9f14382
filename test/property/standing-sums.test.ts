/**
 * Closed months are read from sums, and outcomes of closed and open months are counted once: whatever was stated, taken back, judged, moved to
 * other pods, months or bases before and after months were closed and closed anew, sums by month give for every digit and count what reading
 * each frozen and each open day gives.
 */
import fc from 'fast-check';
import { type CompiledQuery, type Transaction } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { addDays } from '../../services/kernel/period.ts';
import { keepValueCut } from '../../services/outcomes/sums/outcome-months.ts';
import { NOTHING_FURTHER, type StatedOutcome } from '../../services/outcomes/outcome.ts';
import { planOutcomes } from '../../services/outcomes/plan-outcomes.ts';
import { retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { saveOutcomes } from '../../services/outcomes/save-outcomes.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { approveStatement } from '../../services/periods/approve-statement.ts';
import { prepareStatement } from '../../services/periods/prepare-statement.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { readReportFacts } from '../../services/reports/report-facts.ts';
import { valuePerPod, valuePerPodAtOnce } from '../../services/reports/value-per-pod.ts';
import { APPROVER, PREPARER } from '../support/closing.ts';
import { insertPodDays } from '../support/cost-fixtures.ts';
import { test } from '../support/database.ts';
import { FINANCE, insertPods } from '../support/outcome-sheets.ts';

const AT = new Date('2027-06-01T00:00:00Z');
const START = '2026-01-01';
const MONTHS = ['2026-01', '2026-02', '2026-03'];
const CUT = '2026-04-11';
const WINDOWS = [
  `${START}..${CUT}`,
  `${START}..2026-07-01`,
  '2026-02-01..2026-05-01',
  '2026-02-01..2026-03-01',
  '2026-01-05..2026-05-01',
];
const PODS = ['a', 'b', 'c'];

const outcome = fc
  .record({
    slot: fc.integer({ min: 0, max: 2 }),
    from: fc.integer({ min: 0, max: 110 }),
    days: fc.constantFrom(1, 7, 45, 100),
    cents: fc.integer({ min: 0, max: 99_999 }),
    pod: fc.integer({ min: 0, max: 2 }),
    points: fc.constantFrom(10_000, 3_333),
    basis: fc.constantFrom(
      'cost_reduction' as const,
      'revenue' as const,
      'cost_avoided' as const,
      'strategic' as const,
    ),
    isDated: fc.boolean(),
  })
  .map(({ slot, from, days, cents, pod, points, basis, isDated }): StatedOutcome => {
    const start = addDays(START, from);
    const amount = decimal(`${cents}e-2`);
    const hasMoney = basis !== 'strategic';
    const shares = [{ podId: PODS[pod] ?? '', basisPoints: points }];
    return {
      content: {
        title: 'x',
        outcomeType: null,
        unit: null,
        quantity: null,
        basis,
        grossOrMargin: basis === 'revenue' ? 'gross' : null,
        amount: hasMoney ? amount : null,
        amountLow: null,
        amountHigh: null,
        currency: hasMoney ? 'USD' : null,
        deliveredOn: start,
        schedule: hasMoney ? [{ from: start, until: addDays(start, days), amount }] : [],
        shares,
        ownerEmail: 'x@example.com',
        baseline: 'the year before',
        evidenceUrl: null,
        references: [],
        ...NOTHING_FURTHER,
        isOwnBillBaseline: false,
        reviewDueOn: hasMoney && isDated ? addDays(start, 20) : null,
      },
      state: 'claimed',
      verifiedBy: null,
      sheetRow: { workbook: 'w', sourceRowId: String(slot) },
      evidence: [{ uri: `https://evidence.example.com/${slot}`, title: null, sha256: null }],
      agreements: shares.map(({ podId }) => ({ podId, agreedBy: 'g@example.com' })),
    };
  });

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: outcome.map((one) => ({ kind: 'state' as const, one })) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('verify' as const, 'retract' as const),
        slot: fc.integer({ min: 0, max: 2 }),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ kind: 'close' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('reissue' as const), month: fc.integer({ min: 0, max: 2 }) }),
    },
  ),
  { minLength: 6, maxLength: 14 },
);
type Step = typeof steps extends fc.Arbitrary<(infer One)[]> ? One : never;

/** What has been done so far. */
interface History {
  readonly ids: Map<number, string>;
  closed: number;
}

async function close(trx: Transaction<DB>, period: string, reissueReason?: string): Promise<void> {
  const given = { period, principal: PREPARER, at: AT, forcedReason: 'no bills' };
  const request = reissueReason === undefined ? given : { ...given, reissueReason };
  const { statement } = await prepareStatement(trx, request);
  await approveStatement(trx, { statementId: statement.statementId, principal: APPROVER, at: AT });
}

async function perform(trx: Transaction<DB>, step: Step, history: History): Promise<void> {
  if (step.kind === 'state') {
    const stated = [step.one];
    const plan = await planOutcomes(trx, stated);
    const [saved] = await saveOutcomes(trx, { stated, plan, principal: FINANCE, at: AT });
    const slot = Number(step.one.sheetRow?.sourceRowId);
    if (saved?.outcomeId !== null && saved !== undefined) history.ids.set(slot, saved.outcomeId);
  } else if (step.kind === 'close') {
    const month = MONTHS[history.closed];
    if (month === undefined) return;
    await close(trx, month);
    history.closed += 1;
  } else if (step.kind === 'reissue') {
    if (step.month < history.closed) await close(trx, MONTHS[step.month] ?? '', 'known better');
  } else {
    const outcomeId = history.ids.get(step.slot);
    if (outcomeId === undefined) return;
    const { state } = await trx
      .selectFrom('outcome')
      .select('state')
      .where('id', '=', outcomeId)
      .executeTakeFirstOrThrow();
    const at = new Date(`${START}T12:00:00Z`); // Before any review is due.
    const request = { outcomeId, principal: { ...FINANCE, id: 'luca@example.com' }, at, reason: 'as measured' };
    if (step.kind === 'retract' && state !== 'retracted') await retractOutcome(trx, request);
    if (step.kind === 'verify' && state === 'claimed') await verifyOutcome(trx, request);
  }
}

/** How many of the windows were read from sums of closed months in one statement. */
async function compare(trx: Transaction<DB>): Promise<number> {
  let atOnceCount = 0;
  const execute = async <Row>(statement: CompiledQuery<Row>) => (await trx.executeQuery(statement)).rows;
  for (const period of WINDOWS) {
    const request = { period, at: AT };
    await prepareConversions(trx, request);
    const read = JSON.stringify(await valuePerPod(trx, request));
    expect(JSON.stringify(await valuePerPod(trx, { ...request, isByMonth: true })), period).toBe(read);
    const facts = await readReportFacts(trx);
    const { report } = await valuePerPodAtOnce(trx, facts, { request, statements: new Map(), execute });
    if (report === null) continue;
    expect(JSON.stringify(report), period).toBe(read);
    if (report.state === 'mixed') atOnceCount += 1;
  }
  return atOnceCount;
}

test('sums of closed months give what their frozen days give', { timeout: 60_000 }, async ({ database }) => {
  let atOnceCount = 0;
  const property = fc.asyncProperty(steps, async (performed) => {
    const trx = await database.db.startTransaction().execute();
    try {
      await insertPods(trx, ...PODS.map((id) => ({ id })));
      const dates = [0, 40, 75, 95, 103, 150].map((days) => addDays(START, days));
      await insertPodDays(
        trx,
        ...dates.map((date, index) => ({ date, pod: PODS[index % 4] ?? null, cost: `${index + 1}.07` })),
      );
      await keepValueCut(trx, { cutOn: CUT, at: AT });
      const history: History = { ids: new Map(), closed: 0 };
      for (const step of performed) await perform(trx, step, history);
      atOnceCount += await compare(trx);
    } finally {
      await trx.rollback().execute();
    }
  });
  await fc.assert(property, { numRuns: 5, examples: [[[{ kind: 'close' }]]] });
  expect(atOnceCount).toBeGreaterThan(0);
});

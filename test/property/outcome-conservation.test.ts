/**
 * Recognition and sharing conserve where many are written at once: random outcomes with amounts of up to 14 decimals, three currencies, shares, schedules, dis-benefits,
 * reviews that are due and windows; stated, changed, judged row by row and taken back. Over any cut of time, pods and the unattributed rest add
 * up to what the outcomes recognise; over all time, to what counts of their amounts. Sums kept by month and by cut month give, for every digit,
 * what reading every outcome gives.
 */
import fc from 'fast-check';
import { type CompiledQuery, sql, type Transaction } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { add, type Decimal, decimal, multiply, sum } from '../../services/kernel/decimal.ts';
import { addDays } from '../../services/kernel/period.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import {
  BASIS_POINTS_WHOLE,
  NOTHING_FURTHER,
  type OutcomeContent,
  type StatedOutcome,
} from '../../services/outcomes/outcome.ts';
import { planOutcomes } from '../../services/outcomes/plan-outcomes.ts';
import { keepValueCut } from '../../services/outcomes/sums/outcome-months.ts';
import { retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { saveOutcomes } from '../../services/outcomes/save-outcomes.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { readReportFacts } from '../../services/reports/report-facts.ts';
import { valuePerPod, valuePerPodAtOnce } from '../../services/reports/value-per-pod.ts';
import { test } from '../support/database.ts';
import { FINANCE, insertPods, VERIFIER } from '../support/outcome-sheets.ts';

const AT = new Date('2027-06-01T00:00:00Z');
const PODS = ['a', 'b', 'c'];

const amount = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 15n }), fc.integer({ min: 0, max: 14 }))
  .map(([units, scale]) => decimal(`${units}e-${scale}`));

const shares = fc
  .array(fc.integer({ min: 1, max: BASIS_POINTS_WHOLE }), { minLength: 1, maxLength: PODS.length })
  .map((points) => {
    const whole = Math.max(
      BASIS_POINTS_WHOLE,
      points.reduce((total, point) => total + point, 0),
    );
    return points.map((point, index) => ({
      podId: PODS[index] ?? '',
      basisPoints: Math.max(1, Math.floor((point * BASIS_POINTS_WHOLE) / whole)),
    }));
  });

const scheduleRow = fc.record({
  start: fc.integer({ min: 0, max: 300 }),
  days: fc.integer({ min: 1, max: 90 }),
  amount,
});

const stated = fc
  .record({
    shares,
    rows: fc.array(scheduleRow, { minLength: 1, maxLength: 3 }),
    currency: fc.constantFrom('USD', 'EUR', 'GBP'),
    state: fc.constantFrom('claimed' as const, 'verified' as const),
    evidence: fc.uuid(),
    basis: fc.constantFrom(
      'cost_reduction' as const,
      'cost_reduction' as const,
      'cost_avoided' as const,
      'strategic' as const,
    ),
    deliveredAfter: fc.integer({ min: 0, max: 300 }),
    effect: fc.constantFrom('benefit' as const, 'benefit' as const, 'dis_benefit' as const),
    reviewAfter: fc.option(fc.integer({ min: 0, max: 400 })),
  })
  .map(({ rows: given, currency, state, basis, deliveredAfter, shares: parts, evidence: link, ...record }) => {
    const rows = basis === 'strategic' ? [] : given;
    const content: OutcomeContent = {
      title: 'x',
      outcomeType: null,
      unit: null,
      quantity: null,
      basis,
      grossOrMargin: null,
      amount: basis === 'strategic' ? null : sum(rows.map((row) => row.amount)),
      amountLow: null,
      amountHigh: null,
      currency: basis === 'strategic' ? null : currency,
      deliveredOn: addDays('2026-01-01', deliveredAfter),
      schedule: rows.map((row) => ({
        from: addDays('2026-01-01', row.start),
        until: addDays('2026-01-01', row.start + row.days),
        amount: row.amount,
      })),
      shares: parts,
      ownerEmail: 'x@example.com',
      baseline: 'the year before',
      evidenceUrl: null,
      references: [],
      ...NOTHING_FURTHER,
      isOwnBillBaseline: false,
      effect: basis === 'strategic' ? 'benefit' : record.effect,
      reviewDueOn: record.reviewAfter === null ? null : addDays('2026-01-01', record.reviewAfter),
    };
    const evidence = [{ uri: `https://evidence.example.com/${link}`, title: null, sha256: null }];
    const agreements = parts.map(({ podId }) => ({ podId, agreedBy: 'g@example.com' }));
    const verifiedBy = state === 'verified' ? VERIFIER.id : null;
    return { content, state, verifiedBy, sheetRow: null, evidence, agreements } satisfies StatedOutcome;
  });

/** What becomes of the first outcomes after they were stated: taken back, or the odd rows of their schedules verified in part and the even ones refused. */
const acts = fc.array(fc.constantFrom('nothing' as const, 'retract' as const, 'judge' as const), { maxLength: 4 });
type Act = 'nothing' | 'retract' | 'judge';

const PART = decimal('0.37');

/** What an outcome brings over all time, as its rows say. */
function broughtBy({ content }: StatedOutcome, act: Act | undefined): Decimal {
  const counted = content.schedule.flatMap((row, index) => {
    if (act === 'retract') return [];
    if (act !== 'judge') return [row.amount];
    return index % 2 === 0 ? [multiply(row.amount, PART)] : [];
  });
  return multiply(sum(counted), decimal(content.effect === 'benefit' ? '1' : '-1'));
}

async function perform(trx: Transaction<DB>, given: { outcomeId: string; outcome: StatedOutcome; act: Act }) {
  const { outcomeId, outcome, act } = given;
  const request = { outcomeId, principal: VERIFIER, at: AT, reason: 'as measured' };
  if (act === 'retract') await retractOutcome(trx, request);
  if (act !== 'judge' || outcome.content.amount === null) return;
  const rows = outcome.content.schedule.map(({ amount }, index) => ({
    ordinal: index + 1,
    ...(index % 2 === 0
      ? { verdict: 'verified' as const, verifiedAmount: multiply(amount, PART) }
      : { verdict: 'rejected' as const }),
  }));
  await verifyOutcome(trx, { ...request, rows, reviewDueOn: addDays('2027-06-01', 30) });
}

/** The same rows of a workbook, so that stating them again changes the outcomes. */
function inWorkbook(outcomes: readonly StatedOutcome[]): StatedOutcome[] {
  return outcomes.map((one, index) => ({ ...one, sheetRow: { workbook: 'w', sourceRowId: String(index) } }));
}

function ratesCsv(): string {
  const lines = ['date,base,quote,rate'];
  for (let day = 0; day < 420; day += 3) {
    const date = addDays('2025-12-30', day);
    lines.push(`${date},EUR,USD,1.${1000 + ((day * 37) % 900)}`, `${date},EUR,GBP,0.8${100 + ((day * 13) % 800)}`);
  }
  return lines.join('\n');
}

describe('recognised value', () => {
  test('of pods and nobody adds up to the outcomes, and windows add up to the whole, exactly', {
    timeout: 120_000,
  }, async ({ database }) => {
    const several = fc.array(stated, { maxLength: 3 });
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 399 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(stated, { minLength: 1, maxLength: 6 }),
        several,
        cuts,
        acts,
        async (former, changed, days, performed) => {
          const outcomes = inWorkbook(former.map((one, index) => changed[index] ?? one));
          const trx = await database.db.startTransaction().execute();
          try {
            await insertPods(trx, ...PODS.map((id) => ({ id })));
            await importFxFiles(trx, [{ name: 'r.csv', text: ratesCsv() }]);
            const ids: string[] = [];
            for (const stated of [inWorkbook(former), outcomes]) {
              // What one records, the other verifies, where it asks for that.
              for (const principal of [FINANCE, VERIFIER]) {
                const plan = await planOutcomes(trx, stated);
                const saved = await saveOutcomes(trx, { stated, plan, principal, at: AT });
                if (principal === FINANCE) ids.push(...saved.map(({ outcomeId }) => outcomeId ?? ''));
              }
              // Kept between the changes and after them.
              const cut = addDays('2026-01-01', (stated === outcomes ? days.at(-1) : days[0]) ?? 1);
              if (!cut.endsWith('-01')) await keepValueCut(trx, { cutOn: cut, at: AT });
            }
            for (const [index, act] of performed.entries()) {
              const [outcomeId, outcome] = [ids[index], outcomes[index]];
              if (outcomeId !== undefined && outcome !== undefined) await perform(trx, { outcomeId, outcome, act });
            }
            await sql`set constraints all immediate`.execute(trx);
            const bounds = [
              '2026-01-01',
              ...days.sort((one, two) => one - two).map((day) => addDays('2026-01-01', day)),
              '2027-02-05',
            ];
            const read = async (start: string, end: string, currency: string) => {
              const request = { period: `${start}..${end}`, currency, at: AT };
              await prepareConversions(trx, request);
              const report = await valuePerPod(trx, request);
              const execute = async <Row>(statement: CompiledQuery<Row>) => (await trx.executeQuery(statement)).rows;
              const { report: atOnce } = await valuePerPodAtOnce(trx, await readReportFacts(trx), {
                request,
                statements: new Map(),
                execute,
              });
              expect(JSON.stringify(atOnce)).toBe(JSON.stringify(report));
              const { verified, claimed } = report.total;
              const parts = sum([
                ...report.pods.map((pod) => add(pod.value.verified, pod.value.claimed)),
                report.unattributed.verified,
                report.unattributed.claimed,
              ]);
              expect(parts).toBe(add(verified, claimed));
              return parts;
            };
            const whole = await read('2026-01-01', '2027-02-05', 'USD');
            const pieces = [];
            for (const [index, start] of bounds.slice(0, -1).entries())
              pieces.push(await read(start, bounds[index + 1] ?? '', 'USD'));
            expect(sum(pieces)).toBe(whole);
            const returned = outcomes.filter((one) => one.content.basis === 'cost_reduction');
            if (returned.every((one) => one.content.currency === 'USD')) {
              expect(whole).toBe(sum(returned.map((one) => broughtBy(one, performed[outcomes.indexOf(one)]))));
            }
          } finally {
            await trx.rollback().execute();
          }
        },
      ),
      { numRuns: 5 },
    );
  });
});

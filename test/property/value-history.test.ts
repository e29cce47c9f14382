/**
 * Whatever becomes of outcomes, in whatever order: claims of any shares, schedules, currencies and bases; verdicts row by row; reviews,
 * refusals, retractions, successions; ceilings raised and lowered; rates that move; months closed, closed anew, and everything again after it.
 * A model beside the product says what each act comes to and, to the last decimal, what every report must hold: pods and what nobody has add up
 * to the outcomes, counted once; statements stay as they were, and with their adjustments they are what is known now; nothing verified
 * exceeds what was claimed, and no pool its ceiling.
 */
import fc from 'fast-check';
import { type CompiledQuery, type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { addDays, monthOf } from '../../services/kernel/period.ts';
import { listPools } from '../../services/outcomes/pools/pools.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { frozenValuePerPod } from '../../services/periods/frozen-value.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { withKnownWorld } from '../../services/replay/as-known.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { readReportFacts } from '../../services/reports/report-facts.ts';
import { valuePerPod, valuePerPodAtOnce } from '../../services/reports/value-per-pod.ts';
import { createTestDatabase, test } from '../support/database.ts';
import { expectKeptAdjustments } from '../support/kept-adjustments.ts';
import { FINANCE } from '../support/outcome-sheets.ts';
import { daysOf, expectedOf, monthSumsOf, partsOf, shownOf } from '../support/value-expected.ts';
import { ValueHistory } from '../support/value-history.ts';
import {
  type ModelWindow,
  poolUse,
  recognisedIn,
  restOf,
  shareOf,
  sumOf,
  textOf,
  unitsOf,
} from '../support/value-model.ts';
import { FIRST_DAY, history, LAST_DAY, PODS, window } from '../support/value-steps.ts';

const RUNS = 5;
/** Everything recognised is over by then. */
const AFTERWARDS = new Date('2028-01-01T00:00:00Z');

type Report = Awaited<ReturnType<typeof valuePerPod>>;

function figuresOf({ pods, unattributed, total }: Report) {
  const nothing = shownOf([]);
  return {
    pods: Object.fromEntries(PODS.map((id) => [id, pods.find(({ podId }) => podId === id)?.value ?? nothing])),
    unattributed: { verified: unattributed.verified, claimed: unattributed.claimed },
    total: { verified: total.verified, claimed: total.claimed },
  };
}

/** A window as every report of it gives it: as stated, as known now, and by the sums of months. */
async function checkWindow(lived: ValueHistory, asked: ModelWindow): Promise<void> {
  const { db } = lived;
  const request = { period: `${asked.from}..${asked.until}`, at: AFTERWARDS };
  await prepareConversions(db, request);
  const report = await valuePerPod(db, { ...request, asNow: true });
  expect(figuresOf(report)).toEqual(expectedOf(daysOf(lived, asked, false)));
  const { asNow = report } = report;
  expect(figuresOf(asNow)).toEqual(expectedOf(daysOf(lived, asked, true)));
  const byMonth = await valuePerPod(db, { ...request, asNow: true, isByMonth: true });
  expect(JSON.stringify(byMonth)).toBe(JSON.stringify(report));
  const execute = async <Row>(statement: CompiledQuery<Row>) => (await db.executeQuery(statement)).rows;
  const given = { request, statements: new Map(), execute };
  const { report: atOnce } = await valuePerPodAtOnce(db, await readReportFacts(db), given);
  if (atOnce !== null) expect(JSON.stringify({ ...atOnce, asNow: report.asNow })).toBe(JSON.stringify(report));
}

/** What a report's detail says of all days: verified value by basis, and since the start; closed days as stated. */
async function checkDetail(lived: ValueHistory): Promise<void> {
  const { db } = lived;
  const whole = { from: FIRST_DAY, until: LAST_DAY };
  const request = { period: `${whole.from}..${whole.until}`, at: AFTERWARDS, detail: true };
  await prepareConversions(db, request);
  const report = await valuePerPod(db, request);
  const values = daysOf(lived, whole, false).flatMap(recognisedIn);
  const verified = values.filter(({ state, reported }) => state === 'verified' && reported !== null);
  // A statement keeps no basis of what enters the return: where one changed after a close, all bases together are looked at.
  const isSteady = verified.every((value) => {
    const { basis, grossOrMargin } = lived.outcomes[value.outcome] ?? {};
    return (value.beside ?? value.basis) === (grossOrMargin === 'gross' ? 'revenue_gross' : basis);
  });
  const expected = PODS.map((pod) => {
    const parts = partsOf(verified, (shares) => shares[pod] ?? 0);
    const bases = Map.groupBy(parts, ({ value }) => (isSteady ? (value.beside ?? value.basis) : 'all'));
    const byBasis = [...bases].map(([basis, group]) => [basis, textOf(sumOf(group.map((one) => one.part)))] as const);
    return { pod, byBasis: notNothing(byBasis), sinceStart: shownOf(parts).verified };
  });
  const shown = PODS.map((pod) => {
    const row = report.pods.find(({ podId }) => podId === pod);
    const bases = Object.entries(row?.value.verifiedByBasis ?? {});
    const all = textOf(sumOf(bases.map(([, amount]) => unitsOf(amount))));
    const byBasis = notNothing(isSteady ? bases : [['all', all]]);
    return { pod, byBasis, sinceStart: row?.detail?.cumulative?.verified ?? '0' };
  });
  expect(shown).toEqual(expected);
}

function notNothing(amounts: readonly (readonly [name: string, amount: string])[]): Record<string, string> {
  return Object.fromEntries(amounts.filter(([, amount]) => amount !== '0'));
}

/** Verified never exceeds claimed; pools hold what the model says, and so no more than their ceilings; sums of months are those of outcomes. */
async function checkStored(lived: ValueHistory): Promise<void> {
  const { db } = lived;
  const { rows } = await sql<{ over: number }>`
    select count(*)::int as over from (
      select from outcome_schedule group by outcome_id
      having bool_or(verified_amount > amount) or sum(verified_amount) > sum(amount)) as exceeded`.execute(db);
  expect(rows).toEqual([{ over: 0 }]);
  const [pool] = await listPools(db);
  const used = lived.ceilings.map(([from, until, ceiling]) => ({
    used: textOf(poolUse(lived.outcomes, { from, until })),
    ceiling: textOf(ceiling),
  }));
  expect(pool?.ceilings.map(({ used, ceiling }) => ({ used, ceiling }))).toEqual(used);
  expect(lived.ceilings.every(([from, until, ceiling]) => poolUse(lived.outcomes, { from, until }) <= ceiling)).toBe(
    true,
  );
  await checkMonths(lived);
}

async function checkMonths({ db, outcomes, rates }: ValueHistory): Promise<void> {
  const { rows } = await sql<{ part: string; amount: string | null; outcomes: number }>`
    select concat_ws(' ', recognition_month, recognised_until, coalesce(pod_id, party), state, basis, gross_or_margin, currency) as part,
      trim_scale(sum(amount))::text as amount, sum(outcomes)::int as outcomes
    from value_month group by 1`.execute(db);
  const cuts = (await sql<{ cut_on: string }>`select cut_on from value_cut`.execute(db)).rows.map((row) => row.cut_on);
  const sorted = rows.toSorted((one, other) => (one.part < other.part ? -1 : 1));
  expect(sorted).toEqual(monthSumsOf({ outcomes, rates }, cuts));
}

/** Adds amounts up by what they are of; what comes to nothing is left out. */
function added(lines: readonly { of: readonly unknown[]; amount: bigint; reported: bigint }[]) {
  const sums = new Map<string, { amount: bigint; reported: bigint }>();
  for (const line of lines) {
    const key = line.of.join(' ');
    const former = sums.get(key) ?? { amount: 0n, reported: 0n };
    sums.set(key, { amount: former.amount + line.amount, reported: former.reported + line.reported });
  }
  return Object.fromEntries(
    [...sums]
      .filter(([, { amount, reported }]) => amount !== 0n || reported !== 0n)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, { amount, reported }]) => [key, `${textOf(amount)} ${textOf(reported)}`]),
  );
}

/** Of closed months: what their statements say and every adjustment together are what is known now, by outcome, state, pod and currency. */
async function checkAdjusted(lived: ValueHistory): Promise<void> {
  const { db } = lived;
  const request = { period: `${FIRST_DAY}..${LAST_DAY}`, at: AFTERWARDS };
  await prepareConversions(db, request);
  const { lines } = await adjustments(db, request);
  const standing = [...lived.closed.values()].map(({ statementId }) => statementId);
  const { rows } = await sql<Record<'month' | 'id' | 'state' | 'pod' | 'beside' | 'amount' | 'reported', string>>`
    select statement.period_id as month, outcome_id::text as id, value.state, coalesce(pod_id, 'nobody') as pod,
      coalesce(beside, 'return') as beside, trim_scale(sum(amount))::text as amount,
      trim_scale(sum(amount * case when value.currency = statement.currency then 1 else frozen.rate end))::text as reported
    from statement_value as value join statement on statement.id = value.statement_id
    left join statement_rate as frozen on frozen.statement_id = value.statement_id and frozen.from_currency = value.currency
      and frozen.to_currency = statement.currency and frozen.on_date = recognised_on
    where statement.id = any (${standing}::integer[]) and amount is not null
    group by 1, 2, 3, 4, 5`.execute(db);
  const stated = rows.map((row) => ({
    of: [row.month, row.id, row.state, row.pod, row.beside],
    amount: unitsOf(row.amount),
    reported: unitsOf(row.reported),
  }));
  const adjusted = lines.map((line) => ({
    of: [
      line.adjusts,
      line.outcomeId,
      line.kind.replace('value-', ''),
      line.podId ?? 'nobody',
      line.beside ?? 'return',
    ],
    amount: unitsOf(line.amount),
    reported: unitsOf(line.reported.amount),
  }));
  const known = [...lived.closed.keys()].flatMap((month) => {
    const { start, end } = monthOf(`${month}-01`);
    return recognisedIn(lived.known(start, end)).flatMap((value) => {
      const parties = [['nobody', restOf(value.shares)] as const, ...Object.entries(value.shares)];
      return parties.map(([pod, points]) => ({
        of: [month, lived.idOf(value.outcome), value.state, pod, value.beside ?? 'return'],
        amount: shareOf(value.amount ?? 0n, points),
        reported: shareOf(value.reported ?? 0n, points),
      }));
    });
  });
  expect(added([...stated, ...adjusted])).toEqual(added(known));
}

/** What a report gives at this instant, to be given again as known then. */
async function bytesOf(db: Kysely<DB>, at: Date): Promise<string> {
  const request = { period: `${FIRST_DAY}..${LAST_DAY}`, at };
  await prepareConversions(db, request);
  return JSON.stringify([await valuePerPod(db, { ...request, asNow: true }), await adjustments(db, request)]);
}

test('every figure of value is what the outcomes come to, counted once, whatever happens in whatever order', {
  timeout: 600_000,
}, async () => {
  const asked = fc.tuple(history, fc.array(window, { minLength: 2, maxLength: 2 }), fc.nat({ max: 15 }));
  await fc.assert(
    fc.asyncProperty(asked, async ([steps, windows, place]) => {
      const { db, drop } = await createTestDatabase();
      try {
        const lived = await ValueHistory.begin(db);
        const frozen = new Map<string, string>();
        const remembered = { at: new Date(0), bytes: '' };
        for (const [position, { act, days }] of steps.entries()) {
          await lived.live(act, days);
          await checkStored(lived);
          await expectKeptAdjustments(db);
          for (const id of lived.statements) {
            if (!frozen.has(id)) frozen.set(id, JSON.stringify(await frozenValuePerPod(db, Number(id))));
          }
          if (position !== place % steps.length) continue;
          for (const one of windows) await checkWindow(lived, one);
          Object.assign(remembered, { at: lived.now, bytes: await bytesOf(db, lived.now) });
        }
        for (const one of [...windows, { from: FIRST_DAY, until: addDays(LAST_DAY, 1) }]) await checkWindow(lived, one);
        await checkDetail(lived);
        await checkAdjusted(lived);
        for (const [id, bytes] of frozen) {
          expect(JSON.stringify(await frozenValuePerPod(db, Number(id)))).toBe(bytes);
        }
        expect(await verifyStatements(db)).toMatchObject({ verified: true, checked: frozen.size });
        const request = {
          asKnown: remembered.at.toISOString(),
          period: `${FIRST_DAY}..${LAST_DAY}`,
          now: lived.now,
          principal: FINANCE,
        };
        const again = await withKnownWorld(db, request, ({ trx, at }) => bytesOf(trx, at));
        expect(again).toBe(remembered.bytes);
      } finally {
        await drop();
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

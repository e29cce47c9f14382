/**
 * The worked examples of FOCUS 1.4 for corrections, seen through closing: 1,500 charged to R-111 in May and billed then, corrected in June's
 * bill, once by ledger entries and once by deltas. Both end at R-111 1,200 and R-222 300 by charge date; the closed May goes on to show
 * 1,500, and June the adjustments.
 */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { insertOrigin, pod, rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { createTestDatabase, test as base } from '../support/database.ts';

const RULES = rulebook(
  [
    { id: 'r-111', when: { resourceId: 'R-111' }, pod: 'one' },
    { id: 'r-222', when: { resourceId: 'R-222' }, pod: 'two' },
  ],
  [pod('one'), pod('two')],
);

/** May is billed and closed; its bill is never delivered again. */
const test = base.extend('company', async ({}, { onCleanup }) => {
  const { db, drop } = await createTestDatabase();
  onCleanup(drop);
  await putInForce(db, RULES);
  const resource = (id: string, chargeClass: string | null) =>
    insertOrigin(db, { provider_name: 'Acme', resource_id: id, charge_class: chargeClass });
  const wrong = await resource('R-111', null);
  await publishBill(db, {
    start: '2026-05-01',
    end: '2026-06-01',
    charges: [{ originId: wrong, date: '2026-05-10', billed: '1500' }],
  });
  await close(db, '2026-05');
  return { db, wrong: await resource('R-111', 'Correction'), right: await resource('R-222', 'Correction') };
});

async function read(db: Kysely<DB>, period: string) {
  const request = { period, at: AFTERWARDS, asNow: true };
  await prepareConversions(db, request);
  const report = await valuePerPod(db, request);
  const costsOf = (pods: (typeof report)['pods']) => Object.fromEntries(pods.map((row) => [row.podId, row.cost.total]));
  return {
    stated: costsOf(report.pods),
    known: costsOf(report.asNow?.pods ?? []),
    adjusted: Object.fromEntries(report.pods.map((row) => [row.podId, row.adjustments.cost])),
  };
}

const STYLES = {
  'ledger entries': [
    ['wrong', '-1500'],
    ['wrong', '1200'],
    ['right', '300'],
  ],
  deltas: [
    ['wrong', '-300'],
    ['right', '300'],
  ],
} as const;

describe('1,500 of May, corrected in the bill of June', () => {
  test.for(Object.entries(STYLES))('by %s', async ([, corrections], { company }) => {
    const { db } = company;
    const june = await publishBill(db, {
      start: '2026-06-01',
      end: '2026-07-01',
      charges: corrections.map(([side, billed]) => ({ originId: company[side], date: '2026-05-10', billed })),
    });
    const may = { stated: { one: '1500' }, known: { one: '1200', two: '300' }, adjusted: { one: '0' } };
    const adjusted = { one: '-300', two: '300' };
    expect(await read(db, '2026-05')).toEqual(may);
    expect(await read(db, '2026-06')).toEqual({ stated: { one: '0', two: '0' }, known: {}, adjusted });
    await close(db, '2026-06');
    expect(await read(db, '2026-05')).toEqual(may);
    expect(await read(db, '2026-06')).toEqual({ stated: { one: '0', two: '0' }, known: {}, adjusted });
    expect(await read(db, '2026-Q2')).toMatchObject({ stated: { one: '1500', two: '0' }, adjusted });
    const { lines, months } = await adjustments(db, { period: '2026-06', at: AFTERWARDS });
    expect(lines.map((line) => [line.podId, line.adjusts, line.billedCost])).toEqual([
      ['one', '2026-05', '-300'],
      ['two', '2026-05', '300'],
    ]);
    expect(months[0]?.causes.loads).toEqual([{ sourceId: 'files', billingPeriod: '2026-06', was: null, now: june }]);
    const { rows } = await sql`select 1 from pod_day where charge_date >= '2026-06-01'`.execute(db);
    expect(rows).toEqual([]);
  });
});

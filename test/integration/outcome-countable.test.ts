/**
 * What could never be counted is refused when it is stated, whichever way it comes in: amounts without a rate, deliveries of pods that were not there,
 * value before its delivery.
 */
import { type Transaction, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import type { ClaimInput, OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { showOutcome } from '../../services/outcomes/show-outcome.ts';
import { stateCandidate } from '../../services/outcomes/acts/state-candidate.ts';
import { supersedeOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import { test } from '../support/database.ts';
import {
  FINANCE,
  forgetRates,
  insertPods,
  outcomeRow,
  outcomeSheet,
  type SheetCells,
} from '../support/outcome-sheets.ts';

const AT = new Date('2026-09-20T08:00:00Z');
const FIX = 'State the amount in USD; or finance adds a rate of EUR and USD for that day to a file of fx.files';

const STATED: OutcomeInput = {
  title: 'Sold abroad',
  deliveredOn: '2026-09-01',
  basis: 'cost_avoided',
  ownerEmail: 'ada@example.com',
  shares: [{ pod: 'checkout', basisPoints: 10_000 }],
  amount: '300',
  currency: 'EUR',
};

async function create(trx: Transaction<DB>, fields: Partial<OutcomeInput> = {}): Promise<string> {
  return (await createOutcome(trx, { input: { ...STATED, ...fields }, principal: FINANCE, at: AT })).outcomeId;
}

function claim(trx: Transaction<DB>, outcomeId: string, input: ClaimInput) {
  return claimOutcome(trx, { outcomeId, principal: FINANCE, at: AT, input });
}

function importRows(trx: Transaction<DB>, ...rows: readonly SheetCells[]) {
  const sheet = outcomeSheet(...rows);
  return importOutcomes(trx, { sheet, workbook: 'w', principal: FINANCE, dryRun: false, at: AT });
}

/** Each serves seven days. */
async function publish(trx: Transaction<DB>, ...days: readonly string[]): Promise<void> {
  const text = ['date,base,quote,rate', ...days.map((day) => `${day},EUR,USD,1.1`), ''].join('\n');
  await importFxFiles(trx, [{ name: 'ecb.csv', text }]);
}

describe('a claim in a currency without a rate', () => {
  test('is refused with the pair, the day and both fixes', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const message = `currency: there is no exchange rate from EUR to USD for 2026-09-01, so no report could count the amount. ${FIX}`;
    await expect(create(trx)).rejects.toThrow(message);
    const inDollars = await create(trx, { currency: 'USD' });
    await expect(claim(trx, inDollars, { amount: '1', currency: 'EUR' })).rejects.toThrow(message);
    const successor = { statement: STATED };
    const supersession = { outcomeId: inDollars, successor, reason: 'In euros', principal: FINANCE, at: AT };
    await expect(supersedeOutcome(trx, supersession)).rejects.toThrow(message);
  });

  test('is refused in a sheet by line and column, and with it the sheet', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const rows = [outcomeRow(), outcomeRow({ source_row_id: 'r2', currency: 'EUR' })];
    await expect(importRows(trx, ...rows)).rejects.toMatchObject({
      faults: [{ line: 3, column: 'currency', reason: expect.stringContaining('EUR to USD for 2026-07-10') as string }],
    });
  });

  test('asks for every day up to today, and today for what is recognised later', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await publish(trx, '2026-09-01', '2026-09-15');
    const from = (recogniseFrom: string, recogniseUntil: string) => create(trx, { recogniseFrom, recogniseUntil });
    await from('2026-09-01', '2026-09-09');
    await from('2026-09-15', '2027-09-15');
    await from('2027-01-01', '2027-09-15');
    await expect(from('2026-09-01', '2026-09-10')).rejects.toThrow('for 2026-09-09');
    await forgetRates(trx, 'EUR');
    await publish(trx, '2026-09-01');
    await expect(from('2027-01-01', '2027-09-15')).rejects.toThrow('for 2026-09-20');
  });

  test('that counts already can say more, and be imported again; taken back it is claimed anew with a rate only', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    await publish(trx, '2026-07-10', '2026-09-20');
    const until = { recogniseFrom: '2026-09-20', recogniseUntil: '2027-01-01' };
    const outcomeId = await create(trx, until);
    const row = outcomeRow({ currency: 'EUR' });
    await importRows(trx, row);
    await forgetRates(trx, 'EUR');
    expect(await claim(trx, outcomeId, { baseline: 'the year before' })).toMatchObject({ change: 'changed' });
    expect(await importRows(trx, row, outcomeRow({ source_row_id: 'r2' }))).toMatchObject({ unchanged: 1, created: 1 });
    await retractOutcome(trx, { outcomeId, reason: 'Wrong', principal: FINANCE, at: AT });
    await expect(claim(trx, outcomeId, {})).rejects.toThrow('for 2026-09-20');
  });
});

describe('a delivery', () => {
  test.for([
    ['before its pod', { deliveredOn: '2026-08-31' }, 'shares[0].pod: pod "search" is active from 2026-09-01'],
    ['after it', { deliveredOn: '2026-09-10' }, 'shares[0].pod: the last day of pod "search" was 2026-09-09'],
    ['of a day to come', { deliveredOn: '2026-09-22' }, 'deliveredOn: 2026-09-22 is still to come. Claim it once'],
  ] as const)('%s is refused', async ([, fields, message], { trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    await sql`update pod set active_from = '2026-09-01', active_until = '2026-09-10' where id = 'search'`.execute(trx);
    const shares = [
      { pod: 'search', basisPoints: 4000 },
      { pod: 'checkout', basisPoints: 6000 },
    ];
    await expect(create(trx, { currency: 'USD', shares, ...fields })).rejects.toThrow(message);
    await create(trx, { currency: 'USD', shares, deliveredOn: '2026-09-09' });
  });

  test('in a sheet is refused at the row of the share', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    await sql`update pod set removed_at = '2026-07-01T10:00:00Z' where id = 'checkout'`.execute(trx);
    const rows = [
      outcomeRow({ pod: 'search', share_bp: '5000' }),
      { source_row_id: 'r1', pod: 'checkout', share_bp: '5000' },
    ];
    const reason = 'pod "checkout" left the organisation file on 2026-07-01, and this was delivered on 2026-07-10';
    await expect(importRows(trx, ...rows)).rejects.toMatchObject({ faults: [{ line: 3, column: 'pod', reason }] });
  });

  test('that a ticket proposes stays a candidate and says so until it is claimed', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await sql`update pod set active_from = '2026-09-10' where id = 'checkout'`.execute(trx);
    const { outcomeId } = await stateCandidate(trx, {
      title: 'A ticket',
      deliveredOn: '2026-09-01',
      podId: 'checkout',
      references: [{ system: 'jira', key: 'PAY-7', url: null }],
      evidence: [],
      ownerEmail: 'ada@example.com',
      at: AT,
    });
    expect((await showOutcome(trx, outcomeId ?? '', AT)).missing).toMatchObject([
      { gate: 'delivery', reason: expect.stringContaining('active from 2026-09-10') as string },
      { gate: 'evidence' },
    ]);
    const money = { basis: 'cost_avoided', amount: '5', currency: 'USD' } as const;
    await expect(claim(trx, outcomeId ?? '', money)).rejects.toThrow('is active from 2026-09-10');
    await claim(trx, outcomeId ?? '', { ...money, deliveredOn: '2026-09-10' });
  });
});

describe('value before its delivery', () => {
  const DOLLARS = { currency: 'USD' } as const;

  test('is refused, in a later claim and a sheet too; a harm may come first', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const reason = 'it is recognised from 2026-08-31, before it was delivered on 2026-09-01';
    await expect(create(trx, { ...DOLLARS, recogniseFrom: '2026-08-31' })).rejects.toThrow(reason);
    await create(trx, { ...DOLLARS, recogniseFrom: '2026-08-31', effect: 'dis_benefit' });
    const outcomeId = await create(trx, DOLLARS);
    await expect(claim(trx, outcomeId, { deliveredOn: '2026-09-02', recogniseFrom: '2026-09-01' })).rejects.toThrow(
      'before it was delivered on 2026-09-02',
    );
    await expect(importRows(trx, outcomeRow({ recognise_from: '2026-07-09' }))).rejects.toMatchObject({
      faults: [{ line: 2, column: 'recognise_from' }],
    });
  });

  test('that counts already is not asked again for saying more', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const outcomeId = await create(trx, DOLLARS);
    await sql`update outcome set delivered_on = '2026-09-05' where id = ${outcomeId}`.execute(trx);
    expect(await claim(trx, outcomeId, { baseline: 'the year before' })).toMatchObject({ change: 'changed' });
  });
});

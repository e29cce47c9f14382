/**
 * Whoever changes the cost or value of a closed month says what moved: each in turn, on months that are closed, moves the adjustments that are kept,
 * and they are what comparing all closed months gives.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql, type Transaction } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { supersedeOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { refreshOpenAdjustments } from '../../services/periods/open-adjustments.ts';
import { importQuantities } from '../../services/usage/import-quantities.ts';
import { pod, rulebook } from '../support/billed-charges.ts';
import { importSheet, test } from '../support/closable-company.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { expectKeptAdjustments } from '../support/kept-adjustments.ts';
import { FINANCE, VERIFIER } from '../support/outcome-sheets.ts';

const BY_REQUESTS = rulebook(
  [
    {
      id: 'network',
      when: { serviceName: 'Network' },
      split: { method: 'usage', metric: 'requests', among: ['checkout', 'search'] },
    },
  ],
  [pod('checkout'), pod('search')],
);

function statement(title: string) {
  return {
    title,
    deliveredOn: '2026-08-10',
    recogniseFrom: '2026-08-10',
    recogniseUntil: '2026-10-10',
    basis: 'revenue' as const,
    grossOrMargin: 'gross' as const,
    amount: '610',
    currency: 'EUR',
    ownerEmail: 'ada@example.com',
    baseline: { text: 'the year before' },
    evidenceUrl: `https://evidence.example.com/${title}`,
    shares: [{ pod: 'checkout', basisPoints: 7_500 }],
  };
}

/** The kept rows, as texts: no digit of an amount is lost. */
async function keptRows(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ part: string }>`
    select part::text as part from open_adjustment as part order by 1`.execute(db);
  return rows.map(({ part }) => part);
}

/** Both months are closed; what is kept moves by the change, and is what comparing all of both gives. */
async function expectMoved(db: Kysely<DB>, name: string, change: () => Promise<unknown>): Promise<void> {
  const before = await keptRows(db);
  await change();
  await expectKeptAdjustments(db);
  expect(await keptRows(db), name).not.toEqual(before);
}

/** September books what came for August after its close. */
async function closeBoth(db: Kysely<DB>): Promise<void> {
  await close(db, '2026-08');
  await importSheet(db, { source_row_id: 'late', amount: '40', delivered_on: '2026-08-25' });
  await close(db, '2026-09');
  await refreshOpenAdjustments(db);
}

test('each act on an outcome of closed months moves what is kept of it', async ({ db }) => {
  await closeBoth(db);
  const asked = { principal: FINANCE, at: AFTERWARDS, reason: 'as measured' };
  const ids: string[] = [];
  const acted = (name: string, work: (trx: Transaction<DB>) => Promise<unknown>) =>
    expectMoved(db, name, () => db.transaction().execute(work));
  const claim = (title: string) =>
    acted(`claim ${title}`, async (trx) => {
      ids.push((await createOutcome(trx, { ...asked, input: statement(title) })).outcomeId);
    });
  const of = (position: number) => ({ ...asked, outcomeId: ids[position] ?? '' });
  await claim('first');
  await acted('verify', (trx) => verifyOutcome(trx, { ...of(0), principal: VERIFIER }));
  await claim('second');
  await claim('third');
  const amount = '1220.000000000000000000000000001';
  await acted('restate', (trx) => claimOutcome(trx, { ...of(0), input: { amount } }));
  const shares = [{ pod: 'search', basisPoints: 10_000 }];
  await acted('hand on', (trx) => claimOutcome(trx, { ...of(2), input: { shares } }));
  await acted('give way to one that stands', (trx) =>
    supersedeOutcome(trx, { ...of(0), successor: { outcomeId: ids[1] ?? '' } }),
  );
  await acted('retract', (trx) => retractOutcome(trx, of(1)));
  await acted('reject', (trx) => rejectOutcome(trx, of(2)));
  await claim('fourth');
  await acted('give way to a new one', (trx) =>
    supersedeOutcome(trx, { ...of(3), successor: { statement: statement('fifth') } }),
  );
  const row = (id: string, amount: string) => ({ source_row_id: id, amount, delivered_on: '2026-08-20' });
  await expectMoved(db, 'sheet', () => importSheet(db, row('one', '10'), row('two', '20')));
  await expectMoved(db, 'sheet again', () => importSheet(db, row('one', '10'), row('two', '21')));
});

test('bills, rules, quantities and statements move what is kept of closed months', async ({ db, company }) => {
  await closeBoth(db);
  const deliveredAt = '2026-11-01T00:00:00Z';
  const august = { start: '2026-08-01', end: '2026-09-01', deliveredAt };
  await expectMoved(db, 'bill', () => publishBill(db, { ...august, charges: company.month('08').slice(1) }));
  const september = { start: '2026-09-01', end: '2026-10-01', deliveredAt };
  const late = { originId: company.origins.stray, date: '2026-08-30', billed: '7' };
  const charges = [...company.month('09'), late];
  await expectMoved(db, 'late charge', () => publishBill(db, { ...september, charges }));
  await expectMoved(db, 'rules', () => putInForce(db, BY_REQUESTS));
  const sheet = ['metric,unit,pod,period,quantity', 'requests,calls,search,2026-09,3'].join('\n');
  const quantities = { sheet, fileName: 'requests.csv', principal: localOperator, dryRun: false, at: AFTERWARDS };
  await expectMoved(db, 'quantities', () => importQuantities(db, quantities));
  await expectMoved(db, 'reissue', () => close(db, '2026-09', { reissueReason: 'The rules were others' }));
});

test('an organisation file with other rates, or another basis of revenue, moves what is kept of closed months', async ({
  db,
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'outturn-rates-'));
  const apply = async (rate: string, revenueBasis: string) => {
    await writeFile(join(folder, 'ecb.csv'), `date,base,quote,rate\n2026-09-01,EUR,USD,${rate}\n`);
    const text = `organisation: Acme
reporting: { currency: USD, revenueBasis: ${revenueBasis} }
fx: { files: [ecb.csv], carryDays: 40 }
portfolios: [{ id: commerce, name: commerce }]
pods:
  - { id: checkout, name: Checkout, portfolio: commerce, owner: checkout-owner@example.com }
  - { id: search, name: Search, owner: search-owner@example.com }
rules: [{ id: all, when: { provider: AWS }, pod: checkout }]
`;
    const file = { organisation: parseOrganisation(text), sourceText: text, folder };
    await applyOrganisation(db, { file, principal: localOperator, at: AFTERWARDS });
  };
  try {
    await apply('1.2', 'margin');
    await db
      .transaction()
      .execute((trx) => createOutcome(trx, { input: statement('gross'), principal: FINANCE, at: AFTERWARDS }));
    await closeBoth(db);
    await expectMoved(db, 'rate', () => apply('1.25', 'margin'));
    await expectMoved(db, 'basis', () => apply('1.25', 'gross'));
  } finally {
    await rm(folder, { recursive: true });
  }
});

/**
 * Journals against a real PostgreSQL: what a closed month is booked with, that it is repeated byte for byte and reversed exactly, that
 * nothing is booked twice, and what an open month allows.
 */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { add, decimal, subtract, ZERO } from '../../services/kernel/decimal.ts';
import { exportJournals } from '../../services/journal/export-journal.ts';
import type { Journal, JournalPurpose } from '../../services/journal/journal.ts';
import { journalTable } from '../../services/journal/journal-table.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { readJournal } from '../../services/journal/read-journals.ts';
import { reverseJournal } from '../../services/journal/reverse-journal.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { type ChargeGiven, insertOrigin, pod, rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { test as base } from '../support/database.ts';
import { FINANCE } from '../support/outcome-sheets.ts';

const RULEBOOK = rulebook(
  [
    { id: 'tax', when: { chargeCategory: 'Tax' }, split: { method: 'even', among: ['checkout', 'search', 'lost'] } },
    { id: 'tag', when: { tag: { team: { exists: true } } }, podFromTag: 'team' },
  ],
  [pod('checkout'), pod('search'), pod('lost')],
);

interface World {
  readonly september: readonly ChargeGiven[];
  readonly late: ChargeGiven;
}

/** Two billing accounts in one bill, three currencies with other decimals, a split, a pod without a cost centre, and stray cost. */
const test = base.extend('world', async ({ database }): Promise<World> => {
  const { db } = database;
  await sql`truncate pod, load, statement, journal, charge, pod_day, shared_cost, shared_month, pod_cost, rollup_month restart identity cascade`.execute(
    db,
  );
  await sql`
    insert into pod (id, name, kind, cost_centre) values
      ('checkout', 'Checkout', 'delivery', '4711'), ('search', 'Search', 'delivery', '4712'), ('lost', 'Lost', 'delivery', null)
  `.execute(db);
  await sql`
    insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name) values ('2026-09-01', 'JPY', 'USD', 0.007, 'x')
    on conflict do nothing
  `.execute(db);
  await putInForce(db, RULEBOOK);
  const origin = (account: string, category: string, team?: string) =>
    insertOrigin(db, {
      provider_name: 'AWS',
      billing_account_id: account,
      charge_category: category,
      tags: team === undefined ? {} : { team },
    });
  const shop = await origin('0011', 'Usage', 'checkout');
  const september: ChargeGiven[] = [
    { originId: shop, date: '2026-09-01', billed: '100.005' },
    { originId: shop, date: '2026-09-02', billed: '1000.4', currency: 'JPY' },
    { originId: await origin('0011', 'Usage', 'lost'), date: '2026-09-02', billed: '-20.5' },
    { originId: await origin('0011', 'Usage'), date: '2026-09-03', billed: '7' },
    { originId: await origin('0011', 'Tax'), date: '2026-09-04', billed: '10' },
    { originId: await origin('0022', 'Usage', 'search'), date: '2026-09-05', billed: '50.333' },
    { originId: await origin('0022', 'Tax'), date: '2026-09-05', billed: '1' },
  ];
  await publishBill(db, { sourceId: 'aws', charges: september });
  return { september, late: { originId: shop, date: '2026-09-20', billed: '3' } };
});

function journalsOf(db: Kysely<DB>, purpose: JournalPurpose, given: { period?: string; forcedReason?: string } = {}) {
  return db
    .transaction()
    .execute((trx) =>
      exportJournals(trx, { period: '2026-09', purpose, principal: FINANCE, at: AFTERWARDS, ...given }),
    );
}

async function journalOf(...asked: Parameters<typeof journalsOf>): Promise<Journal> {
  const { journals } = await journalsOf(...asked);
  const [journal] = journals;
  if (journal === undefined) throw new Error('no journal');
  return journal;
}

function reverse(db: Kysely<DB>, of: string) {
  return db.transaction().execute((trx) => reverseJournal(trx, { of, principal: FINANCE, at: AFTERWARDS }));
}

function booked({ lines }: Journal) {
  return lines.map((line) => [
    line.entity,
    line.currency,
    line.account,
    line.costCentre,
    line.pods.join(),
    line.side,
    line.amount,
  ]);
}

describe('the journal of a closed month', () => {
  test('debits cost centres by entity and currency, in the currency’s decimals, and credits the clearing account', async ({
    database,
    world,
  }) => {
    expect(world.september).toHaveLength(7);
    const statementId = await close(database.db, '2026-09');
    const journal = await journalOf(database.db, 'chargeback');
    expect(journal).toMatchObject({ purpose: 'chargeback', state: 'final', statementId, costMetric: 'EffectiveCost' });
    // USD: 147.838 in all, of which 96.505 to 0011 and 51.333 to 0022; a third of each tax to each pod.
    expect(booked(journal)).toEqual([
      ['0011', 'JPY', 'cloud-expense', '4711', 'checkout', 'debit', '1000'],
      ['0011', 'JPY', 'cloud-clearing', null, '', 'credit', '1000'],
      ['0011', 'USD', 'cloud-expense', '4711', 'checkout', 'debit', '103.34'],
      ['0011', 'USD', 'cloud-expense', '4712', 'search', 'debit', '3.34'],
      ['0011', 'USD', 'cloud-unassigned', null, 'lost', 'credit', '17.17'],
      ['0011', 'USD', 'cloud-unattributed', null, '', 'debit', '7.00'],
      ['0011', 'USD', 'cloud-clearing', null, '', 'credit', '96.51'],
      ['0022', 'USD', 'cloud-expense', '4711', 'checkout', 'debit', '0.33'],
      ['0022', 'USD', 'cloud-expense', '4712', 'search', 'debit', '50.67'],
      ['0022', 'USD', 'cloud-unassigned', null, 'lost', 'debit', '0.33'],
      ['0022', 'USD', 'cloud-clearing', null, '', 'credit', '51.33'],
    ]);
    expect(journal.totals).toEqual([
      { entity: '0011', currency: 'JPY', debit: '1000', credit: '1000' },
      { entity: '0011', currency: 'USD', debit: '113.68', credit: '113.68' },
      { entity: '0022', currency: 'USD', debit: '51.33', credit: '51.33' },
    ]);
  });

  test('is repeated byte for byte, whatever is restated since', async ({ database, world }) => {
    await close(database.db, '2026-09');
    const first = JSON.stringify(await journalsOf(database.db, 'chargeback'));
    const csv = csvOf(journalTable(await journalsOf(database.db, 'chargeback')));
    await publishBill(database.db, {
      sourceId: 'aws',
      charges: [...world.september, world.late],
      deliveredAt: '2026-10-05T00:00:00Z',
    });
    expect(JSON.stringify(await journalsOf(database.db, 'chargeback'))).toBe(first);
    expect(csvOf(journalTable(await journalsOf(database.db, 'chargeback')))).toBe(csv);
    expect(csv.split('\r\n')[0]).toBe(
      'journal,line,purpose,state,period,posting_date,statement,reverses_journal,adjusts_statement,entity,currency,account,cost_centre,pods,debit,credit,text',
    );
    expect(csv).toContain('2026-09-30');
  });

  test('comes to the statement’s cost also after its bill was replaced and only then exported', async ({
    database,
    world,
  }) => {
    await close(database.db, '2026-09');
    await publishBill(database.db, {
      sourceId: 'aws',
      charges: [...world.september, world.late],
      deliveredAt: '2026-10-05T00:00:00Z',
    });
    const { lines } = await journalOf(database.db, 'chargeback');
    const usd = lines
      .filter((line) => line.currency === 'USD' && line.account !== 'cloud-clearing')
      .reduce((total, { side, amount }) => (side === 'debit' ? add : subtract)(total, decimal(amount)), ZERO);
    expect(usd).toBe('147.84');
  });

  test('books the corrections of closed months as lines of their own, in the month that booked them', async ({
    database,
    world,
  }) => {
    const september = await close(database.db, '2026-09');
    await publishBill(database.db, {
      sourceId: 'aws',
      charges: [...world.september, world.late],
      deliveredAt: '2026-10-05T00:00:00Z',
    });
    await publishBill(database.db, {
      sourceId: 'aws',
      start: '2026-10-01',
      end: '2026-11-01',
      charges: [{ originId: world.late.originId, date: '2026-10-02', billed: '5' }],
    });
    await close(database.db, '2026-10');
    const october = await journalOf(database.db, 'chargeback', { period: '2026-10' });
    expect(booked(october)).toEqual([
      ['0011', 'USD', 'cloud-expense', '4711', 'checkout', 'debit', '3.00'],
      ['0011', 'USD', 'cloud-clearing', null, '', 'credit', '3.00'],
      ['0011', 'USD', 'cloud-expense', '4711', 'checkout', 'debit', '5.00'],
      ['0011', 'USD', 'cloud-clearing', null, '', 'credit', '5.00'],
    ]);
    expect(october.lines.map((line) => [line.adjustsStatementId, line.text])).toEqual([
      [september, 'Cloud cost 2026-09, adjusted in 2026-10, cost centre 4711: checkout'],
      [september, 'Cloud cost 2026-09, adjusted in 2026-10, cleared'],
      [null, 'Cloud cost 2026-10, cost centre 4711: checkout'],
      [null, 'Cloud cost 2026-10, cleared'],
    ]);
  });

  test('books corrections to the billing accounts they belong to, also what only moved from one to another', async ({
    database,
    world,
  }) => {
    const { db } = database;
    const september = await close(db, '2026-09');
    const tags = { team: 'search' };
    const moved = await insertOrigin(db, {
      provider_name: 'AWS',
      billing_account_id: '0011',
      charge_category: 'Usage',
      tags,
    });
    const restated = world.september.map((charge) => {
      if (charge.billed === '10') return { ...charge, billed: '13' };
      return charge.billed === '50.333' ? { ...charge, billed: '46.333' } : charge;
    });
    await publishBill(db, {
      sourceId: 'aws',
      charges: [...restated, world.late, { originId: moved, date: '2026-09-05', billed: '4' }],
      deliveredAt: '2026-10-05T00:00:00Z',
    });
    const october = { sourceId: 'aws', start: '2026-10-01', end: '2026-11-01' };
    await publishBill(db, {
      ...october,
      charges: [{ originId: world.late.originId, date: '2026-10-02', billed: '5' }],
    });
    const id = await close(db, '2026-10');
    const adjusting = (journal: Journal) => ({
      ...journal,
      lines: journal.lines.filter((line) => line.adjustsStatementId === september),
    });
    const journal = await journalOf(db, 'chargeback', { period: '2026-10' });
    expect(booked(adjusting(journal))).toEqual([
      ['0011', 'USD', 'cloud-expense', '4711', 'checkout', 'debit', '4.00'],
      ['0011', 'USD', 'cloud-expense', '4712', 'search', 'debit', '5.00'],
      ['0011', 'USD', 'cloud-unassigned', null, 'lost', 'debit', '1.00'],
      ['0011', 'USD', 'cloud-clearing', null, '', 'credit', '10.00'],
      ['0022', 'USD', 'cloud-expense', '4712', 'search', 'credit', '4.00'],
      ['0022', 'USD', 'cloud-clearing', null, '', 'debit', '4.00'],
    ]);
    // Booked once: nothing moved since, so that the next month books nothing; a reissue of the booking month books the same.
    const again = await close(db, '2026-10', { reissueReason: 'the same once more' });
    const rowsOf = async (statementId: string) => {
      const { rows } = await sql`
        select adjusted_on, pod_id, currency, entity, trim_scale(cost) as cost from statement_adjustment_entity
        where statement_id::text = ${statementId} order by 1, 2, 3, 4`.execute(db);
      return rows;
    };
    expect(await rowsOf(again)).toEqual(await rowsOf(id));
    expect(await rowsOf(await close(db, '2026-11', { forcedReason: 'no bill came' }))).toEqual([]);
    expect(await verifyStatements(db)).toMatchObject({ verified: true });
  });

  test('of a superseded statement is reversed exactly, and only then the reissued one is booked', async ({
    database,
    world,
  }) => {
    const first = await close(database.db, '2026-09');
    const original = await journalOf(database.db, 'chargeback');
    await expect(reverse(database.db, first)).rejects.toThrow(`Statement ${first} stands`);
    await publishBill(database.db, {
      sourceId: 'aws',
      charges: [...world.september, world.late],
      deliveredAt: '2026-10-05T00:00:00Z',
    });
    const second = await close(database.db, '2026-09', { reissueReason: 'the provider restated the bill' });
    await expect(journalOf(database.db, 'chargeback')).rejects.toThrow(`outturn export journal --reversal ${first}`);
    const reversal = (await reverse(database.db, first)).journals[0];
    expect(reversal).toMatchObject({ reversesJournalId: original.journalId, statementId: first, state: 'final' });
    expect(reversal?.lines.map(({ side, amount, costCentre }) => [side, amount, costCentre])).toEqual(
      original.lines.map(({ side, amount, costCentre }) => [side === 'debit' ? 'credit' : 'debit', amount, costCentre]),
    );
    expect((await reverse(database.db, first)).journals[0]).toEqual(reversal);
    const reissued = await journalOf(database.db, 'chargeback');
    expect(reissued.statementId).toBe(second);
    expect(reissued.totals).toContainEqual({ entity: '0011', currency: 'USD', debit: '116.68', credit: '116.68' });
  });
});

describe('the journal of an open month', () => {
  test('is preliminary and for showback; the same again while nothing moves, another one after', async ({
    database,
    world,
  }) => {
    await expect(journalOf(database.db, 'chargeback')).rejects.toThrow('2026-09 is open: its cost still moves.');
    const first = await journalOf(database.db, 'showback');
    expect(first).toMatchObject({ state: 'preliminary', statementId: null, purpose: 'showback' });
    expect(await journalOf(database.db, 'showback')).toEqual(first);
    await publishBill(database.db, {
      sourceId: 'aws',
      charges: [...world.september, world.late],
      deliveredAt: '2026-10-05T00:00:00Z',
    });
    const second = await journalOf(database.db, 'showback');
    expect(second.journalId).not.toBe(first.journalId);
    expect(await database.db.transaction().execute((trx) => readJournal(trx, Number(first.journalId)))).toEqual(first);
  });

  test('is charged back with a reason only, and reversed before the closed month is booked', async ({
    database,
    world,
  }) => {
    expect(world.september).toHaveLength(7);
    const forced = await journalOf(database.db, 'chargeback', { forcedReason: 'the ledger closes on the 1st' });
    expect(forced).toMatchObject({ state: 'preliminary', forcedReason: 'the ledger closes on the 1st' });
    await close(database.db, '2026-09');
    await expect(journalOf(database.db, 'chargeback')).rejects.toThrow(`--reversal journal-${forced.journalId}`);
    expect((await reverse(database.db, `journal-${forced.journalId}`)).journals).toMatchObject([
      { reversesJournalId: forced.journalId },
    ]);
    expect(await journalOf(database.db, 'chargeback')).toMatchObject({ state: 'final', forcedReason: null });
  });
});

test('a quarter is one journal per month; what is not whole months is refused', async ({ database, world }) => {
  expect(world.september).toHaveLength(7);
  const { journals } = await journalsOf(database.db, 'showback', { period: '2026-Q3' });
  expect(journals.map(({ period, lines }) => [period.id, lines.length > 0])).toEqual([
    ['2026-07', false],
    ['2026-08', false],
    ['2026-09', true],
  ]);
  await expect(journalsOf(database.db, 'showback', { period: '2026-09-01..2026-09-15' })).rejects.toThrow(
    'whole months',
  );
});

test('an exported journal cannot be changed, and one that does not balance cannot be stored', async ({
  database,
  world,
}) => {
  expect(world.september).toHaveLength(7);
  const { journalId } = await journalOf(database.db, 'showback');
  await expect(sql`update journal_line set amount = 1`.execute(database.db)).rejects.toThrow('never changes');
  await expect(sql`delete from journal`.execute(database.db)).rejects.toThrow('never changes');
  await expect(
    sql`
      insert into journal_line (journal_id, ordinal, currency, account, pod_ids, side, amount, text)
      values (${journalId}, 99, 'USD', 'x', '{}', 'debit', 1, 'x')
    `.execute(database.db),
  ).rejects.toThrow('does not balance');
});

test('what nothing was charged back with cannot be reversed', async ({ database, world }) => {
  expect(world.september).toHaveLength(7);
  await expect(reverse(database.db, '99')).rejects.toThrow('Nothing was charged back by statement 99');
  await expect(reverse(database.db, 'September')).rejects.toThrow('journal-7');
});

/** After a change of figures only what it moved is compared anew; a mark among the kept rows shows what was left as it was. */
import { type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { type MovedFigures, raiseFiguresVersion } from '../../services/attribution/figures-version.ts';
import { refreshOpenAdjustments } from '../../services/periods/open-adjustments.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { importSheet, test } from '../support/closable-company.ts';
import { close, publishBill } from '../support/closing.ts';
import { expectKeptAdjustments } from '../support/kept-adjustments.ts';
import { forgetRates } from '../support/outcome-sheets.ts';

/** A row of August's cost that no comparison gives. */
async function mark(db: Kysely<DB>, statementId: string): Promise<void> {
  await refreshOpenAdjustments(db);
  await sql`
    insert into open_adjustment (adjusted_statement_id, adjusted_on, pod_id, kind, currency, billed_cost, effective_cost, list_cost,
      contracted_cost, amount, reported_billed_cost, reported_effective_cost, reported_list_cost, reported_contracted_cost, reported_amount)
    values (${statementId}::integer, '2026-08-15', 'checkout', 'direct', 'USD', 1, 1, 1, 1, 0, 1, 1, 1, 1, 0)`.execute(
    db,
  );
}

/** Whether the mark is still there once the adjustments are those of the current figures. */
async function isLeft(db: Kysely<DB>): Promise<boolean> {
  await refreshOpenAdjustments(db);
  const { rows } = await sql<{ marks: number; is_current: boolean }>`
    select (select count(*)::int from open_adjustment where outcome_id is null and adjusted_on = '2026-08-15') as marks,
      exists (select from open_adjustment_version join organisation using (figures_version)) as is_current`.execute(db);
  expect(rows[0]?.is_current).toBe(true);
  return rows[0]?.marks === 1;
}

async function raise(db: Kysely<DB>, moved: MovedFigures, times = 1): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (let time = 0; time < times; time += 1) await raiseFiguresVersion(trx, moved);
  });
}

test('costs of a closed month are compared after what may have moved them, and not after a claim, an envelope or the bill of an open month', async ({
  db,
  company,
}) => {
  await mark(db, await close(db, '2026-08'));
  await importSheet(db, { amount: '500', delivered_on: '2026-08-20' });
  expect(await isLeft(db)).toBe(true);
  await raise(db, {});
  expect(await isLeft(db)).toBe(true);
  const deliveredAt = '2026-11-01T00:00:00Z';
  await publishBill(db, { start: '2026-09-01', end: '2026-10-01', deliveredAt, charges: company.month('09').slice(1) });
  expect(await isLeft(db)).toBe(true);
  await publishBill(db, { start: '2026-08-01', end: '2026-09-01', deliveredAt, charges: company.month('08').slice(1) });
  expect(await isLeft(db)).toBe(false);
  await expectKeptAdjustments(db);
});

test('everything is compared after a change that did not say what it moved, and after more than are remembered', async ({
  db,
}) => {
  const statementId = await close(db, '2026-08');
  await mark(db, statementId);
  await sql`update organisation set figures_version = figures_version + 1`.execute(db);
  expect(await isLeft(db)).toBe(false);
  await mark(db, statementId);
  await raise(db, 'anything');
  expect(await isLeft(db)).toBe(false);
  await mark(db, statementId);
  await raise(db, { outcomeIds: Array.from({ length: 1_001 }, (_, index) => String(index + 1)) });
  expect(await isLeft(db)).toBe(false);
  await mark(db, statementId);
  await raise(db, {}, 1_000);
  expect(await isLeft(db)).toBe(true);
  await raise(db, {}, 1_001);
  expect(await isLeft(db)).toBe(false);
  const { rows } = await sql<{ kept: number }>`select count(*)::int as kept from figures_change`.execute(db);
  expect(rows).toEqual([{ kept: 1_000 }]);
});

test('while a rate is missing nothing is kept, and afterwards all that moved meanwhile', async ({ db, company }) => {
  await close(db, '2026-08');
  const known = async () => {
    await expectKeptAdjustments(db);
    const { rows } = await sql<{ kept: string[]; is_current: boolean }>`
      select (select coalesce(array_agg(distinct coalesce(outcome_id::text, kind)), '{}') from open_adjustment) as kept,
        exists (select from open_adjustment_version join organisation using (figures_version)) as is_current`.execute(
      db,
    );
    return rows[0];
  };
  expect(await known()).toEqual({ kept: [], is_current: true });
  const rate = [{ name: 'kwd.csv', text: 'date,base,quote,rate\n2026-08-20,KWD,USD,3.2\n' }];
  await db.transaction().execute((trx) => importFxFiles(trx, rate));
  await importSheet(db, { source_row_id: 'odd', currency: 'KWD', delivered_on: '2026-08-20' });
  await forgetRates(db, 'KWD');
  expect(await known()).toEqual({ kept: [], is_current: false });
  const deliveredAt = '2026-11-01T00:00:00Z';
  await publishBill(db, { start: '2026-08-01', end: '2026-09-01', deliveredAt, charges: company.month('08').slice(1) });
  await importSheet(db, { source_row_id: 'even', delivered_on: '2026-08-21' });
  expect(await known()).toEqual({ kept: [], is_current: false });
  await db.transaction().execute(async (trx) => {
    await importFxFiles(trx, rate);
    await raiseFiguresVersion(trx, {});
  });
  expect(await known()).toEqual({ kept: ['3', '4', 'direct'], is_current: true });
});

test('who waits for another to keep earlier figures keeps those of its own afterwards', async ({ db }) => {
  await mark(db, await close(db, '2026-08'));
  await raise(db, 'anything');
  const other = await db.startTransaction().execute();
  await refreshOpenAdjustments(other);
  await importSheet(db, { amount: '500', delivered_on: '2026-08-20' });
  const waiting = refreshOpenAdjustments(db);
  const waits = sql`
    select from pg_locks join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory' and not granted and datname = current_database()`;
  await expect.poll(async () => (await waits.execute(db)).rows.length).toBe(1);
  await other.commit().execute();
  await waiting;
  const { rows } = await sql`select from open_adjustment_version join organisation using (figures_version)`.execute(db);
  expect(rows).toHaveLength(1);
  await expectKeptAdjustments(db);
});

test('what was kept while conversions were stale is of no figures, even where a rate is missing to keep others', async ({
  db,
}) => {
  await mark(db, await close(db, '2026-08'));
  await db.transaction().execute(async (trx) => {
    await importFxFiles(trx, [{ name: 'kwd.csv', text: 'date,base,quote,rate\n2026-08-20,KWD,KRW,4500\n' }]);
    await raiseFiguresVersion(trx, {});
  });
  await refreshOpenAdjustments(db);
  await sql`update conversion_rate set rates_version = 0`.execute(db);
  await sql`delete from fx_rate`.execute(db);
  await refreshOpenAdjustments(db);
  const { rows } = await sql`select from open_adjustment_version`.execute(db);
  expect(rows).toEqual([]);
});

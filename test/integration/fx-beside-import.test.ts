/** Conversions that are stored while an import of rates has not ended: the import cannot forget them, so whoever looks next does. */
import { type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { fillConversionRates } from '../../services/fx/conversion.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { createTestDatabase, test } from '../support/database.ts';

function rates(...lines: readonly string[]) {
  return [{ name: 'fx/ecb.csv', text: `date,base,quote,rate\n${lines.join('\n')}\n` }];
}

function fill(db: Kysely<DB>, currency: string, day: string, to = 'USD'): Promise<void> {
  return fillConversionRates(db, { need: sql`select ${currency} as from_currency, ${day}::date as on_date`, to });
}

async function stored(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`
    select concat_ws(' ', from_currency, on_date, trim_scale(rate)) as line from conversion_rate order by 1`.execute(
    db,
  );
  return rows.map(({ line }) => line);
}

test('a conversion that a report or an act stored beside an import is resolved anew, and one the import did not touch stays', async () => {
  const { db, drop } = await createTestDatabase();
  try {
    const first = rates('2026-09-01,EUR,USD,1.1', '2026-09-01,CHF,SEK,11');
    await db.transaction().execute((trx) => importFxFiles(trx, first));
    await fill(db, 'CHF', '2026-09-01', 'SEK');
    const importing = await db.startTransaction().execute();
    await importFxFiles(importing, rates('2026-09-01,EUR,USD,1.2'));
    const act = await db.startTransaction().execute();
    await fill(act, 'EUR', '2026-09-02');
    await fill(db, 'EUR', '2026-09-01');
    await importing.commit().execute();
    await act.commit().execute();
    expect(await stored(db)).toEqual(['CHF 2026-09-01 11', 'EUR 2026-09-01 1.1', 'EUR 2026-09-02 1.1']);
    await prepareConversions(db, { period: '2026-09', at: new Date('2026-10-20T00:00:00Z') });
    expect(await stored(db)).toEqual(['CHF 2026-09-01 11']);
    await fill(db, 'EUR', '2026-09-01');
    expect(await stored(db)).toEqual(['CHF 2026-09-01 11', 'EUR 2026-09-01 1.2']);
  } finally {
    await drop();
  }
});

test('filling forgets what is stale, also where it was asked for nothing that is missing', async () => {
  const { db, drop } = await createTestDatabase();
  try {
    await db.transaction().execute((trx) => importFxFiles(trx, rates('2026-09-01,EUR,USD,1.1')));
    const act = await db.startTransaction().execute();
    await fill(act, 'EUR', '2026-09-01');
    await db.transaction().execute((trx) => importFxFiles(trx, rates('2026-09-01,EUR,USD,1.2')));
    await act.commit().execute();
    expect(await stored(db)).toEqual(['EUR 2026-09-01 1.1']);
    await fill(db, 'EUR', '2026-09-01');
    expect(await stored(db)).toEqual(['EUR 2026-09-01 1.2']);
  } finally {
    await drop();
  }
});

/** Exchange rates against a real PostgreSQL: reading files, resolving conversions by every path and policy, and forgetting them. */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { fillConversionRates, requireConversionRates } from '../../services/fx/conversion.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { test } from '../support/database.ts';

/** Every day of a half-open range in each of the currencies. */
function everyDay(options: { from: readonly string[]; start: string; end: string }) {
  return sql`
    select from_currency, day::date as on_date
    from unnest(${[...options.from]}::text[]) as asked (from_currency),
      generate_series(${options.start}::date, ${options.end}::date - 1, interval '1 day') as day
  `;
}

/**
 * Makes sure that `to` can be had for every currency on every day of the half-open range.
 * @throws AppError missing_exchange_rate naming the first date and pair.
 */
async function ensureConversionRates(
  db: Kysely<DB>,
  options: { from: readonly string[]; to: string; start: string; end: string },
): Promise<void> {
  const need = everyDay(options);
  await fillConversionRates(db, { need, to: options.to });
  await requireConversionRates(db, { need, to: options.to });
}

const HEADER = 'date,base,quote,rate';

function file(...lines: string[]) {
  return [{ name: 'fx/ecb.csv', text: `${[HEADER, ...lines].join('\n')}\n` }];
}

async function stored(db: Kysely<DB>) {
  const { rows } = await sql<{ pair: string; day: string; rate: string; published: string; path: string }>`
    select from_currency || to_currency as pair, on_date as day, trim_scale(rate)::text as rate, published_on as published, path
    from conversion_rate order by pair, day
  `.execute(db);
  return rows;
}

describe('an import', () => {
  test('keeps every decimal and changes nothing the second time', async ({ trx }) => {
    const files = file('2026-09-01,EUR,USD,1.08430000000000000000001', '2026-09-02,EUR,USD,1.09');
    expect(await importFxFiles(trx, files)).toEqual({ rates: 2, changed: 2 });
    expect(await importFxFiles(trx, files)).toEqual({ rates: 2, changed: 0 });
    const { rows } = await sql<{ rate: string }>`select rate::text as rate from fx_rate order by rate_date`.execute(
      trx,
    );
    expect(rows.map((row) => row.rate)).toEqual(['1.08430000000000000000001', '1.09']);
  });

  test('replaces a changed rate and forgets the conversions it decided, not those of other currencies or before its month', async ({
    trx,
  }) => {
    const before = ['2026-08-31,EUR,USD,1.1', '2026-09-01,EUR,USD,1.2', '2026-09-01,CHF,SEK,11'];
    await importFxFiles(trx, file(...before));
    await ensureConversionRates(trx, { from: ['EUR'], to: 'USD', start: '2026-08-31', end: '2026-09-03' });
    await ensureConversionRates(trx, { from: ['CHF'], to: 'SEK', start: '2026-09-01', end: '2026-09-02' });
    expect(await importFxFiles(trx, file('2026-09-01,EUR,USD,1.25'))).toEqual({ rates: 1, changed: 1 });
    expect((await stored(trx)).map((row) => `${row.pair} ${row.day}`)).toEqual([
      'CHFSEK 2026-09-01',
      'EURUSD 2026-08-31',
    ]);
    await ensureConversionRates(trx, { from: ['EUR'], to: 'USD', start: '2026-09-02', end: '2026-09-03' });
    expect((await stored(trx)).at(-1)).toMatchObject({ day: '2026-09-02', rate: '1.25', published: '2026-09-01' });
  });

  test('of a corrected rate keeps the former one with the time it was known', async ({ trx }) => {
    await importFxFiles(
      trx,
      file('2026-09-01,EUR,USD,1.1', '2026-09-02,EUR,USD,1.2'),
      new Date('2026-09-03T00:00:00Z'),
    );
    await importFxFiles(
      trx,
      file('2026-09-01,EUR,USD,1.15', '2026-09-02,EUR,USD,1.20'),
      new Date('2026-09-04T00:00:00Z'),
    );
    const { rows } = await sql`
      select rate_date, trim_scale(rate)::text as rate, known_from, known_until from former_fx_rate
      union all select rate_date, trim_scale(rate)::text, known_from, null from fx_rate order by rate_date, known_from
    `.execute(trx);
    const [third, fourth] = [new Date('2026-09-03T00:00:00Z'), new Date('2026-09-04T00:00:00Z')];
    expect(rows).toEqual([
      { rate_date: '2026-09-01', rate: '1.1', known_from: third, known_until: fourth },
      { rate_date: '2026-09-01', rate: '1.15', known_from: fourth, known_until: null },
      { rate_date: '2026-09-02', rate: '1.2', known_from: third, known_until: null },
    ]);
  });

  test('names every fault by line and column, with a suggestion, and stores nothing', async ({ trx }) => {
    const files = file(
      '2026-13-01,EUR,usd,1.1',
      '2026-09-01,EUR,USD,abc',
      '2026-09-02,EUR,USD,0',
      '2026-09-03,EUR,EUR,1',
    );
    await expect(importFxFiles(trx, files)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('fx/ecb.csv line 2 (record 1), column date: "2026-13-01" is not a date'),
      faults: [
        { line: 2, column: 'date' },
        { line: 2, column: 'quote', fix: 'Write USD.' },
        { line: 3, column: 'rate', reason: '"abc" is not a number' },
        { line: 4, column: 'rate', reason: '"0" is not above zero' },
        { line: 5, column: 'quote' },
      ],
    });
    await expect(importFxFiles(trx, [{ name: 'a.csv', text: 'date,base,quot,rate\n' }])).rejects.toMatchObject({
      faults: [{ line: 1, column: 'quot', fix: 'Did you mean "quote"?' }, { column: 'quote' }],
    });
    await expect(importFxFiles(trx, file('2026-09-01,EUR,USD,1', '2026-09-01,EUR,USD,2'))).rejects.toThrow(
      'EUR to USD on 2026-09-01 is 2 here and 1 in fx/ecb.csv line 2',
    );
    expect(await trx.selectFrom('fx_rate').selectAll().execute()).toEqual([]);
  });
});

describe('a conversion', () => {
  test('takes the direct rate, else the inverse, else one hop, at 15 decimals half-even', async ({ trx }) => {
    await importFxFiles(trx, file('2026-09-01,EUR,USD,1.0843', '2026-09-01,EUR,GBP,0.8467', '2026-09-01,CHF,JPY,3'));
    await ensureConversionRates(trx, { from: ['EUR', 'GBP'], to: 'USD', start: '2026-09-01', end: '2026-09-02' });
    await ensureConversionRates(trx, { from: ['USD'], to: 'EUR', start: '2026-09-01', end: '2026-09-02' });
    await ensureConversionRates(trx, { from: ['JPY'], to: 'CHF', start: '2026-09-01', end: '2026-09-02' });
    expect((await stored(trx)).map((row) => [row.pair, row.rate, row.path])).toEqual([
      ['EURUSD', '1.0843', 'direct'],
      ['GBPUSD', '1.280618873272706', 'through EUR'],
      ['JPYCHF', '0.333333333333333', 'inverse'],
      ['USDEUR', '0.922253988748501', 'inverse'],
    ]);
  });

  test('prefers a direct rate that is older to an inverse of the day', async ({ trx }) => {
    await importFxFiles(trx, file('2026-08-31,USD,EUR,0.9', '2026-09-01,EUR,USD,1.2'));
    await ensureConversionRates(trx, { from: ['USD'], to: 'EUR', start: '2026-09-01', end: '2026-09-02' });
    expect(await stored(trx)).toMatchObject([{ rate: '0.9', published: '2026-08-31', path: 'direct' }]);
  });

  test('carries the last published rate over carryDays and no longer; the error names date, pair and how many more', async ({
    trx,
  }) => {
    await importFxFiles(trx, file('2026-09-04,EUR,USD,1.1'));
    await ensureConversionRates(trx, { from: ['EUR'], to: 'USD', start: '2026-09-04', end: '2026-09-12' });
    expect(await stored(trx)).toHaveLength(8);
    const beyond = ensureConversionRates(trx, {
      from: ['USD', 'EUR'],
      to: 'USD',
      start: '2026-09-01',
      end: '2026-09-14',
    });
    await expect(beyond).rejects.toMatchObject({
      code: 'missing_exchange_rate',
      message: expect.stringMatching(
        /from EUR to USD for 2026-09-01 \(and 4 more\); a rate serves at most 7 days.*outturn apply/,
      ),
      details: { date: '2026-09-01', from: 'EUR', to: 'USD', missing: 5 },
    });
  });

  test('by month-average is the mean of the published rates, and the last one where the month has none', async ({
    trx,
  }) => {
    await sql`update organisation set fx_policy = 'month-average'`.execute(trx);
    await importFxFiles(
      trx,
      file('2026-08-31,EUR,USD,1.5', '2026-09-02,EUR,USD,1.1', '2026-09-03,EUR,USD,1.2', '2026-09-28,EUR,USD,1.2'),
    );
    await ensureConversionRates(trx, { from: ['EUR'], to: 'USD', start: '2026-09-01', end: '2026-10-03' });
    expect((await stored(trx)).at(-1)).toMatchObject({ day: '2026-10-02', rate: '1.2', published: '2026-09-28' });
    const rates = new Set((await stored(trx)).filter((row) => row.day < '2026-10-01').map((row) => row.rate));
    expect([...rates]).toEqual(['1.166666666666667']);
    await importFxFiles(trx, file('2026-09-07,EUR,USD,1.3'));
    expect(await stored(trx)).toEqual([]);
  });

  test('filling leaves what cannot be resolved missing, without an error', async ({ trx }) => {
    await importFxFiles(trx, file('2026-09-04,EUR,USD,1.1'));
    const need = everyDay({ from: ['EUR', 'GBP'], start: '2026-09-03', end: '2026-09-06' });
    await fillConversionRates(trx, { need, to: 'USD' });
    expect((await stored(trx)).map((row) => row.day)).toEqual(['2026-09-04', '2026-09-05']);
  });
});

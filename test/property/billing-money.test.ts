/**
 * Goal: money read by DuckDB in heads and tails, summed and written again, is exact. Method: random decimals in every spelling go
 * through the SQL that staging uses; the kernel's decimals add up the same texts.
 */
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  carryTail,
  doubleParts,
  isNumber,
  MONEY_SCALE,
  type PartsReader,
  QUANTITY_SCALE,
  textOfParts,
  textParts,
} from '../../services/billing/cell-sql.ts';
import { literal } from '../../services/billing/duckdb-session.ts';
import { compare, type Decimal, decimal, sum } from '../../services/kernel/decimal.ts';

const connection = await (await DuckDBInstance.create(':memory:')).connect();

const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`));
const numberText = fc
  .record({
    sign: fc.constantFrom('', '-', '+'),
    whole: fc.oneof(digits(5), digits(14), fc.constant('0'), fc.constant('')),
    fraction: fc.oneof(digits(12), digits(28), digits(40), fc.constant(''), fc.constant('000000000000000')),
    exponent: fc.oneof(
      fc.constant(''),
      fc.integer({ min: -20, max: 8 }).map((power) => `e${power}`),
      fc.constant('E-09'),
    ),
    space: fc.constantFrom('', ' '),
  })
  .filter(({ whole, fraction }) => whole !== '' || fraction !== '')
  .map(
    ({ sign, whole, fraction, exponent, space }) =>
      `${space}${sign}${whole}${fraction === '' ? '' : `.${fraction}`}${exponent}${space}`,
  );

async function sumInDuckDb(
  cells: string,
  reader: PartsReader,
  scale: number,
): Promise<{ total: Decimal; unfit: string[] }> {
  const lines = `select *, ${reader.head('quick', 'plain')} as head, ${reader.tail('quick', 'plain')} as tail
    from (select *, ${reader.plain('cell', 'quick')} as plain from (select *, ${reader.quick('cell')} as quick from (${cells})))`;
  const { carried, rest } = carryTail('head', 'tail', scale);
  const result = await connection.runAndReadAll(`
    select coalesce(${textOfParts('carried', 'rest', scale)}, '0') as total, unfit from (
      select *, ${carried} as carried, ${rest} as rest from (
        select sum(head) filter (tail is not null) as head, sum(tail) filter (head is not null) as tail,
          list(cell::varchar) filter (head is null or tail is null) as unfit from (${lines})))`);
  const rows = result.getRowObjectsJS();
  const total = rows[0]?.['total'];
  const unfit = rows[0]?.['unfit'];
  return {
    total: decimal(typeof total === 'string' ? total : 'no text'),
    unfit: Array.isArray(unfit) ? unfit.map(String) : [],
  };
}

describe('sums of heads and tails', () => {
  for (const scale of [MONEY_SCALE, QUANTITY_SCALE]) {
    test(`of texts with up to 40 decimals are exact at scale ${scale}, what does not fit included`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(numberText, { minLength: 1, maxLength: 40 }), async (texts) => {
          const cells = `select unnest([${texts.map(literal).join(', ')}]) as cell`;
          const { total, unfit } = await sumInDuckDb(cells, textParts(scale), scale);
          const expected = sum(texts.map((text) => decimal(text.trim())));
          expect(
            compare(sum([total, ...unfit.map((text) => decimal(text.trim()))]), expected),
            `${total} for ${expected}`,
          ).toBe(0);
        }),
        { numRuns: 300 },
      );
    });
  }

  test('of up to 28 decimals below a million leave nothing to travel alone', async () => {
    const text = fc
      .tuple(fc.constantFrom('', '-'), digits(6), digits(28))
      .map(([sign, whole, part]) => `${sign}${whole}.${part}`);
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 20 }), async (texts) => {
        const { total, unfit } = await sumInDuckDb(
          `select unnest([${texts.map(literal).join(', ')}]) as cell`,
          textParts(MONEY_SCALE),
          MONEY_SCALE,
        );
        expect(unfit).toEqual([]);
        expect(compare(total, sum(texts.map((one) => decimal(one))))).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('of DOUBLEs are the sums of their shortest texts', async () => {
    const double = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
      fc.integer({ min: -1e9, max: 1e9 }).map((units) => units / 1e7),
      fc
        .tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 999 }))
        .map(([left, right]) => (left / 1000) * right),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(double, { minLength: 1, maxLength: 40 }), async (values) => {
        const cells = `select unnest([${values.map((value) => `${literal(String(value))}::double`).join(', ')}]) as cell`;
        const { total, unfit } = await sumInDuckDb(cells, doubleParts(MONEY_SCALE), MONEY_SCALE);
        const expected = sum(values.map((value) => decimal(String(value))));
        expect(compare(sum([total, ...unfit.map((text) => decimal(text))]), expected)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});

test('a cell is a number exactly where the kernel says so', async () => {
  const cell = fc.oneof(
    numberText,
    fc.stringMatching(/^[0-9eE+\-._, x]{0,8}$/),
    fc.constantFrom('NaN', 'Infinity', '1_000', '0x1F', '١', '1e1000', '+ ', '+ 5', ''),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(cell, { minLength: 1, maxLength: 30 }), async (cells) => {
      const rows = (
        await connection.runAndReadAll(
          `select ${isNumber('cell')} as good from (select unnest([${cells.map(literal).join(', ')}]) as cell)`,
        )
      ).getRowObjectsJS();
      const expected = cells.map((text) => /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$/.test(text));
      expect(rows.map((row) => row['good'])).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

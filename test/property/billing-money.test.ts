/**
 * Goal: money read by DuckDB in heads and tails, summed and written again, is exact. Method: random decimals in every spelling go
 * through the SQL that staging uses; the kernel's decimals add up the same texts. Planning that SQL takes longer than doing it, so one
 * statement sums many lists that were drawn.
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
import { compare, type Decimal, decimal, sum, ZERO } from '../../services/kernel/decimal.ts';

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

/** How often lists are drawn, and how many at once. */
const RUNS = 30;
const listsOf = <Cell>(cell: fc.Arbitrary<Cell>, maxLength: number) =>
  fc.array(fc.array(cell, { minLength: 1, maxLength }), { minLength: 1, maxLength: 20 });

/** The sum of each list, with the cells that did not fit. */
async function sumInDuckDb(
  lists: readonly (readonly string[])[],
  reader: PartsReader,
  scale: number,
): Promise<{ total: Decimal; unfit: string[] }[]> {
  const cells = `select place, unnest(cells) as cell
    from (values ${lists.map((list, place) => `(${place}, [${list.join(', ')}])`).join(', ')}) as drawn (place, cells)`;
  const lines = `select *, ${reader.head('quick', 'plain')} as head, ${reader.tail('quick', 'plain')} as tail
    from (select *, ${reader.plain('cell', 'quick')} as plain from (select *, ${reader.quick('cell')} as quick from (${cells})))`;
  const { carried, rest } = carryTail('head', 'tail', scale);
  const result = await connection.runAndReadAll(`
    select coalesce(${textOfParts('carried', 'rest', scale)}, '0') as total, unfit from (
      select *, ${carried} as carried, ${rest} as rest from (
        select place, sum(head) filter (tail is not null) as head, sum(tail) filter (head is not null) as tail,
          list(cell::varchar) filter (head is null or tail is null) as unfit from (${lines}) group by place)) order by place`);
  return result.getRowObjectsJS().map(({ total, unfit }) => ({
    total: decimal(typeof total === 'string' ? total : 'no text'),
    unfit: Array.isArray(unfit) ? unfit.map(String) : [],
  }));
}

/** The lists whose sum, with what did not fit, is not what the kernel's decimals add up to. */
function wrongSums(sums: readonly { total: Decimal; unfit: string[] }[], lists: readonly (readonly string[])[]) {
  return lists.flatMap((texts, place) => {
    const found = sums[place];
    const expected = sum(texts.map((text) => decimal(text.trim())));
    const whole = sum([found?.total ?? ZERO, ...(found?.unfit ?? []).map((text) => decimal(text.trim()))]);
    return found !== undefined && compare(whole, expected) === 0 ? [] : [{ texts, found, expected }];
  });
}

describe('sums of heads and tails', () => {
  for (const scale of [MONEY_SCALE, QUANTITY_SCALE]) {
    test(`of texts with up to 40 decimals are exact at scale ${scale}, what does not fit included`, async () => {
      await fc.assert(
        fc.asyncProperty(listsOf(numberText, 40), async (lists) => {
          const cells = lists.map((texts) => texts.map(literal));
          expect(wrongSums(await sumInDuckDb(cells, textParts(scale), scale), lists)).toEqual([]);
        }),
        { numRuns: RUNS },
      );
    });
  }

  test('of up to 28 decimals below a million leave nothing to travel alone', async () => {
    const text = fc
      .tuple(fc.constantFrom('', '-'), digits(6), digits(28))
      .map(([sign, whole, part]) => `${sign}${whole}.${part}`);
    await fc.assert(
      fc.asyncProperty(listsOf(text, 20), async (lists) => {
        const cells = lists.map((texts) => texts.map(literal));
        const sums = await sumInDuckDb(cells, textParts(MONEY_SCALE), MONEY_SCALE);
        expect(sums.flatMap(({ unfit }) => unfit)).toEqual([]);
        expect(wrongSums(sums, lists)).toEqual([]);
      }),
      { numRuns: RUNS },
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
      fc.asyncProperty(listsOf(double, 40), async (lists) => {
        const texts = lists.map((values) => values.map(String));
        const cells = texts.map((list) => list.map((text) => `${literal(text)}::double`));
        expect(wrongSums(await sumInDuckDb(cells, doubleParts(MONEY_SCALE), MONEY_SCALE), texts)).toEqual([]);
      }),
      { numRuns: RUNS },
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
    fc.asyncProperty(fc.array(cell, { minLength: 1, maxLength: 300 }), async (cells) => {
      const rows = (
        await connection.runAndReadAll(
          `select ${isNumber('cell')} as good from (select unnest([${cells.map(literal).join(', ')}]) as cell)`,
        )
      ).getRowObjectsJS();
      const expected = cells.map((text) => /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$/.test(text));
      expect(rows.map((row) => row['good'])).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
});

/** Every way in which bills write numbers, instants, nothing and tags, loaded exactly; checked on what PostgreSQL holds afterwards. */
import { describe, expect } from 'vitest';
import { billLine, csvOf } from '../support/billing.ts';
import { type ChargedBills, parquetLine, test } from '../support/bill-charges.ts';

describe('money', () => {
  test('of 28 decimals, with exponents, and beyond a million adds up to the last digit', async ({
    database,
    bills: { chargesOf },
  }) => {
    const cells = [
      '0.0000000000000000000000000001',
      '12345.1234567890123456789012345678',
      '2.32E-9',
      '-1e-3',
      '+.5',
      ' 7. ',
      '123456789012.000000000000000000000000000000000001',
      '-0.0000000000000000000000000000000000000001',
    ];
    const charges = await chargesOf('bill.csv', csvOf(cells.map((BilledCost) => billLine({ BilledCost }))));
    expect(charges.reduce((lines, charge) => lines + charge.lines, 0)).toBe(8);
    const { rows } = await database.pool.query(
      `select trim_scale(sum(billed::numeric))::text as total from unnest($1::text[]) as billed`,
      [charges.map((charge) => charge.billed)],
    );
    // Of the lines above, added by hand.
    expect(rows).toEqual([{ total: '123456801364.6224567913323456789012345679000000009999' }]);
  });

  test('in DOUBLE columns is what the shortest text says', async ({ bills: { chargesOfFile, writeParquet } }) => {
    const doubles = ['0.1', '0.30000000000000004', '1e-7', '123456.789', '16.296932136636645', '-1.5e-20'];
    const path = await writeParquet(
      'double.parquet',
      doubles.map((value) => parquetLine(`${value}::double`)).join(' union all '),
    );
    const charges = await chargesOfFile(path);
    expect(charges.map(({ billed, lines }) => ({ billed, lines }))).toEqual([
      // 0.1 + 0.30000000000000004 + 0.0000001 + 123456.789 + 16.296932136636645 - 0.000000000000000000015
      { billed: '123473.485932236636645039985', lines: 6 },
    ]);
  });

  test('in FLOAT, DECIMAL(38,18) and integer columns', async ({ bills: { chargesOfFile, writeParquet } }) => {
    expect((await chargesOfFile(await writeParquet('float.parquet', parquetLine('0.1::float'))))[0]?.billed).toBe(
      '0.1',
    );
    const wide = await writeParquet(
      'wide.parquet',
      parquetLine("'12345678901234567890.123456789012345678'::decimal(38, 18)"),
    );
    expect((await chargesOfFile(wide))[0]?.billed).toBe('12345678901234567890.123456789012345678');
    expect((await chargesOfFile(await writeParquet('int.parquet', parquetLine('-42'))))[0]?.billed).toBe('-42');
  });

  test('of wide decimals whose sum could leave 38 digits', async ({ bills: { chargesOfFile, writeParquet } }) => {
    const line = parquetLine("'9999999999.1234567890123456789012345678'::decimal(38, 28)");
    const charges = await chargesOfFile(await writeParquet('wider.parquet', `${line} union all ${line}`));
    expect(charges.map(({ billed }) => billed)).toEqual([
      '9999999999.1234567890123456789012345678',
      '9999999999.1234567890123456789012345678',
    ]);
  });

  test('an empty ListCost or ContractedCost counts as zero, an empty quantity stays empty', async ({
    bills: { chargesOf },
  }) => {
    const line = billLine({ ListCost: 'NULL', ContractedCost: '', ConsumedQuantity: '(null)' });
    const [charge] = await chargesOf('bill.csv', csvOf([line]));
    expect(charge).toMatchObject({ list: '0', quantity: null });
  });

  test('quantities of many digits', async ({ bills: { chargesOf } }) => {
    const quantities = ['123456789012.5', '0.000000000000000000001', '5E3'];
    const lines = quantities.map((ConsumedQuantity) => billLine({ ConsumedQuantity }));
    const [charge] = await chargesOf('bill.csv', csvOf(lines));
    expect(charge?.quantity).toBe('123456794012.500000000000000000001');
  });
});

describe('texts', () => {
  test('spell nothing in four ways, and keep leading zeros', async ({ bills: { chargesOf } }) => {
    const nothings = ['', 'NULL', 'null', '(null)'];
    const charges = await chargesOf('bill.csv', csvOf(nothings.map((ResourceId) => billLine({ ResourceId }))));
    expect(new Set(charges.map((charge) => charge['id'])).size).toBe(1);
    expect(charges[0]).toMatchObject({ resource_id: null, billing_account_id: '0012' });
  });
});

describe('instants', () => {
  test('are read in every unambiguous spelling', async ({ bills: { chargesOf } }) => {
    const spellings: Record<string, string> = {
      '2026-09-02T00:00:00Z': '2026-09-02',
      '2026-09-03 00:00:00': '2026-09-03',
      '2026-09-04T01:00:00+02:00': '2026-09-03',
      '2026-09-05T23:00:00-0200': '2026-09-06',
      '2026-09-07T00:00:00.0000000Z': '2026-09-07',
      '2026-09-08': '2026-09-08',
      '2026-09-09 12:30 UTC': '2026-09-09',
      '2026/09/10 00:00:00': '2026-09-10',
      '2026-09-10T30:00:00Z': '2026-09-11',
    };
    const lines = Object.keys(spellings).map((ChargePeriodStart, index) =>
      billLine({
        ChargePeriodStart,
        ChargePeriodEnd: '2026-09-30T00:00:00Z',
        BilledCost: `${index + 1}`,
        SkuId: `sku-${index}`,
      }),
    );
    const charges = await chargesOf('bill.csv', csvOf(lines));
    const dates = new Map(charges.map((charge) => [charge['sku_id'], charge.charge_date]));
    expect(Object.values(spellings)).toEqual(lines.map((line) => dates.get(line['SkuId'])));
  });

  test('with the month first where the file proves it', async ({ bills: { chargesOf } }) => {
    const line = {
      BillingPeriodStart: '09/01/2023',
      BillingPeriodEnd: '10/01/2023',
      ChargePeriodStart: '09/21/2023',
      ChargePeriodEnd: '09/22/2023',
    };
    expect((await chargesOf('us.csv', csvOf([billLine(line)])))[0]?.charge_date).toBe('2023-09-21');
    // Nothing is above 12, but only with the month first is 4/1/25 to 5/1/25 a billing period.
    const short = {
      BillingPeriodStart: '4/1/25',
      BillingPeriodEnd: '5/1/25',
      ChargePeriodStart: '4/2/25 1:00 PM',
      ChargePeriodEnd: '4/2/25 2:00 PM',
    };
    expect((await chargesOf('short.csv', csvOf([billLine(short)])))[0]?.charge_date).toBe('2025-04-02');
  });
});

describe('tags', () => {
  const tagsOf = async ({ chargesOf }: ChargedBills, Tags: string) => {
    const [charge] = await chargesOf('tags.csv', csvOf([billLine({ Tags })]));
    return { tags: charge?.['tags'], folded: charge?.['folded_tags'] };
  };

  test('keep their spelling; folded they are trimmed, in lower case, the first that has a value', async ({ bills }) => {
    expect(await tagsOf(bills, '{" App ": "", "APP": "two", "app": "one", "Env": null, "env ": "prod"}')).toEqual({
      tags: { ' App ': '', APP: 'two', app: 'one', Env: null, 'env ': 'prod' },
      folded: { app: 'two', env: 'prod' },
    });
  });

  test('without braces, as pairs, with numbers and booleans, or none at all', async ({ bills }) => {
    expect((await tagsOf(bills, '"env": "prod","team": "a"')).tags).toEqual({ env: 'prod', team: 'a' });
    expect((await tagsOf(bills, '[{"key": "env", "value": "prod"}]')).tags).toEqual({ env: 'prod' });
    expect((await tagsOf(bills, '{"id": 12345678901234567890, "on": true}')).tags).toEqual({
      id: '12345678901234567890',
      on: 'true',
    });
    expect((await tagsOf(bills, 'NULL')).tags).toEqual({});
  });

  test('in Parquet as MAP, STRUCT, LIST or JSON are the same origin', async ({
    bills: { chargesOfFile, writeParquet },
  }) => {
    const forms = {
      map: `map {'pod': 'checkout', 'env': null}`,
      struct: `{'env': null::varchar, 'pod': 'checkout'}`,
      list: `[{'key': 'pod', 'value': 'checkout'}, {'key': 'env', 'value': null}]`,
      json: `'{"pod": "checkout", "env": null}'::json`,
    };
    const ids = new Set<unknown>();
    for (const [name, form] of Object.entries(forms)) {
      const [charge] = await chargesOfFile(
        await writeParquet(`tags-${name}.parquet`, parquetLine('1', `, ${form} as Tags`)),
      );
      expect(charge?.['tags'], name).toEqual({ pod: 'checkout', env: null });
      ids.add(charge?.['id']);
    }
    expect(ids.size).toBe(1);
  });

  test('may be missing', async ({ bills: { chargesOf } }) => {
    const { Tags: _tags, ...line } = billLine();
    expect((await chargesOf('bill.csv', csvOf([line])))[0]?.['tags']).toEqual({});
  });
});

test('hours of a day under one SKU become one charge; a line outside its billing period keeps its date', async ({
  bills: { chargesOf },
}) => {
  const hours = Array.from({ length: 24 }, (_, hour) => {
    const at = (value: number) => `2026-09-14T${String(value).padStart(2, '0')}:00:00Z`;
    return billLine({
      BilledCost: '0.1',
      ChargePeriodStart: at(hour),
      ChargePeriodEnd: hour === 23 ? '2026-09-15T00:00:00Z' : at(hour + 1),
    });
  });
  const late = billLine({ ChargePeriodStart: '2026-08-31T00:00:00Z', ChargePeriodEnd: '2026-09-01T00:00:00Z' });
  const charges = await chargesOf('bill.csv', csvOf([...hours, late]));
  expect(charges.map(({ charge_date, billed, lines }) => ({ charge_date, billed, lines }))).toEqual([
    { charge_date: '2026-08-31', billed: '1.5', lines: 1 },
    { charge_date: '2026-09-14', billed: '2.4', lines: 24 },
  ]);
});

/** Every way in which bills write numbers, instants, nothing and tags, loaded exactly; checked on what PostgreSQL holds afterwards. */
import { appendFile, mkdir, readdir, readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { readArchivedLines } from '../../services/billing/archive-lines.ts';
import { type BillLine, billLine, csvOf, inspect, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { daysOfSkus } from '../support/billed-charges.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { isAvailable, realBills } from '../support/requirements.ts';

let folder: Awaited<ReturnType<typeof makeBillFolder>>;
let count = 0;
beforeAll(async () => {
  folder = await makeBillFolder();
});
afterAll(() => folder.remove());

interface Charge {
  charge_date: string;
  billed: string;
  effective: string;
  lines: number;
  quantity: string | null;
  [column: string]: unknown;
}

/** Every test is a source of its own, so that none replaces another's bill. */
async function chargesOf(database: TestDatabase, name: string, content: string | Buffer): Promise<Charge[]> {
  count += 1;
  const path = await writeBill(folder.path, `${count}-${name}`, content);
  return chargesOfFile(database, path);
}

async function chargesOfFile(database: TestDatabase, path: string): Promise<Charge[]> {
  const sourceId = `source-${path}`;
  await database.pool.query(`insert into source (id, kind) values ($1, 'focus-files')`, [sourceId]);
  const loads = await stage(database, folder.path, [path], { sourceId });
  for (const { loadId } of loads) expect(await unlikeDaysOfSkus(database, loadId)).toEqual([]);
  const union = loads.map(({ loadId }) => `select * from charge_${loadId}`).join(' union all ');
  const { rows } = await database.pool.query<Charge>(`
    select charge_date::text, trim_scale(billed_cost)::text as billed, trim_scale(effective_cost)::text as effective,
      trim_scale(list_cost)::text as list, line_count::int as lines, trim_scale(consumed_quantity)::text as quantity, origin.*,
      sku_id, billing_currency
    from (${union}) as charge join origin on origin.id = origin_id order by charge_date, billed_cost`);
  return rows;
}

/** Days of SKUs that came with the files and are not what their charges say, and the other way round. */
async function unlikeDaysOfSkus({ db }: TestDatabase, loadId: string): Promise<unknown[]> {
  const { rows } = await sql`
    with brought as (
      select load_id, charge_date, provider_name, service_name, charge_category, is_commitment, sku_id, consumed_unit, billing_currency,
        case when bool_and(consumed_quantity is not null) then trim_scale(sum(consumed_quantity)) end,
        trim_scale(sum(billed_cost)), trim_scale(sum(effective_cost)), trim_scale(sum(list_cost)), trim_scale(sum(contracted_cost))
      from load_sku_day where load_id = ${loadId} group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    ), said as (${daysOfSkus(sql.table(`charge_${loadId}`))})
    (table brought except table said) union all (table said except table brought)`.execute(db);
  return rows;
}

async function writeParquet(name: string, select: string): Promise<string> {
  const path = join(folder.path, name);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`copy (${select}) to '${path}' (format parquet)`);
  connection.closeSync();
  return path;
}

/** A Parquet bill of one line with the costs and further columns given as SQL. */
function parquetLine(costs: string, more = ''): string {
  return `select ${['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'].map((name) => `${costs} as ${name}`).join(', ')},
    'USD' as BillingCurrency, 'a1' as BillingAccountId, 'AWS' as ProviderName, 'Compute' as ServiceName, 'Usage' as ChargeCategory,
    timestamptz '2026-09-01 00:00:00+00' as BillingPeriodStart, timestamptz '2026-10-01 00:00:00+00' as BillingPeriodEnd,
    timestamptz '2026-09-14 23:30:00+00' as ChargePeriodStart, timestamptz '2026-09-15 00:00:00+00' as ChargePeriodEnd ${more}`;
}

describe('money', () => {
  test('of 28 decimals, with exponents, and beyond a million adds up to the last digit', async ({ database }) => {
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
    const charges = await chargesOf(database, 'bill.csv', csvOf(cells.map((BilledCost) => billLine({ BilledCost }))));
    expect(charges.reduce((lines, charge) => lines + charge.lines, 0)).toBe(8);
    const { rows } = await database.pool.query(
      `select trim_scale(sum(billed::numeric))::text as total from unnest($1::text[]) as billed`,
      [charges.map((charge) => charge.billed)],
    );
    // Of the lines above, added by hand.
    expect(rows).toEqual([{ total: '123456801364.6224567913323456789012345679000000009999' }]);
  });

  test('in DOUBLE columns is what the shortest text says', async ({ database }) => {
    const doubles = ['0.1', '0.30000000000000004', '1e-7', '123456.789', '16.296932136636645', '-1.5e-20'];
    const path = await writeParquet(
      'double.parquet',
      doubles.map((value) => parquetLine(`${value}::double`)).join(' union all '),
    );
    const charges = await chargesOfFile(database, path);
    expect(charges.map(({ billed, lines }) => ({ billed, lines }))).toEqual([
      // 0.1 + 0.30000000000000004 + 0.0000001 + 123456.789 + 16.296932136636645 - 0.000000000000000000015
      { billed: '123473.485932236636645039985', lines: 6 },
    ]);
  });

  test('in FLOAT, DECIMAL(38,18) and integer columns', async ({ database }) => {
    expect(
      (await chargesOfFile(database, await writeParquet('float.parquet', parquetLine('0.1::float'))))[0]?.billed,
    ).toBe('0.1');
    const wide = await writeParquet(
      'wide.parquet',
      parquetLine("'12345678901234567890.123456789012345678'::decimal(38, 18)"),
    );
    expect((await chargesOfFile(database, wide))[0]?.billed).toBe('12345678901234567890.123456789012345678');
    expect((await chargesOfFile(database, await writeParquet('int.parquet', parquetLine('-42'))))[0]?.billed).toBe(
      '-42',
    );
  });

  test('of wide decimals whose sum could leave 38 digits', async ({ database }) => {
    const line = parquetLine("'9999999999.1234567890123456789012345678'::decimal(38, 28)");
    const charges = await chargesOfFile(database, await writeParquet('wider.parquet', `${line} union all ${line}`));
    expect(charges.map(({ billed }) => billed)).toEqual([
      '9999999999.1234567890123456789012345678',
      '9999999999.1234567890123456789012345678',
    ]);
  });

  test('an empty ListCost or ContractedCost counts as zero, an empty quantity stays empty', async ({ database }) => {
    const line = billLine({ ListCost: 'NULL', ContractedCost: '', ConsumedQuantity: '(null)' });
    const [charge] = await chargesOf(database, 'bill.csv', csvOf([line]));
    expect(charge).toMatchObject({ list: '0', quantity: null });
  });

  test('quantities of many digits', async ({ database }) => {
    const quantities = ['123456789012.5', '0.000000000000000000001', '5E3'];
    const lines = quantities.map((ConsumedQuantity) => billLine({ ConsumedQuantity }));
    const [charge] = await chargesOf(database, 'bill.csv', csvOf(lines));
    expect(charge?.quantity).toBe('123456794012.500000000000000000001');
  });
});

describe('files', () => {
  test('of several gzip members are read to the end', async ({ database }) => {
    const [header, ...records] = csvOf([
      billLine({ BilledCost: '1' }),
      billLine({ BilledCost: '2' }),
      billLine({ BilledCost: '4' }),
    ])
      .trimEnd()
      .split('\n');
    const members = [`${header}\n${records[0]}\n`, `${records[1]}\n`, `${records[2]}\n`].map((text) => gzipSync(text));
    const [charge] = await chargesOf(database, 'bill.csv.gz', Buffer.concat(members));
    expect(charge).toMatchObject({ billed: '7', lines: 3 });
  });

  test('with a byte order mark, Windows line ends, blank lines, semicolons or tabs', async ({ database }) => {
    const lines = [billLine({ BilledCost: '1' }), billLine({ BilledCost: '2' })];
    const variants = [
      `\ufeff${csvOf(lines)}`,
      csvOf(lines).replaceAll('\n', '\r\n'),
      csvOf(lines).replaceAll('\n', '\n\n'),
      csvOf(lines, ';'),
      csvOf(lines, '\t'),
    ];
    for (const [index, content] of variants.entries()) {
      const [charge] = await chargesOf(database, `variant-${index}.csv`, content);
      expect(charge, `variant ${index}`).toMatchObject({ billed: '3', lines: 2 });
    }
  });

  test('with columns that are none of FOCUS, twice, nameless, or in other case', async ({ database }) => {
    const content = csvOf([billLine({ SkuPriceid: 'p', Id: '1', ID: '2', x_Extra: 'x', '': 'nameless' })]).replace(
      'ServiceName',
      'service_name',
    );
    const [charge] = await chargesOf(database, 'bill.csv', content);
    expect(charge).toMatchObject({ billed: '1.5', service_name: 'Compute' });
  });

  test('of FOCUS 1.4 name their provider ServiceProviderName', async ({ database }) => {
    const { ProviderName, ...line } = billLine();
    const [charge] = await chargesOf(
      database,
      'bill.csv',
      csvOf([{ ...line, ServiceProviderName: ProviderName ?? '' }]),
    );
    expect(charge).toMatchObject({ provider_name: 'AWS' });
  });
});

describe('texts', () => {
  test('spell nothing in four ways, and keep leading zeros', async ({ database }) => {
    const nothings = ['', 'NULL', 'null', '(null)'];
    const charges = await chargesOf(
      database,
      'bill.csv',
      csvOf(nothings.map((ResourceId) => billLine({ ResourceId }))),
    );
    expect(new Set(charges.map((charge) => charge['id'])).size).toBe(1);
    expect(charges[0]).toMatchObject({ resource_id: null, billing_account_id: '0012' });
  });
});

describe('instants', () => {
  test('are read in every unambiguous spelling', async ({ database }) => {
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
    const charges = await chargesOf(database, 'bill.csv', csvOf(lines));
    const dates = new Map(charges.map((charge) => [charge['sku_id'], charge.charge_date]));
    expect(Object.values(spellings)).toEqual(lines.map((line) => dates.get(line['SkuId'])));
  });

  test('with the month first where the file proves it', async ({ database }) => {
    const line = {
      BillingPeriodStart: '09/01/2023',
      BillingPeriodEnd: '10/01/2023',
      ChargePeriodStart: '09/21/2023',
      ChargePeriodEnd: '09/22/2023',
    };
    expect((await chargesOf(database, 'us.csv', csvOf([billLine(line)])))[0]?.charge_date).toBe('2023-09-21');
    // Nothing is above 12, but only with the month first is 4/1/25 to 5/1/25 a billing period.
    const short = {
      BillingPeriodStart: '4/1/25',
      BillingPeriodEnd: '5/1/25',
      ChargePeriodStart: '4/2/25 1:00 PM',
      ChargePeriodEnd: '4/2/25 2:00 PM',
    };
    expect((await chargesOf(database, 'short.csv', csvOf([billLine(short)])))[0]?.charge_date).toBe('2025-04-02');
  });
});

describe('tags', () => {
  const tagsOf = async (database: TestDatabase, Tags: string) => {
    const [charge] = await chargesOf(database, 'tags.csv', csvOf([billLine({ Tags })]));
    return { tags: charge?.['tags'], folded: charge?.['folded_tags'] };
  };

  test('keep their spelling; folded they are trimmed, in lower case, the first that has a value', async ({
    database,
  }) => {
    expect(await tagsOf(database, '{" App ": "", "APP": "two", "app": "one", "Env": null, "env ": "prod"}')).toEqual({
      tags: { ' App ': '', APP: 'two', app: 'one', Env: null, 'env ': 'prod' },
      folded: { app: 'two', env: 'prod' },
    });
  });

  test('without braces, as pairs, with numbers and booleans, or none at all', async ({ database }) => {
    expect((await tagsOf(database, '"env": "prod","team": "a"')).tags).toEqual({ env: 'prod', team: 'a' });
    expect((await tagsOf(database, '[{"key": "env", "value": "prod"}]')).tags).toEqual({ env: 'prod' });
    expect((await tagsOf(database, '{"id": 12345678901234567890, "on": true}')).tags).toEqual({
      id: '12345678901234567890',
      on: 'true',
    });
    expect((await tagsOf(database, 'NULL')).tags).toEqual({});
  });

  test('in Parquet as MAP, STRUCT, LIST or JSON are the same origin', async ({ database }) => {
    const forms = {
      map: `map {'pod': 'checkout', 'env': null}`,
      struct: `{'env': null::varchar, 'pod': 'checkout'}`,
      list: `[{'key': 'pod', 'value': 'checkout'}, {'key': 'env', 'value': null}]`,
      json: `'{"pod": "checkout", "env": null}'::json`,
    };
    const ids = new Set<unknown>();
    for (const [name, form] of Object.entries(forms)) {
      const [charge] = await chargesOfFile(
        database,
        await writeParquet(`tags-${name}.parquet`, parquetLine('1', `, ${form} as Tags`)),
      );
      expect(charge?.['tags'], name).toEqual({ pod: 'checkout', env: null });
      ids.add(charge?.['id']);
    }
    expect(ids.size).toBe(1);
  });

  test('may be missing', async ({ database }) => {
    const { Tags: _tags, ...line } = billLine();
    expect((await chargesOf(database, 'bill.csv', csvOf([line])))[0]?.['tags']).toEqual({});
  });
});

test('hours of a day under one SKU become one charge; a line outside its billing period keeps its date', async ({
  database,
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
  const charges = await chargesOf(database, 'bill.csv', csvOf([...hours, late]));
  expect(charges.map(({ charge_date, billed, lines }) => ({ charge_date, billed, lines }))).toEqual([
    { charge_date: '2026-08-31', billed: '1.5', lines: 1 },
    { charge_date: '2026-09-14', billed: '2.4', lines: 24 },
  ]);
});

test('lines lead back to file and record', async ({ database }) => {
  const lines: BillLine[] = [
    billLine({ ResourceId: 'vm-9' }),
    billLine(),
    billLine({ ResourceId: 'vm-9', Tags: '{"pod":"checkout"}' }),
  ];
  const path = await writeBill(folder.path, 'lines.csv', csvOf(lines));
  const sourceId = 'lines';
  await database.pool.query(`insert into source (id, kind) values ('lines', 'focus-files')`);
  const [load] = await stage(database, folder.path, [path], { sourceId });
  const { rows } = await database.pool.query<{ id: string }>(
    `select id from origin join charge_${load?.loadId} on origin_id = id where resource_id = 'vm-9'`,
  );
  const found = await readArchivedLines(database.db, {
    wanted: [
      {
        loadId: load?.loadId ?? '',
        originId: rows[0]?.id ?? '',
        dates: { start: '2026-09-14', end: '2026-09-15' },
      },
    ],
    limit: 10,
    workDir: join(folder.path, 'work'),
  });
  expect(found.map(({ file, record }) => ({ file, record }))).toEqual([
    { file: 'lines.csv', record: 1 },
    { file: 'lines.csv', record: 3 },
  ]);
  expect(found[0]?.columns).toMatchObject({
    BilledCost: '1.5',
    ResourceId: 'vm-9',
    ChargePeriodStart: '2026-09-14T00:00:00Z',
  });
});

describe.runIf(isAvailable('bills'))("FOCUS's own commitment examples", () => {
  const FILES: Record<string, { billed: string; effective: string }> = {
    commitment_discount_purchase_scenario_1: { billed: '8760', effective: '0' },
    commitment_discount_purchase_scenario_2: { billed: '3', effective: '0' },
    commitment_discount_purchase_scenario_3: { billed: '4381.5', effective: '0' },
    commitment_discount_usage_scenario_1: { billed: '0', effective: '1' },
    commitment_discount_usage_scenario_2: { billed: '0', effective: '1' },
    commitment_discount_usage_scenario_3: { billed: '0', effective: '1' },
    commitment_discount_usage_scenario_4: { billed: '0.5', effective: '1.5' },
    one_hundred_percent_utilization_with_commitment_discount_flexibility_with_1_resource: {
      billed: '2.75',
      effective: '2.75',
    },
    one_hundred_percent_utilization_with_commitment_discount_flexibility_with_2_resources: {
      billed: '2',
      effective: '2',
    },
    one_hundred_percent_utilization_without_commitment_discount_flexibility: { billed: '1.5', effective: '1.5' },
    zero_percent_utilization_without_commitment_discount_flexibility: { billed: '3.5', effective: '3.5' },
  };

  test('load with their known sums, the columns they lack added', async ({ database }) => {
    const missing = { BillingCurrency: 'USD', BillingAccountId: 'a1', ProviderName: 'Example', ServiceName: 'Compute' };
    const sums: Record<string, { billed: string; effective: string }> = {};
    for (const name of Object.keys(FILES)) {
      const [header, ...records] = (
        await readFile(join(realBills(), 'focus-spec-commitments', `${name}.csv`), 'utf8')
      ).split(/\r?\n/);
      const costs = ['ListCost', 'ContractedCost'].filter((column) => header?.split(',').includes(column) === false);
      const added = [...Object.keys(missing), ...costs].join(',');
      const values = [...Object.values(missing), ...costs.map(() => '0')].join(',');
      const path = join(folder.path, `${name}.csv`);
      await appendFile(
        path,
        [
          `${header},${added}`,
          ...records.map((record) => (record.trim() === '' ? record : `${record},${values}`)),
        ].join('\n'),
      );
      const charges = await chargesOfFile(database, path);
      const { rows } = await database.pool.query(
        'select trim_scale(sum(billed))::text as billed, trim_scale(sum(effective))::text as effective from unnest($1::numeric[], $2::numeric[]) as charge (billed, effective)',
        [charges.map((charge) => charge.billed), charges.map((charge) => charge.effective)],
      );
      sums[name] = rows[0];
    }
    expect(sums).toEqual(FILES);
  }, 120_000);
});

test('the archive of a delivered Parquet file is the file itself', async () => {
  const path = await writeParquet('kept.parquet', parquetLine('1'));
  const file = await inspect(folder.path, path);
  expect(await readFile(file.archivePath)).toEqual(await readFile(path));
  expect(file).toMatchObject({
    format: 'parquet',
    rowCount: 1,
    focusVersion: '1.0',
    periods: [{ start: '2026-09-01', end: '2026-10-01', rowCount: 1 }],
  });
});

test('half-written files of killed inspections leave the archive after a day', async () => {
  const archive = join(folder.path, 'archive');
  await mkdir(archive, { recursive: true });
  const [old, young] = [join(archive, 'old.part'), join(archive, 'young.part')];
  for (const path of [old, young]) await appendFile(path, 'half');
  const twoDaysAgo = (await stat(young)).mtimeMs / 1000 - 2 * 86_400;
  await utimes(old, twoDaysAgo, twoDaysAgo);
  await inspect(folder.path, await writeBill(folder.path, 'sweep.csv', csvOf([billLine()])));
  expect((await readdir(archive)).filter((name) => name.endsWith('.part'))).toEqual(['young.part']);
});

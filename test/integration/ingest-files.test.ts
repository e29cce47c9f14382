/** The files that bills come in: how they are read, what they may lack, what is archived of them, and the way back to a line. */
import { appendFile, mkdir, readdir, readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { readArchivedLines } from '../../services/billing/archive-lines.ts';
import { type BillLine, billLine, csvOf, inspect, stage, writeBill } from '../support/billing.ts';
import { parquetLine, test } from '../support/bill-charges.ts';
import { isAvailable, realBills } from '../support/requirements.ts';

describe('files', () => {
  test('of several gzip members are read to the end', async ({ bills: { chargesOf } }) => {
    const [header, ...records] = csvOf([
      billLine({ BilledCost: '1' }),
      billLine({ BilledCost: '2' }),
      billLine({ BilledCost: '4' }),
    ])
      .trimEnd()
      .split('\n');
    const members = [`${header}\n${records[0]}\n`, `${records[1]}\n`, `${records[2]}\n`].map((text) => gzipSync(text));
    const [charge] = await chargesOf('bill.csv.gz', Buffer.concat(members));
    expect(charge).toMatchObject({ billed: '7', lines: 3 });
  });

  test('with a byte order mark, Windows line ends, blank lines, semicolons or tabs', async ({
    bills: { chargesOf },
  }) => {
    const lines = [billLine({ BilledCost: '1' }), billLine({ BilledCost: '2' })];
    const variants = [
      `\ufeff${csvOf(lines)}`,
      csvOf(lines).replaceAll('\n', '\r\n'),
      csvOf(lines).replaceAll('\n', '\n\n'),
      csvOf(lines, ';'),
      csvOf(lines, '\t'),
    ];
    for (const [index, content] of variants.entries()) {
      const [charge] = await chargesOf(`variant-${index}.csv`, content);
      expect(charge, `variant ${index}`).toMatchObject({ billed: '3', lines: 2 });
    }
  });

  test('with columns that are none of FOCUS, twice, nameless, or in other case', async ({ bills: { chargesOf } }) => {
    const content = csvOf([billLine({ SkuPriceid: 'p', Id: '1', ID: '2', x_Extra: 'x', '': 'nameless' })]).replace(
      'ServiceName',
      'service_name',
    );
    const [charge] = await chargesOf('bill.csv', content);
    expect(charge).toMatchObject({ billed: '1.5', service_name: 'Compute' });
  });

  test('of FOCUS 1.4 name their provider ServiceProviderName', async ({ bills: { chargesOf } }) => {
    const { ProviderName, ...line } = billLine();
    const [charge] = await chargesOf('bill.csv', csvOf([{ ...line, ServiceProviderName: ProviderName ?? '' }]));
    expect(charge).toMatchObject({ provider_name: 'AWS' });
  });
});

test('lines lead back to file and record', async ({ database, bills: { folder } }) => {
  const lines: BillLine[] = [
    billLine({ ResourceId: 'vm-9' }),
    billLine(),
    billLine({ ResourceId: 'vm-9', Tags: '{"pod":"checkout"}' }),
  ];
  const path = await writeBill(folder, 'lines.csv', csvOf(lines));
  const sourceId = 'lines';
  await database.pool.query(`insert into source (id, kind) values ('lines', 'focus-files')`);
  const [load] = await stage(database, folder, [path], { sourceId });
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
    workDir: join(folder, 'work'),
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

test('the archive of a delivered Parquet file is the file itself', async ({ bills: { folder, writeParquet } }) => {
  const path = await writeParquet('kept.parquet', parquetLine('1'));
  const file = await inspect(folder, path);
  expect(await readFile(file.archivePath)).toEqual(await readFile(path));
  expect(file).toMatchObject({
    format: 'parquet',
    rowCount: 1,
    focusVersion: '1.0',
    periods: [{ start: '2026-09-01', end: '2026-10-01', rowCount: 1 }],
  });
});

test('half-written files of killed inspections leave the archive after a day', async ({ bills: { folder } }) => {
  const archive = join(folder, 'archive');
  await mkdir(archive, { recursive: true });
  const [old, young] = [join(archive, 'old.part'), join(archive, 'young.part')];
  for (const path of [old, young]) await appendFile(path, 'half');
  const twoDaysAgo = (await stat(young)).mtimeMs / 1000 - 2 * 86_400;
  await utimes(old, twoDaysAgo, twoDaysAgo);
  await inspect(folder, await writeBill(folder, 'sweep.csv', csvOf([billLine()])));
  expect((await readdir(archive)).filter((name) => name.endsWith('.part'))).toEqual(['young.part']);
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

  test('load with their known sums, the columns they lack added', async ({
    database,
    bills: { folder, chargesOfFile },
  }) => {
    const missing = { BillingCurrency: 'USD', BillingAccountId: 'a1', ProviderName: 'Example', ServiceName: 'Compute' };
    const sums: Record<string, { billed: string; effective: string }> = {};
    for (const name of Object.keys(FILES)) {
      const [header, ...records] = (
        await readFile(join(realBills(), 'focus-spec-commitments', `${name}.csv`), 'utf8')
      ).split(/\r?\n/);
      const costs = ['ListCost', 'ContractedCost'].filter((column) => header?.split(',').includes(column) === false);
      const added = [...Object.keys(missing), ...costs].join(',');
      const values = [...Object.values(missing), ...costs.map(() => '0')].join(',');
      const path = join(folder, `${name}.csv`);
      await appendFile(
        path,
        [
          `${header},${added}`,
          ...records.map((record) => (record.trim() === '' ? record : `${record},${values}`)),
        ].join('\n'),
      );
      const charges = await chargesOfFile(path);
      const { rows } = await database.pool.query(
        'select trim_scale(sum(billed))::text as billed, trim_scale(sum(effective))::text as effective from unnest($1::numeric[], $2::numeric[]) as charge (billed, effective)',
        [charges.map((charge) => charge.billed), charges.map((charge) => charge.effective)],
      );
      sums[name] = rows[0];
    }
    expect(sums).toEqual(FILES);
  }, 120_000);
});

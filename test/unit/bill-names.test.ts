/** What the names of files tell where no manifest does: bills, what is being written, billing periods, the newest delivery of each. */
import { describe, expect, test } from 'vitest';
import { findBills } from '../../connectors/bill-places/bill-names.ts';
import type { PlacedFile } from '../../connectors/bill-places/bill-place.ts';
import { openBillPlace } from '../../connectors/bill-places/open-bill-place.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';

const NOW = new Date('2026-10-06T08:00:00Z');
const HOUR_MS = 3_600_000;

function file(name: string, hoursAgo = 2, sizeBytes = 10): PlacedFile {
  return { key: name, name, version: '1', sizeBytes, modifiedAt: new Date(NOW.getTime() - hoursAgo * HOUR_MS) };
}

function found(...files: (PlacedFile | string)[]) {
  const { bills, waiting } = findBills(
    files.map((one) => (typeof one === 'string' ? file(one) : one)),
    NOW,
  );
  return {
    names: bills.map((bill) => bill.file.name),
    periods: bills.map(({ period }) => period?.start ?? null),
    waiting,
  };
}

test('bills are known by their ending; what programs keep beside them is none', () => {
  const { names } = found(
    'a.csv',
    'B.CSV.GZ',
    'deep/c.parquet',
    'readme.md',
    '.hidden.csv',
    '.trash/d.csv',
    '_spark_metadata/e.parquet',
    '_SUCCESS',
  );
  expect(names).toEqual(['a.csv', 'B.CSV.GZ', 'deep/c.parquet']);
});

describe('what is being written', () => {
  test.each(['a.csv.tmp', 'a.csv.gz.part', 'a.parquet._COPYING_', 'a.csv.filepart', '_temporary/0/task/a.parquet'])(
    '%s is not read, and told for a day',
    (name) => {
      expect(found(name)).toMatchObject({ names: [], waiting: [`${name} is still being written`] });
      expect(found(file(name, 25))).toMatchObject({ names: [], waiting: [] });
    },
  );

  test('an empty file holds up no other', () => {
    const { names, waiting } = found(file('a.csv', 1, 0), 'b.csv');
    expect(names).toEqual(['b.csv']);
    expect(waiting).toEqual(['a.csv holds nothing yet (0 bytes)']);
  });

  test('files of a job of Databricks wait for its commit', () => {
    const part = 'out/part-0-tid-77-x.parquet';
    expect(found(part, 'out/_started_77')).toMatchObject({ names: [], waiting: [`${part} is not committed yet`] });
    expect(found(part, 'out/_started_77', 'out/_committed_77').names).toEqual([part]);
  });
});

describe('billing periods', () => {
  test.each([
    ['BILLING_PERIOD=2026-09/a.csv', '2026-09-01'],
    ['x/billing_period=2026-09-01/y/a.csv', '2026-09-01'],
    ['BillingPeriodStart=2026-09-01T00:00:00Z/a.csv', '2026-09-01'],
    ['2026-09/a.csv', null],
    ['BILLING_PERIOD=2026-13/a.csv', null],
  ])('%s: %s', (name, start) => {
    expect(found(name).periods).toEqual([start]);
  });

  test('of several deliveries of one the newest counts, whose parts are all of one folder', () => {
    const folder = 'BILLING_PERIOD=2026-09';
    const { names } = found(
      file(`${folder}/2026-10-05T00:00:00.000Z-aa/1.csv`, 30),
      file(`${folder}/2026-10-06T00:00:00.000Z-bb/1.csv`, 7),
      file(`${folder}/2026-10-06T00:00:00.000Z-bb/2.csv`, 6),
      file('BILLING_PERIOD=2026-08/team-a/1.csv', 90),
      file('BILLING_PERIOD=2026-08/team-b/1.csv', 80),
    );
    expect(names).toEqual([
      `${folder}/2026-10-06T00:00:00.000Z-bb/1.csv`,
      `${folder}/2026-10-06T00:00:00.000Z-bb/2.csv`,
      'BILLING_PERIOD=2026-08/team-a/1.csv',
      'BILLING_PERIOD=2026-08/team-b/1.csv',
    ]);
  });

  test('a delivery that was written to just now waits, and the one before stands', () => {
    const [before, after] = ['20261005000000', '20261006000000'].map((id) => `BILLING_PERIOD=2026-09/${id}/`);
    const { names, waiting } = found(file(`${before}1.csv`, 24), file(`${after}1.csv`, 0.1));
    expect(names).toEqual([`${before}1.csv`]);
    expect(waiting).toEqual([`${after} was written to just now`]);
  });
});

test.each([
  ['Delta', '_delta_log/00000000000000000000.json'],
  ['Iceberg', 'metadata/00001-x.metadata.json'],
])('the folder of a %s table is refused: it holds files that are no longer part of it', (kind, name) => {
  expect(() => found('part-0.parquet', name)).toThrow(`${kind} table`);
});

test.each([
  ['', 'has no folder'],
  ['ftp://server/bills', 'of no storage this version reads'],
  ['https://example.com/bills', 'no address in Azure Blob Storage'],
  ['https://acct.blob.core.windows.net/c/p?sig=secret', 'carries a query'],
])('the path "%s" is refused with what to write, and no secret of it is told', async (path, message) => {
  const opening = openBillPlace(connectedSource('focus-files', { path }), connectionContext(NOW.toISOString()));
  const failure = await opening.catch((error: unknown) => error as Error);
  expect(failure).toMatchObject({ code: 'invalid_input', message: expect.stringContaining(message) });
  expect((failure as Error).message).not.toContain('secret');
});

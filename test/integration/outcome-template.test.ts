/**
 * From the template to stored outcomes and back: the workbook has every column of the import with what it takes, its example is refused until it
 * is replaced, and what is filled in comes in over HTTP as its cells show it, with faults by row and letter.
 */
import { strFromU8, unzipSync } from 'fflate';
import { describe, expect } from 'vitest';
import { templateColumns } from '../../services/outcomes/sheets/outcome-template.ts';
import { OUTCOME_LAYOUT } from '../../services/outcomes/sheets/read-outcome-sheet.ts';
import { readXlsx } from '../../services/sheets/read-xlsx.ts';
import { figures } from '../../services/sheets/report-table.ts';
import { XLSX_TYPE, xlsxOf } from '../../services/sheets/xlsx-workbook.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

async function template(api: TestApi, accept: string) {
  const headers = { ...(await api.authorise('reader')), accept };
  return api.app.inject({ url: '/api/v1/outcomes/template', headers });
}

async function send(api: TestApi, payload: Buffer, query = 'workbook=q3') {
  const headers = { ...(await api.authorise('finance')), 'content-type': XLSX_TYPE };
  return api.app.inject({ method: 'POST', url: `/api/v1/outcomes/import?${query}`, headers, payload });
}

describe('the template', () => {
  test('has exactly the columns that the import reads, each with a note, as JSON, CSV and workbook', async ({
    api,
  }) => {
    const columns = templateColumns();
    const read = [...OUTCOME_LAYOUT.required, ...OUTCOME_LAYOUT.optional];
    expect(columns.map((one) => one.column).toSorted()).toEqual(read.toSorted());
    expect((await template(api, 'application/json')).json()).toEqual({ columns });
    const csv = (await template(api, 'text/csv')).body.split('\r\n');
    expect(csv[0]).toBe(columns.map((one) => one.column).join(','));
    const workbook = await template(api, XLSX_TYPE);
    expect(workbook.headers['content-disposition']).toBe('attachment; filename="outcomes.xlsx"');
    expect(readXlsx('t.xlsx', workbook.rawPayload).rows[0]?.cells).toEqual(columns.map((one) => one.column));
    expect(readXlsx('t.xlsx', workbook.rawPayload, 'columns').rows).toHaveLength(columns.length + 1);
    const sheet = strFromU8(unzipSync(workbook.rawPayload)['xl/worksheets/sheet1.xml'] ?? new Uint8Array());
    expect(sheet).toContain('<formula1>pods!$A$2:$A$3</formula1>');
    expect(sheet).toContain('<formula1>&quot;gross,margin&quot;</formula1>');
    expect(sheet.match(/<dataValidation /g)).toHaveLength(columns.length);
  });

  test('is refused with its example, and taken once the example has an id of its own, from CSV and workbook alike', async ({
    api,
  }) => {
    const workbook = (await template(api, XLSX_TYPE)).rawPayload;
    expect((await send(api, workbook)).json()).toMatchObject({
      code: 'invalid_outcomes',
      faults: [{ line: 2, column: 'source_row_id (A)', reason: 'the row is the example of the template' }],
    });
    const { rows } = readXlsx('t.xlsx', workbook);
    const [head = { cells: [] }, example = { cells: [] }] = rows;
    const filled = await xlsxOf({ name: 'outcomes', head: head.cells, rows: [['PAY-7', ...example.cells.slice(1)]] });
    expect((await send(api, filled, 'workbook=t&dryRun=true')).json()).toMatchObject({ created: 1, dryRun: true });
    const headers = { ...(await api.authorise('finance')), 'content-type': 'text/csv' };
    const payload = (await template(api, 'text/csv')).body.replace('EXAMPLE', 'PAY-7');
    const url = '/api/v1/outcomes/import?workbook=t';
    expect((await api.app.inject({ method: 'POST', url, headers, payload })).json()).toMatchObject({ created: 1 });
    expect((await send(api, filled, 'workbook=t')).json()).toMatchObject({ unchanged: 1 });
  });
});

const HEAD = ['source_row_id', 'pod', 'title', 'delivered_on', 'basis', 'amount', 'currency', 'owner_email'];

describe('a workbook of outcomes', () => {
  test('comes in with its dates and figures as they show, and is found again the second time', async ({ api }) => {
    const row = [
      '17',
      'checkout',
      '=1+1',
      ...figures('2026-09-11'),
      'cost_reduction',
      ...figures('10.1'),
      'USD',
      'val@example.com',
    ];
    const sheet = await xlsxOf(
      { name: 'notes', head: ['a'], rows: [] },
      { name: 'September', head: HEAD, rows: [row] },
    );
    const imported = await send(api, sheet, 'workbook=w&sheet=september');
    expect(imported.json()).toMatchObject({ created: 1 });
    expect((await send(api, sheet, 'workbook=w&sheet=september')).json()).toMatchObject({ unchanged: 1 });
    const headers = await api.authorise('finance');
    const listed = await api.app.inject({ url: '/api/v1/outcomes?limit=1', headers });
    expect(listed.json()).toMatchObject([
      { title: '=1+1', amount: '10.1', deliveredOn: '2026-09-11', sourceRowId: '17' },
    ]);
  });

  test('with a bad cell is refused whole, by row and letter; what is no workbook or no sheet of it by what it is', async ({
    api,
  }) => {
    const row = [
      '18',
      'chekout',
      'Quicker',
      ...figures('2026-09-11'),
      'cost_reduction',
      'ten',
      'USD',
      'val@example.com',
    ];
    const bad = await send(api, await xlsxOf({ name: 'September', head: HEAD, rows: [row] }), 'workbook=bad');
    expect(bad.statusCode).toBe(422);
    expect(bad.json().faults.map((one: { line: number; column: string }) => `${one.line} ${one.column}`)).toEqual([
      '2 pod (B)',
      '2 amount (F)',
    ]);
    expect((await send(api, Buffer.from('a,b\n'), 'workbook=x')).statusCode).toBe(400);
    const [sheet] = [await xlsxOf({ name: 'September', head: HEAD, rows: [] })];
    expect((await send(api, sheet, 'workbook=x&sheet=October')).json().detail).toContain('It has "September"');
  });
});

/**
 * Invoices and journals as people reach them: HTTP and the command line give the same bytes, tables and CSV, keep the promised schema, and
 * ask who somebody is before anything is stated, exported or shown.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { TSchema } from 'typebox';
import Value from 'typebox/value';
import { describe, expect } from 'vitest';
import { BridgeView, InvoiceReportView, InvoiceView } from '../../api/schemas/invoices.ts';
import { JournalExportView } from '../../api/schemas/journals.ts';
import type { JournalExport } from '../../services/journal/journal.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { makeWorkplace, type Workplace } from '../support/command-line.ts';
import { test as base } from '../support/database.ts';
import { publishInvoicedBills } from '../support/invoiced-bills.ts';

const TIMEOUT = { timeout: 180_000 };
const SHEET = 'invoice_id,source,billing_period,currency,total\nINV-1,aws,2026-09,USD,118\n';

const test = base
  .extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
    await publishInvoicedBills(database.db);
    const api = await startTestApi(database);
    // The command line has the machine's clock; up to where a report is complete depends on it.
    api.clock.set(new Date().toISOString());
    onCleanup(() => api.close());
    return api;
  })
  .extend('workplace', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<Workplace> => {
    const workplace = await makeWorkplace({ DATABASE_URL: database.url });
    onCleanup(workplace.remove);
    return workplace;
  });

function readPage(api: TestApi, url: string, headers: Record<string, string>) {
  return api.app.inject({ url, headers });
}

async function printed(workplace: Workplace, ...command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await workplace.run(...command);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return stdout;
}

function findFaults(schema: TSchema, value: unknown): string[] {
  return Value.Errors(schema, value).map((error) => `${error.instancePath} ${error.message}`);
}

describe('invoices over HTTP', () => {
  test('are stated, changed and listed; the same number again is the next version', async ({ api }) => {
    const headers = await api.authorise('finance');
    const post = (payload: object) => api.app.inject({ method: 'POST', url: '/api/v1/invoices', headers, payload });
    const invoice = {
      invoiceId: 'B-1',
      source: 'aws',
      billingAccountId: '0022',
      billingPeriod: '2026-09',
      currency: 'USD',
      total: '50.00',
    };
    expect((await post(invoice)).statusCode).toBe(201);
    expect((await post({ ...invoice, total: '50' })).json()).toMatchObject({ change: 'unchanged', version: 1 });
    expect((await post({ ...invoice, total: '51' })).json()).toMatchObject({ change: 'changed', version: 2 });
    const listed = await api.app.inject({ url: '/api/v1/invoices?sourceId=aws&limit=1', headers });
    expect(listed.json()).toMatchObject([
      { invoiceId: 'B-1', total: '51', billingPeriod: '2026-09', statedBy: 'finance@example.com' },
    ]);
    expect(findFaults(InvoiceView, listed.json<unknown[]>()[0])).toEqual([]);
    const refused = await post({ ...invoice, source: 'awz' });
    expect(refused.statusCode).toBe(422);
    expect(refused.json()).toMatchObject({
      code: 'invalid_invoices',
      detail: 'The invoice was not taken: source: there is no source "awz". Did you mean "aws"?',
    });
    expect((await post({ ...invoice, total: 50 })).statusCode).toBe(400);
  });

  test('come as a sheet too, with pages to list them by', async ({ api }) => {
    const headers = { ...(await api.authorise('operator')), 'content-type': 'text/csv' };
    const url = '/api/v1/invoices/import?fileName=september.csv';
    const imported = await api.app.inject({
      method: 'POST',
      url,
      headers,
      payload: `${SHEET}Z-1,azure,2026-09-15..2026-10-15,EUR,25\n`,
    });
    expect(imported.json()).toMatchObject({ rows: 2, created: 2, invoices: [{ line: 2 }, { line: 3 }] });
    const wrong = await api.app.inject({ method: 'POST', url, headers, payload: SHEET.replace('118', 'x') });
    expect(wrong.json<{ detail: string }>().detail).toContain(
      'september.csv line 2 (record 1), column total: "x" is not a number.',
    );
    const reader = await api.authorise('reader');
    const ids: string[] = [];
    for (let next: string | undefined = '/api/v1/invoices?limit=1'; next !== undefined; ) {
      const { headers: answered, body } = await readPage(api, next, reader);
      ids.push(...(JSON.parse(body) as { invoiceId: string }[]).map(({ invoiceId }) => invoiceId));
      next = /<([^>]+)>/.exec(String(answered['link'] ?? ''))?.[1];
    }
    expect(ids).toEqual(['B-1', 'INV-1', 'Z-1']);
    expect((await api.app.inject({ url: '/api/v1/invoices?cursor=WyJ4Il0', headers: reader })).statusCode).toBe(400);
  });

  test('are closed to pods, and to pipelines that want to read', async ({ api }) => {
    for (const role of ['pod', 'ingest'] as const) {
      const headers = await api.authorise(role, role === 'pod' ? { pods: ['checkout'] } : {});
      for (const url of [
        '/api/v1/invoices',
        '/api/v1/reports/invoices?period=2026-09',
        '/api/v1/reports/bridge?period=2026-09',
        '/api/v1/journals',
      ]) {
        expect((await api.app.inject({ url, headers })).statusCode, `${role} ${url}`).toBe(403);
      }
    }
    const reader = await api.authorise('reader');
    for (const url of ['/api/v1/invoices', '/api/v1/journals']) {
      expect((await api.app.inject({ method: 'POST', url, headers: reader, payload: {} })).statusCode, url).toBe(403);
    }
  });
});

describe('the command line and HTTP', () => {
  test(
    'give the same bytes of the invoice report and the bridge, as JSON and CSV',
    TIMEOUT,
    async ({ api, workplace }) => {
      await writeFile(join(workplace.folder, 'invoices.csv'), SHEET);
      expect(await workplace.json('invoices', 'import', 'invoices.csv', '--dry-run')).toMatchObject({
        dryRun: true,
        rows: 1,
      });
      const headers = await api.authorise('cio');
      for (const [name, schema] of [
        ['invoices', InvoiceReportView],
        ['bridge', BridgeView],
      ] as const) {
        const url = `/api/v1/reports/${name}?period=2026-09`;
        const answer = await api.app.inject({ url, headers });
        expect(findFaults(schema, answer.json()), name).toEqual([]);
        const command = ['report', name, '--period', '2026-09'];
        expect(await printed(workplace, ...command, '--json'), name).toBe(answer.body);
      }
      const csv = await api.app.inject({
        url: '/api/v1/reports/invoices?period=2026-09',
        headers: { ...headers, accept: 'text/csv' },
      });
      expect(csv.body).toContain('aws,2026-09,0011,USD,INV-1,invoiceId,4,113.004,118,4.996,0.01,explained,');
      expect(await printed(workplace, 'report', 'invoices', '--period', '2026-09', '--format', 'csv')).toBe(csv.body);
      const table = await printed(workplace, 'report', 'bridge', '--period', '2026-09');
      expect(table).toContain('AWS, USD');
      expect(table).toMatch(/purchases of commitments +-1,200\.00/);
      expect(table).toMatch(/EffectiveCost in the reports of 2026-09 +1,365\.00/);
      const invoices = await printed(workplace, 'report', 'invoices', '--period', '2026-09');
      expect(invoices).toContain(
        'INV-1: 5 USD. Charges of the same account that carry no invoice id yet make up this amount.',
      );
    },
  );

  test(
    'give the same bytes of a journal; an open month is charged back by neither without a reason',
    TIMEOUT,
    async ({ api, database, workplace }) => {
      await sql`update organisation set journal_clearing_account = '199000'`.execute(database.db);
      const headers = await api.authorise('finance');
      const post = (payload: object) => api.app.inject({ method: 'POST', url: '/api/v1/journals', headers, payload });
      const refused = await post({ period: '2026-09', purpose: 'chargeback' });
      expect(refused.statusCode).toBe(409);
      expect((await workplace.run('export', 'journal', '--period', '2026-09')).stderr).toContain(
        '2026-09 is open: its cost still moves.',
      );
      const exported = await post({ period: '2026-09', purpose: 'showback' });
      expect(findFaults(JournalExportView, exported.json())).toEqual([]);
      const [journal] = exported.json<JournalExport>().journals;
      expect(journal?.lines.some((line) => line.account === '199000')).toBe(true);
      const url = `/api/v1/journals/${journal?.journalId}`;
      const read = await api.app.inject({ url, headers });
      const command = ['export', 'journal', '--period', '2026-09', '--purpose', 'showback'];
      expect(await printed(workplace, ...command, '--json')).toBe(read.body);
      const csv = await api.app.inject({ url, headers: { ...headers, accept: 'text/csv' } });
      expect(await printed(workplace, ...command, '--format', 'csv')).toBe(csv.body);
      expect(await printed(workplace, ...command)).toContain(
        'showback of 2026-09, preliminary (the month is open), EffectiveCost',
      );

      const forced = await post({ period: '2026-09', purpose: 'chargeback', forcedReason: 'year end' });
      const { journalId } = forced.json<JournalExport>().journals[0] ?? {};
      const reversal = await api.app.inject({
        method: 'POST',
        url: '/api/v1/journals/reversals',
        headers,
        payload: { of: `journal-${journalId}` },
      });
      expect(reversal.json()).toMatchObject({ journals: [{ reversesJournalId: journalId }] });
      expect(
        await printed(workplace, 'export', 'journal', '--reversal', `journal-${journalId}`, '--format', 'csv'),
      ).toContain('Reversal: Cloud cost 2026-09');
      const listed = await api.app.inject({ url: '/api/v1/journals?period=2026-09&limit=2', headers });
      expect(listed.json()).toMatchObject([{ reversesJournalId: journalId }, { journalId }]);
      expect(listed.headers['link']).toContain('rel="next"');
      expect((await api.app.inject({ url: '/api/v1/journals/999', headers })).statusCode).toBe(404);
    },
  );
});

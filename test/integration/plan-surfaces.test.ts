/**
 * Plans in money and reports as known at an instant, as people reach them: the command line and HTTP give the same bytes, a killed plan
 * leaves the database as it was, and nobody asks for what is not theirs.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Value from 'typebox/value';
import type { TSchema } from 'typebox';
import { describe, expect } from 'vitest';
import { ListedPlanView, PlanView, StoredPlanView } from '../../api/schemas/plans.ts';
import { BridgeView, InvoiceReportView } from '../../api/schemas/invoices.ts';
import { CostsReport, ReconciliationReport, ValuePerPodReport } from '../../api/schemas/reports.ts';
import { AdjustmentsReport } from '../../api/schemas/statements.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { makeWorkplace, type Workplace } from '../support/command-line.ts';
import { test as base } from '../support/database.ts';
import { performHere } from '../support/perform-here.ts';
import { publishBills } from '../support/published-bills.ts';
import { readWholeDatabase } from '../support/whole-database.ts';

const ORGANISATION = `organisation: Acme
fx: { files: [ecb.csv] }
pods: [{ id: checkout }, { id: search }]
rules:
  - { id: tag, when: { tag: { team: { exists: true } } }, podFromTag: team }
  - { id: blobs, when: { resourceId: blob-1 }, pod: search }
`;
const RATES = 'date,base,quote,rate\n2026-09-09,EUR,USD,1.15\n';

interface Surfaces {
  readonly api: TestApi;
  readonly workplace: Workplace;
}

const test = base.extend('surfaces', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<Surfaces> => {
  await publishBills(database.db);
  const api = await startTestApi(database);
  api.clock.set('2026-10-20T12:00:00Z');
  const workplace = await makeWorkplace({ DATABASE_URL: database.url });
  await writeFile(join(workplace.folder, 'outturn.yaml'), ORGANISATION);
  await writeFile(join(workplace.folder, 'ecb.csv'), RATES);
  onCleanup(async () => {
    await api.close();
    await workplace.remove();
  });
  return { api, workplace };
});

function findFaults(schema: TSchema, value: unknown): string[] {
  return Value.Errors(schema, value).map((error) => `${error.instancePath} ${error.message}`);
}

const BODY = { organisation: ORGANISATION, fxFiles: [{ name: 'ecb.csv', text: RATES }] };

describe('a plan', () => {
  test('has the same bytes over HTTP and at the command line, keeps its schema, and dies without a trace', async ({
    surfaces,
    database,
  }) => {
    const { api, workplace } = surfaces;
    const before = await readWholeDatabase(database.db);
    const headers = await api.authorise('finance');
    const withToken = await readWholeDatabase(database.db);
    const [printed, killed] = await Promise.all([
      workplace.run('plan', '--json'),
      workplace.runWith({ OUTTURN_FAULT: 'plan-before-rollback' }, 'plan'),
    ]);
    const answer = await api.app.inject({ method: 'POST', url: '/api/v1/plan', headers, payload: BODY });
    expect(printed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(answer.statusCode, answer.body).toBe(200);
    expect(answer.body).toBe(printed.stdout);
    expect(findFaults(PlanView, answer.json())).toEqual([]);
    expect(answer.json()).toMatchObject({ isFirst: true, money: { changedRates: 1, linesAffected: '4' } });
    expect(killed).toMatchObject({ exitCode: null, stdout: '' });
    expect(await readWholeDatabase(database.db)).toEqual(withToken);
    expect({ ...withToken, api_token: '', audit_event: '' }).toEqual({ ...before, api_token: '', audit_event: '' });
  });

  test('warns over HTTP of a split by a metric that has no quantities', async ({ surfaces: { api } }) => {
    const split =
      '  - { id: shared, when: { provider: X }, split: { method: usage, metric: requests, among: [search] } }\n';
    const payload = { ...BODY, organisation: `${ORGANISATION}${split}` };
    const headers = await api.authorise('finance');
    const answer = await api.app.inject({ method: 'POST', url: '/api/v1/plan', headers, payload });
    expect(findFaults(PlanView, answer.json())).toEqual([]);
    expect(answer.json()).toMatchObject({
      warnings: [expect.stringContaining('"requests", which has no quantities yet')],
    });
  });

  test('is for finance and operators, and a faulty file is refused with its line', async ({ surfaces }) => {
    const { api } = surfaces;
    const ask = async (role: 'reader' | 'operator', payload: object) =>
      api.app.inject({ method: 'POST', url: '/api/v1/plan', headers: await api.authorise(role), payload });
    expect((await ask('reader', BODY)).statusCode).toBe(403);
    const request = { method: 'POST', url: '/api/v1/plan', payload: BODY } as const;
    const headers = { ...(await api.authorise('operator')), 'idempotency-key': 'once' };
    const [first, again] = [
      await api.app.inject({ ...request, headers }),
      await api.app.inject({ ...request, headers }),
    ];
    expect([again.body, again.headers['idempotency-replayed']]).toEqual([first.body, 'true']);
    const faulty = await ask('operator', { organisation: `${ORGANISATION}ruls: []\n` });
    expect(faulty.statusCode).toBe(422);
    expect(faulty.json()).toMatchObject({ code: 'invalid_organisation', faults: [{ line: 7 }] });
    const rates = await ask('operator', { ...BODY, fxFiles: [{ name: 'ecb.csv', text: RATES.replace('1.15', '0') }] });
    expect(rates.json()).toMatchObject({
      code: 'invalid_input',
      faults: [{ file: 'ecb.csv', line: 2, column: 'rate' }],
    });
  });

  test('that was applied is listed and shown with who and when, alike at the command line and over HTTP', async ({
    surfaces,
  }) => {
    const { api, workplace } = surfaces;
    const applied = await workplace.run('apply');
    expect(applied).toMatchObject({ exitCode: 0 });
    expect(applied.stdout).toContain('What it moves, EffectiveCost:');
    const headers = await api.authorise('operator');
    const list = await api.app.inject({ url: '/api/v1/plans?limit=10', headers });
    expect(list.json()).toMatchObject([{ planId: '1', appliedBy: 'local operator', linesAffected: '4' }]);
    expect(findFaults(ListedPlanView, list.json()[0])).toEqual([]);
    const one = await api.app.inject({ url: '/api/v1/plans/1', headers });
    expect(findFaults(StoredPlanView, one.json())).toEqual([]);
    const [shown, listed] = await Promise.all([workplace.run('plans', '1', '--json'), workplace.json('plans')]);
    expect(one.body).toBe(shown.stdout);
    expect(listed).toEqual(list.json());
    expect((await api.app.inject({ url: '/api/v1/plans/99', headers })).json()).toMatchObject({ code: 'not_found' });
  });
});

describe('a report as known', () => {
  test('keeps its schema over HTTP, with the instant in it', async ({ surfaces }) => {
    const { api } = surfaces;
    const headers = await api.authorise('reader');
    const schemas: [string, TSchema][] = [
      ['value-per-pod', ValuePerPodReport],
      ['costs', CostsReport],
      ['reconciliation', ReconciliationReport],
      ['invoices', InvoiceReportView],
      ['bridge', BridgeView],
      ['adjustments', AdjustmentsReport],
    ];
    for (const [name, schema] of schemas) {
      const url = `/api/v1/reports/${name}?period=2026-09&asKnown=2026-10-04`;
      const answer = await api.app.inject({ url, headers });
      expect(answer.statusCode, `${name}: ${answer.body}`).toBe(200);
      expect(findFaults(schema, answer.json()), name).toEqual([]);
      expect(answer.json()).toMatchObject({ asKnown: '2026-10-04T23:59:59.999Z' });
    }
    const before = await api.app.inject({ url: '/api/v1/reports/costs?period=2026-09&asKnown=2026-10-02', headers });
    expect(before.json()).toMatchObject({ rows: [], rulebook: 0 });
  });

  test('has the same bytes at the command line, and says in its table when it was known', async ({
    surfaces,
    database,
  }) => {
    const { api } = surfaces;
    const settings = { DATABASE_URL: database.url };
    const headers = await api.authorise('finance');
    const options = ['--period', '2026-09', '--as-known', '2020-01-31'];
    for (const name of ['reconciliation', 'invoices', 'bridge', 'adjustments']) {
      const url = `/api/v1/reports/${name}?period=2026-09&asKnown=2020-01-31`;
      const document = await performHere(settings, 'report', name, ...options, '--json');
      expect(document.stdout).toBe((await api.app.inject({ url, headers })).body);
    }
    const table = await performHere(settings, 'report', 'reconciliation', ...options);
    expect(table.stdout).toContain('\nAs known at 2020-01-31T23:59:59.999Z.\n');
  });

  test('is refused to pods, and for what is no instant or lies ahead', async ({ surfaces }) => {
    const { api } = surfaces;
    const ask = async (role: 'pod' | 'finance', asKnown: string) =>
      api.app.inject({
        url: `/api/v1/reports/value-per-pod?period=2026-09&asKnown=${asKnown}`,
        headers: await api.authorise(role, role === 'pod' ? { pods: ['checkout'] } : {}),
      });
    expect((await ask('pod', '2026-10-04')).json()).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await ask('finance', '2026-10-21')).json()).toMatchObject({ status: 400, code: 'invalid_input' });
    expect((await ask('finance', '2026-02-30')).json()).toMatchObject({ status: 400, code: 'invalid_input' });
  });
});

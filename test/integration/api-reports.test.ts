/**
 * Reports over HTTP: the command line's bytes, the promised schema, CSV where it is asked for; and for a pod's token nothing of
 * another pod, whatever the query says.
 */
import Value from 'typebox/value';
import type { TSchema } from 'typebox';
import { describe, expect } from 'vitest';
import { CostsReport, ReconciliationReport, ValuePerPodReport } from '../../api/schemas/reports.ts';
import { costs } from '../../services/reports/costs.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { costsTable } from '../../services/reports/report-tables.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { SECRETS_OF_SEARCH, seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

function findFaults(schema: TSchema, value: unknown): string[] {
  return Value.Errors(schema, value).map((error) => `${error.instancePath} ${error.message}`);
}

describe('a report', () => {
  test('is the command line’s document, byte for byte, and keeps its schema', async ({ api, database }) => {
    const headers = await api.authorise('finance');
    const at = api.clock.now();
    const asked = { period: '2026-09', at };
    const reports: [string, unknown, TSchema][] = [
      ['value-per-pod?period=2026-09', await valuePerPod(database.db, asked), ValuePerPodReport],
      ['costs?period=2026-09', await costs(database.db, asked), CostsReport],
      [
        'costs?period=2026-09&currency=billing',
        await costs(database.db, { ...asked, currency: 'billing' }),
        CostsReport,
      ],
      [
        'costs?period=2026-09&by=pod,serviceName&by=day&where=pod=checkout&where=serviceName!=Network',
        await costs(database.db, {
          ...asked,
          by: ['pod', 'serviceName', 'day'],
          where: ['pod=checkout', 'serviceName!=Network'],
        }),
        CostsReport,
      ],
      ['reconciliation?period=2026-09', await reconciliation(database.db, asked), ReconciliationReport],
    ];
    for (const [query, expected, schema] of reports) {
      const answer = await api.app.inject({ url: `/api/v1/reports/${query}`, headers });
      expect(answer.statusCode, `${query}: ${answer.body}`).toBe(200);
      expect(answer.body, query).toBe(`${JSON.stringify(expected, null, 2)}\n`);
      expect(findFaults(schema, answer.json()), query).toEqual([]);
    }
  });

  test('has the figures of every pod for finance, and of its own for a pod', async ({ api }) => {
    const url = '/api/v1/reports/value-per-pod?period=2026-09';
    const whole = (await api.app.inject({ url, headers: await api.authorise('finance') })).json();
    expect(whole).toMatchObject({
      pods: [
        { podId: 'checkout', cost: { total: '110' } },
        { podId: 'search', cost: { total: '25555.47' } },
      ],
      unattributed: { cost: '5', claimed: '200' },
      total: { cost: '25670.47' },
    });
    const own = (await api.app.inject({ url, headers: await api.authorise('pod', { pods: ['checkout'] }) })).json();
    expect(own).toMatchObject({
      pods: [{ podId: 'checkout', cost: { direct: '100', shared: '10', total: '110' }, value: { claimed: '550' } }],
      unattributed: { cost: '0' },
      total: { cost: '110' },
    });
    expect(own.pods).toHaveLength(1);
  });

  test('is CSV where the Accept header prefers it', async ({ api, database }) => {
    const headers = await api.authorise('cio');
    const url = '/api/v1/reports/costs?period=2026-09';
    const csv = await api.app.inject({ url, headers: { ...headers, accept: 'text/csv' } });
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(csv.body).toBe(csvOf(costsTable(await costs(database.db, { period: '2026-09', at: api.clock.now() }))));
    for (const accept of ['*/*', 'application/json', 'application/json, text/csv;q=0.5', 'text/html']) {
      const json = await api.app.inject({ url, headers: { ...headers, accept } });
      expect(json.headers['content-type'], accept).toContain('application/json');
    }
  });

  test('with a parameter that is wrong or unknown is refused, saying what is right', async ({ api }) => {
    const headers = await api.authorise('finance');
    const refused: [string, number, string][] = [
      ['value-per-pod', 400, 'period'],
      ['value-per-pod?period=soon', 400, 'soon'],
      ['value-per-pod?period=September', 400, '2026-Q3'],
      ['value-per-pod?period=2026-09&metric=Cost', 400, 'BilledCost'],
      ['value-per-pod?period=2026-09&portfolio=none', 404, 'none'],
      ['value-per-pod?period=2026-09&podId=search', 400, 'podId'],
      ['costs?period=2026-09&by=pods', 400, 'pod'],
      ['costs?period=2026-09&where=pod', 400, 'filter'],
      ['value-per-pod?period=2026-09&currency=EUR', 409, 'EUR'],
    ];
    for (const [query, status, word] of refused) {
      const answer = await api.app.inject({ url: `/api/v1/reports/${query}`, headers });
      expect(answer.statusCode, `${query}: ${answer.body}`).toBe(status);
      expect(answer.json<{ detail: string }>().detail, query).toContain(word);
    }
  });
});

describe('a pod’s token', () => {
  /** Anything that somebody curious would try. */
  const ATTEMPTS = [
    '/api/v1/reports/value-per-pod?period=2026-09',
    '/api/v1/reports/value-per-pod?period=2026-Q3',
    '/api/v1/reports/value-per-pod?period=2026&metric=ListCost',
    '/api/v1/reports/costs?period=2026-09',
    '/api/v1/reports/costs?period=2026-09&by=pod,serviceName,rule,source,day,kind,provider,chargeCategory',
    '/api/v1/reports/costs?period=2026-09&where=pod=search',
    '/api/v1/reports/costs?period=2026-09&where=pod!=checkout',
    '/api/v1/reports/costs?period=2026-09&where=pod~*',
    '/api/v1/reports/costs?period=2026-09&by=serviceName&where=pod=',
    `/api/v1/reports/costs?period=2026-09&where=${encodeURIComponent("pod=x' or '1'='1")}`,
    '/api/v1/reports/costs?period=2026-09&by=pod&currency=billing',
    '/api/v1/reports/costs?period=2026-09&by=resourceId',
    '/api/v1/reports/costs?period=2026-09&by=tag.pod',
    '/api/v1/reports/costs?period=2026-09&by=portfolio',
    '/api/v1/reports/reconciliation?period=2026-09',
    '/api/v1/outcomes',
    '/api/v1/outcomes?podId=search',
    '/api/v1/outcomes?limit=1000&state=claimed',
    '/api/v1/envelopes',
    '/api/v1/envelopes?period=2026-09',
    '/api/v1/alerts',
    '/api/v1/alerts?state=pending',
    '/api/v1/pods',
    `/api/v1/pods?cursor=${Buffer.from('["checkout"]').toString('base64url')}`,
    '/api/v1/loads',
    '/api/v1/audit',
  ];

  test('never shows another pod’s cost, shares, outcomes, envelopes or alerts', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const statuses: number[] = [];
    for (const url of ATTEMPTS) {
      for (const accept of ['application/json', 'text/csv']) {
        const answer = await api.app.inject({ url, headers: { ...headers, accept } });
        statuses.push(answer.statusCode);
        expect([200, 403], `${url}: ${answer.body}`).toContain(answer.statusCode);
        for (const secret of SECRETS_OF_SEARCH) expect(answer.body, `${url} shows ${secret}`).not.toContain(secret);
        if (answer.statusCode === 200) expect(answer.body, url).not.toMatch(/"(podId|pod|id)": ?"search"/);
      }
    }
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(20);
  });

  test('the same questions show the secrets to finance, so that the test above can fail', async ({ api }) => {
    const headers = await api.authorise('finance');
    const bodies: string[] = [];
    for (const url of ATTEMPTS) bodies.push((await api.app.inject({ url, headers })).body);
    for (const secret of SECRETS_OF_SEARCH) expect(bodies.join(''), secret).toContain(secret);
  });

  test('sees its own envelope, alert, outcomes and pod', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const get = async (url: string) => (await api.app.inject({ url, headers })).json<object[]>();
    expect(await get('/api/v1/envelopes')).toMatchObject([{ scope: { kind: 'pod', id: 'checkout' }, actual: '100' }]);
    expect(await get('/api/v1/alerts')).toMatchObject([{ state: 'pending', limit: '200', rung: '1' }]);
    expect(await get('/api/v1/outcomes')).toMatchObject([
      { title: 'Found and paid', shares: [{ pod: 'checkout', basisPoints: 2_500 }], unattributedBasisPoints: 2_000 },
      { title: 'Paid faster' },
    ]);
    expect(await get('/api/v1/pods')).toMatchObject([{ podId: 'checkout' }]);
  });
});

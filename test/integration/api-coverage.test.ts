/** Coverage and tag hygiene over HTTP: the command line’s bytes, the promised schema, CSV, and nothing for those who see only a part. */
import Value from 'typebox/value';
import { expect } from 'vitest';
import { CoverageReport, TagHygieneReport } from '../../api/schemas/coverage.ts';
import { renderCoverage } from '../../cli/render/coverage.ts';
import { renderTagHygiene } from '../../cli/render/tag-hygiene.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { coverageTable, tagHygieneTable } from '../../services/reports/coverage-tables.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { tagHygiene } from '../../services/reports/tag-hygiene.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { publishBills } from '../support/published-bills.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await publishBills(database.db);
  const api = await startTestApi(database);
  api.clock.set('2026-11-20T00:00:00Z');
  onCleanup(() => api.close());
  return api;
});

const COVERAGE = '/api/v1/reports/coverage';
const HYGIENE = '/api/v1/reports/tag-hygiene';

test('both reports are the command line’s documents, byte for byte, and keep their schemas', async ({
  api,
  database,
}) => {
  const headers = await api.authorise('finance');
  const asked = { period: '2026-09', at: api.clock.now(), costMetric: 'BilledCost' };
  for (const [url, schema, read] of [
    [COVERAGE, CoverageReport, () => coverage(database.db, asked)],
    [HYGIENE, TagHygieneReport, () => tagHygiene(database.db, asked)],
  ] as const) {
    const answer = await api.app.inject({ url: `${url}?period=2026-09&metric=BilledCost`, headers });
    expect(answer.statusCode, answer.body).toBe(200);
    expect(answer.body).toBe(`${JSON.stringify(await read(), null, 2)}\n`);
    expect(Value.Errors(schema, answer.json()).map((error) => `${error.instancePath} ${error.message}`)).toEqual([]);
  }
});

test('both are CSV where the Accept header prefers it', async ({ api, database }) => {
  const headers = { ...(await api.authorise('reader')), accept: 'text/csv' };
  const asked = { period: '2026-09', at: api.clock.now() };
  const covered = await api.app.inject({ url: `${COVERAGE}?period=2026-09`, headers });
  expect(covered.body).toBe(csvOf(coverageTable(await coverage(database.db, asked))));
  expect(covered.body.split('\r\n')[0]).toContain('attributed_billedCost');
  const hygiene = await api.app.inject({ url: `${HYGIENE}?period=2026-09`, headers });
  expect(hygiene.body).toBe(csvOf(tagHygieneTable(await tagHygiene(database.db, asked))));
});

test('neither answers a pod’s token, an unknown parameter or a period that is none', async ({ api }) => {
  const pod = await api.authorise('pod', { pods: ['checkout'] });
  const finance = await api.authorise('finance');
  for (const url of [COVERAGE, HYGIENE]) {
    expect((await api.app.inject({ url: `${url}?period=2026-09`, headers: pod })).statusCode).toBe(403);
    expect((await api.app.inject({ url: `${url}?period=soon`, headers: finance })).statusCode).toBe(400);
    expect((await api.app.inject({ url: `${url}?period=2026-09&by=pod`, headers: finance })).statusCode).toBe(400);
  }
});

test('the tables fit the terminal and foot', async ({ api, database }) => {
  const asked = { period: '2026-09', at: api.clock.now() };
  expect(renderCoverage(await coverage(database.db, asked)).split('\n')).toEqual([
    'provider   account  month    attributed  unattributed    share',
    'AWS        –        2026-09      147.25          0.00  100.0 %',
    'Microsoft  –        2026-09        0.00         24.00    0.0 %',
    'total                            147.25         24.00   86.0 %',
    '',
    'unattributed because   cost  lines  origins',
    'no rule matches       24.00      1        1',
    '',
    'biggest origins  provider   what     cost  lines',
    expect.stringMatching(/^\d+ +Microsoft {2}blob-1 {2}24\.00 {6}1$/),
    '',
    'Rules that would catch it, each what those above it leave; for the end of the rules in outturn.yaml:',
    '  - { id: service-storage, when: { provider: Microsoft, serviceName: Storage }, pod: "<which?>" }   # 24.00 USD (100.0 %), 1 lines',
    '',
    '2026-09 as billed so far: EffectiveCost in USD, complete through 2026-09-30, rulebook 1.',
  ]);
  expect(renderTagHygiene(await tagHygiene(database.db, asked))).toBe(
    'No fault in the tags of 2026-09 that rules read.',
  );
});

/**
 * A whole installation in one process, as `outturn up` makes it in an empty folder: it serves, takes bills, stops, comes back, and
 * survives being killed. One story in the order a user lives it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listServerProcesses } from '../../db/embedded-processes.ts';
import { billLine, csvOf } from '../support/billing.ts';
import { listProcessesOf, makeWorkplace, type RunningCommand, type Workplace } from '../support/command-line.ts';

const TIMEOUT = { timeout: 120_000 };
const SOON = { timeout: 60_000, interval: 100 };
const STOP_MS = 10_000;
const ORGANISATION = `organisation: Acme
pods:
  - { id: checkout, name: Checkout }
rules:
  - { id: pod-tag, when: { tag: { pod: { exists: true } } }, podFromTag: pod }
sources:
  - { id: drop, kind: focus-files, path: bills/ }
`;

let workplace: Workplace;
let up: RunningCommand;
let url = '';
let authorization = '';

beforeAll(async () => {
  workplace = await makeWorkplace({ PORT: '0' });
  await mkdir(join(workplace.folder, 'bills'));
  await writeFile(join(workplace.folder, 'outturn.yaml'), ORGANISATION);
  await writeFile(
    join(workplace.folder, 'bills', 'september.csv'),
    csvOf([billLine(), billLine({ ResourceId: 'vm-2' })]),
  );
});
afterAll(() => workplace.remove());

/** Starts `outturn up` and waits until it serves. */
async function start(): Promise<void> {
  up = workplace.start({}, 'up');
  await expect.poll(() => messages(), SOON).toContain('worker started');
  url = String(up.logs().find((line) => line['msg'] === 'the API is listening')?.['url']);
}

function messages(): unknown[] {
  if (up.child.exitCode !== null) throw new Error(`up ended with ${up.child.exitCode}: ${JSON.stringify(up.logs())}`);
  return up.logs().map((line) => line['msg']);
}

/** The postmaster and its children. */
function runningServer(): number[] {
  return listServerProcesses(join(workplace.folder, 'data', 'postgres', 'data'));
}

async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/${path}`, {
    ...init,
    headers: { authorization, 'content-type': 'application/json' },
  });
  return response.json();
}

test('it serves from an empty folder, with the organisation file applied', TIMEOUT, async () => {
  await start();
  expect(messages()).toContain('the organisation file was applied');
  for (const path of ['health', 'ready']) expect((await fetch(`${url}/${path}`)).status, path).toBe(200);
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^# TYPE outturn_/m);
  expect((await fetch(`${url}/api/v1/loads`)).status).toBe(401);
});

test('a command beside it makes a token, and the worker publishes what a source delivered', TIMEOUT, async () => {
  const created = await workplace.json('tokens', 'create', '--principal', 'ops@example.com', '--role', 'operator');
  authorization = `Bearer ${(created as { token: string }).token}`;
  expect(await ask('loads', { method: 'POST', body: JSON.stringify({ sourceId: 'drop' }) })).toMatchObject({
    sourceId: 'drop',
    job: { name: 'sync-source' },
  });
  await expect
    .poll(() => ask('loads'), SOON)
    .toMatchObject([{ sourceId: 'drop', billingPeriod: '2026-09', state: 'published', rows: 2 }]);
  expect(await ask('reports/value-per-pod?period=2026-09')).toMatchObject({
    pods: [{ podId: 'checkout', cost: { total: '2.5' } }],
    unattributed: { cost: '0' },
  });
});

test('SIGTERM ends it within ten seconds, with its database and every child', TIMEOUT, async () => {
  expect(runningServer().length).toBeGreaterThan(1);
  const startedAt = performance.now();
  expect(await up.end('SIGTERM')).toMatchObject({ exitCode: 0 });
  expect(performance.now() - startedAt).toBeLessThan(STOP_MS);
  expect([...listProcessesOf(workplace.folder), ...runningServer()]).toEqual([]);
});

test('started again it has its data, and leaves a changed file to plan and apply', TIMEOUT, async () => {
  await writeFile(join(workplace.folder, 'outturn.yaml'), ORGANISATION.replace('name: Checkout', 'name: Till'));
  await start();
  expect(messages()).toContain(
    'a rulebook is in force; run "outturn plan" to see what the organisation file would change',
  );
  expect(await ask('loads')).toMatchObject([{ billingPeriod: '2026-09', state: 'published' }]);
  expect(await ask('pods')).toMatchObject([{ podId: 'checkout', name: 'Checkout' }]);
});

test('killed and started again it goes on, and stops without a leftover', TIMEOUT, async () => {
  await up.end('SIGKILL');
  await start();
  await writeFile(join(workplace.folder, 'bills', 'october.csv'), csvOf([billLine(OCTOBER)]));
  expect(await ask('loads', { method: 'POST', body: JSON.stringify({ sourceId: 'drop' }) })).toMatchObject({
    sourceId: 'drop',
  });
  await expect
    .poll(() => ask('loads?state=published'), SOON)
    .toMatchObject([{ billingPeriod: '2026-10' }, { billingPeriod: '2026-09' }]);
  expect(await up.end('SIGTERM')).toMatchObject({ exitCode: 0 });
  expect([...listProcessesOf(workplace.folder), ...runningServer()]).toEqual([]);
});

const OCTOBER = {
  BillingPeriodStart: '2026-10-01T00:00:00Z',
  BillingPeriodEnd: '2026-11-01T00:00:00Z',
  ChargePeriodStart: '2026-10-01T00:00:00Z',
  ChargePeriodEnd: '2026-10-02T00:00:00Z',
};

/**
 * The demo as a stranger runs it, in an empty folder: what it prints, that the published figures are what its bill files add up to by
 * another reader's sums, and that a second run finds everything as it was.
 */
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandResult, documentOf, makeWorkplace, type Workplace } from '../support/command-line.ts';

const TIMEOUT_MS = 600_000;
const METRICS = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'];
const PODS = 'checkout cloud-office fulfilment insights loyalty mobile payments platform pricing search'.split(' ');

interface Reconciled {
  rows: Record<'sourceId' | 'billingPeriod' | 'billingCurrency' | 'metric' | 'ingested' | 'difference', string>[];
}
interface Alert {
  scope: { kind: string; id: string };
  rung: string;
  state: string;
}

let workplace: Workplace;
let first: CommandResult;

beforeAll(async () => {
  // A database of the user's own is set, and must be left alone.
  workplace = await makeWorkplace({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
  first = await workplace.run('demo', '--no-serve');
}, TIMEOUT_MS);
afterAll(() => workplace.remove());

/** A command on the demo's own database. */
async function ask(...args: readonly string[]): Promise<unknown> {
  const settings = { DATABASE_URL: undefined, OUTTURN_DATA: join(workplace.folder, 'data', 'demo', 'data') };
  return documentOf(await workplace.runWith(settings, ...args, '--json'));
}

/** One printed section, by its heading. */
function sectionOf(stdout: string, heading: string): string {
  const [, rest = ''] = stdout.split(new RegExp(`^${heading}.*\\n─+\\n`, 'm'));
  return rest.split(/^─+$/m)[0] ?? '';
}

test('it prints what every pod returned in this quarter and the last', () => {
  expect(first.exitCode).toBe(0);
  for (const section of first.stdout.split(/^Value per pod, /m).slice(1)) {
    for (const name of [...PODS, 'unattributed', 'total']) expect(section).toMatch(new RegExp(`^${name} +[\\d,]`, 'm'));
    expect(section).toMatch(/^platform .* n\/a: enabling /m);
    expect(section).toMatch(/^Verified return \d+\.\d\d on attributed cost/m);
  }
  expect(first.stdout.match(/^Value per pod, \d{4}-Q[1-4]$/gm)).toHaveLength(2);
  expect(sectionOf(first.stdout, 'Reconciliation with the bills')).toContain(
    'Every bill equals its attribution exactly, in every currency and metric.',
  );
});

test('three envelopes are crossed, each with its message in the outbox', { timeout: TIMEOUT_MS }, async () => {
  const alerts = (await ask('alerts')) as Alert[];
  expect(new Set(alerts.map(({ scope }) => scope.id))).toEqual(new Set(['checkout', 'insights', 'mobile']));
  const waiting = alerts.filter(({ state }) => state === 'pending').map(({ scope, rung }) => `${scope.id} ${rung}`);
  expect(waiting.sort()).toEqual(['checkout 0.8', 'insights 1', 'mobile 1.5']);
  const printed = sectionOf(first.stdout, 'Alerts');
  for (const pod of ['checkout', 'insights', 'mobile']) expect(printed).toMatch(new RegExp(`pod ${pod} .* pending`));
});

test('what is published is what the files add up to, to the last decimal', { timeout: TIMEOUT_MS }, async () => {
  const { rows } = (await ask('report', 'reconciliation', '--period', '2000-01-01..2100-01-01')) as Reconciled;
  expect(rows.filter(({ difference }) => difference !== '0')).toEqual([]);
  const published = rows.map(
    ({ sourceId, billingPeriod, billingCurrency, metric, ingested }) =>
      `${sourceId} ${billingPeriod} ${billingCurrency} ${metric} ${ingested}`,
  );
  const summed = await sumFiles(join(workplace.folder, 'data', 'demo', 'larkfield', 'bills'));
  expect(summed.length).toBeGreaterThan(100);
  expect(published.sort()).toEqual(summed.sort());
});

test('run again it finds everything as it was', { timeout: TIMEOUT_MS }, async () => {
  const second = await workplace.run('demo', '--no-serve');
  const withoutSeconds = (text: string) => text.replace(/Done in \d+ s/, 'Done');
  expect(second.exitCode).toBe(0);
  expect(withoutSeconds(second.stdout)).toBe(withoutSeconds(first.stdout));
});

/** Sums of the bill files as text, by source, billing month, currency and metric. */
async function sumFiles(folder: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    const csv = (pattern: string) =>
      `read_csv('${folder}/${pattern}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')`;
    const columns = (source: string) =>
      `'${source}' AS source, left(BillingPeriodStart::VARCHAR, 7) AS month, BillingCurrency AS currency, ${METRICS.map((name) => `${name}::VARCHAR::DECIMAL(38, 12) AS ${name}`).join(', ')}`;
    const sums = METRICS.map((name) => `rtrim(rtrim(sum(${name})::VARCHAR, '0'), '.') AS ${name}`).join(', ');
    const reader = await connection.runAndReadAll(`
      SELECT concat_ws(' ', source, month, currency, metric, total) AS line FROM (UNPIVOT (SELECT source, month, currency, ${sums} FROM (
        SELECT ${columns('aws')} FROM ${csv('aws/*/*.csv.gz')}
        UNION ALL SELECT ${columns('azure')} FROM ${csv('azure/*/*.csv')}
        UNION ALL SELECT ${columns('gcp')} FROM read_parquet('${folder}/gcp/*/*.parquet')
      ) GROUP BY ALL) ON ${METRICS.join(', ')} INTO NAME metric VALUE total)`);
    return reader.getRowObjectsJson().flatMap(({ line }) => (typeof line === 'string' ? [line] : []));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

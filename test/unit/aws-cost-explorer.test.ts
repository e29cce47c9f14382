/**
 * AWS Cost Explorer through the SDK against a server that speaks its protocol: which days are asked for and with how many paid requests,
 * that the parts hold every charge once whatever a page holds, and what each refusal says.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectAwsCostExplorer } from '../../connectors/aws-cost-explorer/connect-aws-cost-explorer.ts';
import { costQueries, type CostQuery } from '../../connectors/aws-cost-explorer/cost-queries.ts';
import type { CostPage, DayRange } from '../../connectors/aws-cost-explorer/explorer-calls.ts';
import { walkDays } from '../../connectors/aws-cost-explorer/walk-days.ts';
import type { Connection, KnownFile, Listing, ListRequest, SourceCheck, Spending } from '../../connectors/connector.ts';
import { decimal, sum } from '../../services/kernel/decimal.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { connectedSource, connectionContext } from '../support/connection-context.ts';
import {
  type CostExplorerDouble,
  type CostFault,
  startCostExplorerDouble,
} from '../support/cost-explorer-server/cost-explorer-server.ts';
import { cost, costsOfDays, MEMBER, PAYER, S3, useExplorerKeys } from '../support/explorer-costs.ts';

const NOW = '2026-10-06T08:00:00Z';
const SEPTEMBER = { start: '2026-09-01', end: '2026-10-01' };
const HOUR_MS = 3_600_000;

let double: CostExplorerDouble;
let folder: string;
let spent: Spending[];
let connection: Connection;

beforeEach(async () => {
  double = await startCostExplorerDouble({ today: '2026-10-06' });
  useExplorerKeys(double);
  folder = await mkdtemp(join(tmpdir(), 'outturn-ce-'));
  spent = [];
  connection = await open();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await connection.close();
  await double.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(settings: object = {}, now = NOW, context = connectionContext(now, spent)): Promise<Connection> {
  const here = { endpoint: double.url, billingAccountId: PAYER, ...settings };
  return connectAwsCostExplorer(connectedSource('aws-cost-explorer', here), context);
}

const list = (of = connection, request: Partial<ListRequest> = {}) => of.list({ known: new Map(), ...request });
const daysOf = ({ manifests }: Listing) => manifests.flatMap(({ files }) => files);

/** The records of the days, each as an object of its cells. */
async function fetched(of: Connection, listing: Listing): Promise<Record<string, string>[]> {
  const records: Record<string, string>[] = [];
  for (const file of daysOf(listing)) {
    const path = join(folder, file.name);
    await of.fetch(file, { path, offset: 0, report: () => {} });
    const [header = '', ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const columns = header.split(',');
    records.push(
      ...lines.map((line) => Object.fromEntries(line.split(',').map((cell, index) => [columns[index] ?? '', cell]))),
    );
  }
  return records;
}

/** Parts one after the other, as a run fetches them; `done` keeps those that are whole. */
async function fetchEach(of: Connection, listing: Listing, done: string[]): Promise<void> {
  for (const file of daysOf(listing)) {
    await of.fetch(file, { path: join(folder, file.name), offset: 0, report: () => {} });
    done.push(file.name);
  }
}

const total = (records: readonly Record<string, string>[], column: string) =>
  sum(records.map((record) => decimal(record[column] ?? '')));

/** Everything known as of an instant. */
function knownAt(listing: Listing, at: string): Map<string, KnownFile> {
  return new Map(daysOf(listing).map(({ key }) => [key, { version: 'before', fetchedAt: new Date(at) }]));
}

const asked = (listing: Listing, known: ReadonlyMap<string, KnownFile>) =>
  daysOf(listing)
    .filter(({ key, version }) => known.get(key)?.version !== version)
    .map(({ name }) => name.slice('from-'.length, -'.csv'.length));

const caught = (work: Promise<unknown>) =>
  work.then(
    () => new Error('it went well'),
    (error: unknown) => error as AppError & { retryAfterMs?: number },
  );

describe('the days of a look', () => {
  test('are those of the current month and of the one before, and cost three requests', async () => {
    double.charges = costsOfDays('2026-09-01', '2026-10-07', (day) => [cost(day, '1.25')]);
    const listing = await list();
    expect(listing.manifests.map(({ billingPeriod, files }) => [billingPeriod, files.length])).toEqual([
      [{ start: '2026-09-01', end: '2026-10-01' }, 4],
      [{ start: '2026-10-01', end: '2026-11-01' }, 1],
    ]);
    expect(double.calls).toEqual([]);
    const records = await fetched(connection, listing);
    expect(total(records, 'UnblendedCost')).toBe('45');
    expect(double.calls).toHaveLength(3);
    expect(spent).toEqual(Array(3).fill({ requests: 1, amount: '0.01', requestsPerDayMax: 100 }));
  });

  test('are asked for again only where they can have changed', async () => {
    const after = async (fetchedAt: string, now: string) => {
      const later = await open({}, now);
      const known = knownAt(await list(later), fetchedAt);
      return asked(await list(later, { known }), known);
    };
    expect(await after(NOW, '2026-10-06T12:59:00Z'), 'AWS refreshes a few times a day at most').toEqual([]);
    expect(await after(NOW, '2026-10-06T13:00:00Z'), 'the open month').toEqual(['2026-10-01']);
    expect(await after(NOW, '2026-10-07T04:00:00Z'), 'and the month before, once a day').toHaveLength(5);
    expect(await after('2026-10-14T23:59:00Z', '2026-10-16T09:00:00Z'), 'until two weeks after its end').toContain(
      '2026-09-25',
    );
    const settled = await after('2026-10-15T00:00:00Z', '2026-10-16T09:00:00Z');
    expect(settled[0], 'and once then').toBe('2026-10-01');
  });

  test('that were never asked for go before those that may have changed', async () => {
    const known = knownAt(await list(), '2026-10-05T08:00:00Z');
    known.delete(`${PAYER}/2026-09-17`);
    expect(asked(await list(connection, { known }), known)).toEqual(['2026-09-17']);
  });

  test('of a backfill are whole months, up to thirteen back', async () => {
    const months = async (start: string, end: string) =>
      (await list(connection, { range: { start, end } })).manifests.map(({ billingPeriod }) => billingPeriod?.start);
    expect(await months('2026-02-14', '2026-03-02')).toEqual(['2026-02-01', '2026-03-01']);
    expect(await months('2025-09-01', '2025-09-02')).toEqual(['2025-09-01']);
    expect(await months('2026-12-01', '2027-01-01')).toEqual([]);
    const error = await caught(months('2025-08-31', '2025-09-02'));
    expect(error).toMatchObject({ code: 'invalid_input' });
    expect(error.message).toContain('keeps days from 2025-09-01 on');
  });
});

describe('costs', () => {
  const KINDS = [
    cost('2026-09-01', '10.1234567891', { netAmortized: '8.5' }),
    cost('2026-09-01', '3', { account: MEMBER, recordType: 'DiscountedUsage', netAmortized: '2' }),
    cost('2026-09-01', '1.9', { service: 'Tax', recordType: 'Tax' }),
    cost('2026-09-01', '-4', { recordType: 'Credit' }),
    cost('2026-09-01', '-0.5', { recordType: 'Refund' }),
    cost('2026-09-01', '7', { recordType: 'SavingsPlanRecurringFee', netAmortized: '0.75' }),
    cost('2026-09-01', '0.25', { recordType: 'A kind of tomorrow' }),
  ];

  test('of every kind are there once: usage by service, the rest by kind', async () => {
    double.charges = KINDS;
    double.names = { [PAYER]: 'Payer "the first"', [MEMBER]: 'Member' };
    const records = await fetched(connection, await list(connection, { range: SEPTEMBER }));
    expect(records.map((row) => [row['LinkedAccountId'], row['Service'], row['RecordType']])).toContainEqual([
      MEMBER,
      S3,
      '',
    ]);
    expect(records.filter((row) => row['Service'] === '').map((row) => row['RecordType'])).toEqual([
      'Credit',
      'Refund',
      'SavingsPlanRecurringFee',
      'Tax',
    ]);
    const text = await readFile(join(folder, 'from-2026-09-01.csv'), 'utf8');
    expect(text).toContain(
      `2026-09-01,2026-09-02,false,${PAYER},${PAYER},"Payer ""the first""",${S3},,,,10.3734567891,8.75,USD`,
    );
  });

  test('with a tag are by its value where they carry it, and by service where they do not', async () => {
    double.charges = [
      cost('2026-09-01', '1', { tags: { application: 'checkout' } }),
      cost('2026-09-01', '2', { service: 'AWS Lambda', tags: { application: 'checkout' } }),
      cost('2026-09-01', '4', { tags: { application: '' } }),
      cost('2026-09-01', '8', { tags: { application: 'a$b', other: 'x' } }),
      cost('2026-09-01', '16', { tags: { other: 'x' } }),
      cost('2026-09-01', '32', { recordType: 'Tax', tags: { application: 'checkout' } }),
    ];
    const byTag = await open({ groupByTag: 'application' });
    const records = await fetched(byTag, await list(byTag, { range: SEPTEMBER }));
    const cells = records.map((row) => [
      row['Service'],
      row['RecordType'],
      row['TagKey'],
      row['TagValue'],
      row['UnblendedCost'],
    ]);
    expect(cells).toEqual([
      ['', '', 'application', '', '4'],
      ['', '', 'application', 'a$b', '8'],
      ['', '', 'application', 'checkout', '3'],
      ['', 'Tax', '', '', '32'],
      [S3, '', '', '', '16'],
    ]);
    expect(double.calls).toHaveLength(4);
  });

  test('keep their digits, and estimated days say so', async () => {
    double.charges = [cost('2026-10-01', '0.0000000001'), cost('2026-10-02', '123456789012345.0000000009')];
    const records = await fetched(
      connection,
      await list(connection, { range: { start: '2026-10-01', end: '2026-10-03' } }),
    );
    expect(records.map((row) => [row['UnblendedCost'], row['Estimated']])).toEqual([
      ['0.0000000001', 'true'],
      ['123456789012345.0000000009', 'true'],
    ]);
  });

  test.each([false, true])(
    'of more than a page are complete, however pages share them out (days mixed: %s)',
    async (mixesDays) => {
      const services = Array.from({ length: 7 }, (_, index) => `Service ${index}`);
      double.charges = costsOfDays('2026-09-01', '2026-10-07', (day) =>
        services.map((service) => cost(day, '0.1', { service })),
      );
      double.pageSize = 20;
      double.mixesDays = mixesDays;
      const records = await fetched(connection, await list());
      expect(records).toHaveLength(36 * 7);
      expect(total(records, 'UnblendedCost')).toBe('25.2');
      // 36 days of 7 groups are 13 pages of 20; whole days on a page are at best 18 requests.
      expect(double.calls.length).toBeLessThan(60);
      expect(spent).toHaveLength(double.calls.length);
    },
  );

  test('of a single day that is larger than a page are read page by page', async () => {
    double.charges = Array.from({ length: 50 }, (_, index) =>
      cost('2026-09-01', '0.1', { service: `Service ${index}` }),
    );
    double.pageSize = 20;
    const records = await fetched(connection, await list(connection, { range: SEPTEMBER }));
    expect(records).toHaveLength(50);
    expect(double.calls.some(({ NextPageToken }) => NextPageToken !== undefined)).toBe(true);
  });

  test('that do not add up to their whole are not taken', async () => {
    double.charges = costsOfDays('2026-09-01', '2026-09-03', (day) => [cost(day, '5')]);
    double.faults.push({ kind: 'damage', skip: 2 });
    const error = await caught(list(connection, { range: SEPTEMBER }).then((listing) => fetched(connection, listing)));
    expect(error.name).toBe('TransientError');
    expect(error.message).toContain('add up to 0, not to the 5');
  });

  test('are the same bytes when they are asked for twice', async () => {
    double.charges = KINDS;
    const bytes = async (from: Connection) => {
      await fetched(from, await list(from, { range: SEPTEMBER }));
      return readFile(join(folder, 'from-2026-09-01.csv'), 'utf8');
    };
    const before = await bytes(connection);
    double.charges = KINDS.toReversed();
    expect(await bytes(await open({}, '2026-10-06T20:00:00Z'))).toBe(before);
  });
});

describe('what Cost Explorer refuses', () => {
  const meet = async (fault: CostFault, of: Connection = connection) => {
    double.faults.push(fault);
    return caught(
      list(of, { range: { start: '2026-09-01', end: '2026-09-02' } }).then((listing) => fetched(of, listing)),
    );
  };
  const error = (code: string, message = code): CostFault => ({ kind: 'error', status: 400, code, message });

  test.each([
    ['AccessDeniedException', 'not authorized to perform: ce:GetCostAndUsage', 'Allow ce:GetCostAndUsage'],
    ['AccessDeniedException', 'User not enabled for cost explorer access', 'Open Cost Explorer once'],
    ['ExpiredTokenException', 'The token is not of today', 'credentials have expired'],
    ['UnrecognizedClientException', 'invalid', 'does not know the AWS credentials'],
    ['ValidationException', 'Operation not permitted for member accounts.', 'does not let its members'],
    ['ValidationException', 'GroupBy is wrong', 'Check region, endpoint and groupByTag'],
  ])('%s (%s) names the fix', async (code, message, fix) => {
    const refused = await meet(error(code, message));
    expect(refused).toMatchObject({ code: 'source_refused' });
    expect(refused.message).toContain(fix);
    expect(refused.message, 'none of the words of the SDK').not.toContain(message);
  });

  test.each<[string, CostFault, number]>([
    ['throttling', { kind: 'throttle', retryAfterSeconds: 90 }, 90_000],
    ['a spent limit', { kind: 'throttle', code: 'LimitExceededException' }, 60_000],
    ['data that is not ready', error('DataUnavailableException'), HOUR_MS],
    ['a page it forgot', error('InvalidNextTokenException'), 60_000],
    ['a failure of its own', { kind: 'error', status: 500, code: 'InternalFailure' }, 60_000],
    ['a connection that breaks', { kind: 'reset' }, 60_000],
    ['an answer that is cut off', { kind: 'cut' }, 60_000],
    ['the page of a proxy', { kind: 'nonsense' }, 60_000],
  ])('%s passes by itself, and is not tried again at once', async (_, fault, retryAfterMs) => {
    expect(await meet(fault)).toMatchObject({ name: 'TransientError', retryAfterMs });
    expect(double.calls).toHaveLength(1);
  });

  test('before a call is made: settings that are none, credentials without an account', async () => {
    await expect(open({ endpoint: 'localhost:1' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(open({ billingAccountId: '42' })).rejects.toMatchObject({ code: 'invalid_input' });
    const nameless = await open({ billingAccountId: undefined });
    await expect(list(nameless)).rejects.toMatchObject({ code: 'source_refused' });
    process.env['AWS_ACCOUNT_ID'] = MEMBER;
    const named = await open({ billingAccountId: undefined });
    expect(daysOf(await list(named))[0]?.key).toBe(`${MEMBER}/2026-09-01`);
  });

  test('credentials that expire half-way: the days before stay, and only the others are asked for again', async () => {
    double.charges = costsOfDays('2026-09-01', '2026-10-01', (day) => [
      cost(day, '1'),
      cost(day, '1', { account: MEMBER }),
    ]);
    // A page holds less than a month: each part is asked for by itself.
    double.pageSize = 20;
    const listing = await list(connection, { range: SEPTEMBER });
    double.faults.push({ ...error('ExpiredTokenException'), skip: 6 });
    const done: string[] = [];
    const expired = await caught(fetchEach(connection, listing, done));
    expect(expired.message).toContain('The AWS credentials have expired');
    expect(done, 'whole parts').toHaveLength(1);
    const known = new Map(
      daysOf(listing)
        .slice(0, done.length)
        .map(({ key, version }) => [key, { version, fetchedAt: new Date(NOW) }]),
    );
    const renewed = await open();
    const rest = await list(renewed, { range: SEPTEMBER, known });
    expect(asked(rest, known)).toEqual(['2026-09-09', '2026-09-17', '2026-09-25']);
    double.calls.length = 0;
    await fetchEach(
      renewed,
      { ...rest, manifests: rest.manifests.map((one) => ({ ...one, files: one.files.slice(1) })) },
      done,
    );
    expect(done).toHaveLength(4);
    expect(double.calls.map(({ TimePeriod }) => TimePeriod.Start).sort()[0]).toBe('2026-09-09');
  });

  test('a day of more costs than can be held, in a sentence', async () => {
    const page = (start: number): CostPage => ({
      days: [
        {
          day: '2026-09-01',
          isEstimated: false,
          rows: Array.from({ length: 30_000 }, () => ({
            keys: [],
            unblendedCost: '1',
            netAmortizedCost: '1',
            currency: 'USD',
          })),
        },
      ],
      nextPage: String(start + 1),
    });
    const asks: string[] = [];
    const ask = async (_query: CostQuery, _range: DayRange, next = '0') => {
      asks.push(next);
      return page(Number(next));
    };
    const refused = await caught(
      walkDays(ask, costQueries(undefined), { start: '2026-09-01', end: '2026-09-02' }).next(),
    );
    expect(refused).toMatchObject({ code: 'source_refused' });
    expect(refused.message).toContain('2026-09-01 has more than 100000 costs');
    expect(asks).toHaveLength(4);
  });

  test('an abort ends a call', async () => {
    const ending = new AbortController();
    const ended = await open({}, NOW, { ...connectionContext(NOW), signal: ending.signal });
    ending.abort();
    expect(await caught(list(ended).then((listing) => fetched(ended, listing)))).toMatchObject({ name: 'AbortError' });
  });
});

test('Cost Explorer is reached through the proxy of the environment', async () => {
  const proxy = await startConnectProxy();
  vi.stubEnv('HTTPS_PROXY', proxy.url);
  const away = await open({ endpoint: 'https://ce.invalid' });
  const failed = await caught(list(away).then((listing) => fetched(away, listing)));
  expect(failed).toMatchObject({ name: 'TransientError', retryAfterMs: 60_000 });
  expect(proxy.asked).toEqual(['ce.invalid:443']);
  proxy.stop();
});

describe('a check', () => {
  const checks = async (of: Connection) => {
    const found: SourceCheck[] = [];
    for await (const check of of.check()) found.push(check);
    return found.map(({ subject, state }) => `${subject} ${state}`);
  };

  test('goes from the credentials to the tag, and ends where one is wrong', async () => {
    expect(await checks(connection)).toEqual(['credentials ok', 'billingAccountId ok', 'ce:GetCostAndUsage ok']);
    const byTag = await open({ groupByTag: 'application' });
    expect((await checks(byTag)).at(-1)).toBe('groupByTag note');
    double.charges = [cost('2026-10-01', '1', { tags: { application: 'x' } })];
    expect((await checks(byTag)).at(-1)).toBe('groupByTag ok');
    double.faults.push({ kind: 'error', status: 400, code: 'AccessDeniedException' });
    expect((await checks(connection)).at(-1)).toBe('ce:GetCostAndUsage wrong');
    expect(spent).toHaveLength(double.calls.length);
  });
});

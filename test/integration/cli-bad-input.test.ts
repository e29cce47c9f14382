/**
 * What a user does wrong, as the command line answers it: exit code 1 and a sentence with the place, the reason and the fix; nothing
 * that was published changes. What the sentences say for rarer faults is tested beside the readers that find them.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { describe, expect } from 'vitest';
import { type BillLine, billLine, csvOf, writeBill } from '../support/billing.ts';
import { freePort, makeWorkplace, type Workplace } from '../support/command-line.ts';
import { test as base } from '../support/database.ts';
import { outcomeRow, outcomeSheet } from '../support/outcome-sheets.ts';
import { performHere } from '../support/perform-here.ts';
import { noteLeftOut } from '../support/requirements.ts';

const TIMEOUT = { timeout: 90_000 };
const ORGANISATION = 'organisation: Acme\npods:\n  - { id: checkout }\n  - { id: search }\n';

const BAD_ORGANISATION = `organisation: Acme
pods:
  - { id: checkout, name: Checkout }
  - { id: search, nmae: Search }
rules:
  - { id: aws, when: { provider: AWS }, pod: chekout }
  - { id: shared, when: { provider: Oracle }, split: { method: fixed, weights: { checkout: 0.5, search: 0.4 } } }
  - { id: shared, when: { provider: GCP }, pod: search }
envelopes:
  - { scope: { pod: checkout }, period: 2026-10, limit: "0", currency: USD }
  - { scope: { pod: search }, period: 2026-10, limit: "-5.00", currency: USD }
`;

/** A workplace in which a bill of twenty lines is published and two pods exist. */
const test = base.extend('workplace', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<Workplace> => {
  const workplace = await makeWorkplace({ DATABASE_URL: database.url });
  onCleanup(workplace.remove);
  await writeFile(join(workplace.folder, 'outturn.yaml'), ORGANISATION);
  await writeBill(workplace.folder, 'good.csv', csvOf(lines()));
  expect(await workplace.run('apply')).toMatchObject({ exitCode: 0 });
  expect(await workplace.run('ingest', 'good.csv')).toMatchObject({ exitCode: 0 });
  return workplace;
});

/** Twenty lines; the cells given stand in physical line `at`. */
function lines(at = 0, cells: BillLine = {}): BillLine[] {
  return Array.from({ length: 20 }, (_, index) => billLine(index + 2 === at ? cells : {}));
}

const wholeGzip = gzipSync(
  csvOf(Array.from({ length: 500 }, (_line, index) => billLine({ ResourceId: `vm-${index * 7919}` }))),
);

/** One that is wrong as a file, and one by a line; the sentences for all others are tested with the reader. */
const BAD_BILLS: Readonly<Record<string, { content: string | Buffer; says: string }>> = {
  'cut.csv.gz': {
    content: wholeGzip.subarray(0, Math.floor(wholeGzip.length / 2)),
    says: 'cut.csv.gz is cut off: its gzip data ends in the middle. Download it again.',
  },
  'letters.csv': {
    content: csvOf(lines(17, { BilledCost: 'abc' })),
    says: 'letters.csv line 17 (record 16), column BilledCost: "abc" is not a number. Write a plain decimal such as 12.34 or 2.32E-9. Nothing was loaded.',
  },
};

describe('a bill', () => {
  test(
    'that is wrong is refused with place, reason and fix; what was published stays',
    TIMEOUT,
    async ({ workplace, database }) => {
      const answered = await Promise.all(
        Object.entries(BAD_BILLS).map(async ([name, { content }]) => {
          await writeBill(workplace.folder, name, content);
          const { exitCode, stdout, stderr } = await workplace.run('ingest', name);
          return { exitCode, stdout, said: stderr.trim().split('\n').at(-1) };
        }),
      );
      expect(answered).toEqual(Object.values(BAD_BILLS).map(({ says }) => ({ exitCode: 1, stdout: '', said: says })));
      const { rows } = await database.pool.query(
        'select state, row_count::int as lines, (select trim_scale(sum(billed_cost))::text from pod_day) as billed from load',
      );
      expect(rows).toEqual([{ state: 'published', lines: 20, billed: '30' }]);
    },
  );

  test('that is wrong is one JSON document with --json, its places as data', TIMEOUT, async ({ workplace }) => {
    await writeBill(workplace.folder, 'letters.csv', csvOf(lines(17, { BilledCost: 'abc' })));
    const { exitCode, stdout } = await workplace.run('ingest', 'letters.csv', '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        code: 'invalid_bill',
        message: expect.stringMatching(
          /^letters\.csv line 17 \(record 16\), column BilledCost: "abc" is not a number\./,
        ),
        faults: [{ file: 'letters.csv', line: 17, record: 16, column: 'BilledCost' }],
      },
    });
  });
});

test('an organisation file is told all its faults by line, each once', TIMEOUT, async ({ workplace, database }) => {
  await writeFile(join(workplace.folder, 'bad.yaml'), BAD_ORGANISATION);
  const { exitCode, stdout, stderr } = await workplace.runWith({ OUTTURN_CONFIG: 'bad.yaml' }, 'apply');
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr.trim().split('\n')).toEqual([
    'bad.yaml line 4: unknown key "nmae" in pod "search". Did you mean "name"?',
    'bad.yaml line 6: rule "aws" names pod "chekout", which is not defined. Did you mean "checkout"?',
    'bad.yaml line 7: the weights in the split of rule "shared" sum to 0.9. They sum to 1 (ratios), 100 (per cent) or 10000 (basis points): 0.1 is missing to 1.',
    'bad.yaml line 8: a second rule has the id "shared". Give each its own id.',
    'bad.yaml line 10: envelope 1 has the limit 0. A limit is above zero.',
    'bad.yaml line 11: envelope 2 has the limit -5.00. A limit is above zero.',
  ]);
  const { rows } = await database.pool.query('select rulebook_id from organisation');
  expect(rows).toEqual([{ rulebook_id: 1 }]);
});

test('outcome shares over 10,000 are refused whole', TIMEOUT, async ({ workplace, database }) => {
  const rows = [outcomeRow({ share_bp: '6000' }), outcomeRow({ pod: 'search', share_bp: '5000' })];
  await writeFile(join(workplace.folder, 'sheet.csv'), outcomeSheet(outcomeRow({ source_row_id: 'r0' }), ...rows));
  const { exitCode, stderr } = await workplace.run('outcomes', 'import', 'sheet.csv');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr:
      'Outcomes: sheet.csv line 4 (record 3), column share_bp: the shares add up to 11000 basis points, more than 10000. Lower them; what is missing to 10000 is shown as unattributed. Nothing was imported.\n',
  });
  expect((await database.pool.query('select from outcome')).rowCount).toBe(0);
});

describe('the database', () => {
  test('that is down is named with its place and the fix, never the password', TIMEOUT, async ({ workplace }) => {
    const port = await freePort();
    const url = `postgres://ada:open-sesame@127.0.0.1:${port}/outturn`;
    const { exitCode, stdout, stderr } = await workplace.runWith({ DATABASE_URL: url }, 'envelopes', '--json');
    const message = `PostgreSQL at ada@127.0.0.1:${port}/outturn cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}. Start it, or correct DATABASE_URL; without DATABASE_URL the embedded database is used.`;
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'database_unreachable', message } });
    expect(stderr).toBe(`${message}\n`);
  });

  test(
    'that refuses the password is told apart from one that is down',
    TIMEOUT,
    async ({ workplace, database, skip }) => {
      const url = new URL(database.url);
      url.password = 'open-sesame';
      if (await isLetIn(url.href)) {
        noteLeftOut(
          'a wrong password',
          'the server of TEST_DATABASE_URL takes any password; use one that asks for scram-sha-256',
        );
        skip();
      }
      const { exitCode, stdout, stderr } = await workplace.runWith({ DATABASE_URL: url.href }, 'ingest', 'good.csv');
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toMatch(
        /^PostgreSQL at \S+ refused the user or password: password authentication failed for user "\w+"\. Correct them in DATABASE_URL\.\n$/,
      );
      expect(stderr).not.toContain('open-sesame');
    },
  );
});

test('a port in use is named with another to take', TIMEOUT, async ({ workplace, onTestFinished }) => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { exitCode, stderr } = await workplace.runWith({ PORT: String(port) }, 'api');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: `Port ${port} on 127.0.0.1 is taken by another program. Stop it, or choose another: PORT=${port + 1} (PORT=0 takes any free one).\n`,
  });
});

test('bad settings are all named at once, by doctor too', TIMEOUT, async ({ workplace }) => {
  const settings = {
    PORT: 'abc',
    LOG_LEVEL: 'loud',
    DATABASE_URL: 'http://x',
    REDIS_URL: 'x',
    OUTTURN_ARCHIVE: 's3://x',
  };
  const said = [
    'PORT is "abc"; use a number from 0 (any free port) to 65535.',
    'OUTTURN_ARCHIVE is "s3://x"; this version keeps the archive in a folder. Give a path such as /var/lib/outturn/archive.',
    'LOG_LEVEL is "loud"; use one of trace, debug, info, warn, error, fatal, silent.',
    'DATABASE_URL is not a URL of the form postgres://user:password@host:5432/outturn.',
    'REDIS_URL is not a URL of the form redis://host:6379.',
  ].join('\n');
  const [migrated, examined] = await Promise.all([
    workplace.runWith(settings, 'migrate'),
    workplace.runWith(settings, 'doctor'),
  ]);
  expect(migrated).toEqual({ exitCode: 1, stdout: '', stderr: `${said}\n` });
  expect(examined).toEqual({ exitCode: 1, stdout: `FIX   start: ${said}\n`, stderr: '' });
});

test('wrong usage ends with 2, says what is wrong and points to the help', async () => {
  const wrong: [says: string, ...args: string[]][] = [
    ["error: unknown command 'ingst'\n(Did you mean ingest?)", 'ingst', 'bill.csv'],
    ["error: unknown option '--sorce'\n(Did you mean --source?)", 'ingest', '--sorce', 'aws'],
    ["error: required option '--period <period>' not specified", 'report', 'value-per-pod'],
    [
      'error: name --period P (with --pod ID, --unattributed or neither), --origin ID, --resource ID or --outcome ID',
      'explain',
      '--pod',
      'checkout',
    ],
    [
      "error: option '--role <role>' argument 'king' is invalid. Use one of finance, cio, pod, operator, reader, ingest.",
      'tokens',
      'create',
      '--principal',
      'a@example.com',
      '--role',
      'king',
    ],
  ];
  for (const [says, ...args] of wrong) {
    const stderr = `${says}\nRun with --help for the options and an example.\n`;
    expect(await performHere({}, ...args)).toEqual({ exitCode: 2, stdout: '', stderr });
  }
});

async function isLetIn(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

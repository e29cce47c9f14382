/**
 * Serves a table of the detailed billing export as BigQuery does, for looking at the connector by hand:
 *
 *     node test/support/bigquery-server/main.ts --port 9050
 *
 * It fills the table with rows of the last days and prints what to put into the environment and into an organisation file.
 */
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { printSource } from '../print-source.ts';
import { writeIdentity } from '../google-identity.ts';
import { startBigQueryDouble } from './bigquery-server.ts';
import { costRow, DETAILED_FIELDS, DETAILED_TABLE } from './export-tables.ts';

const DAY_MS = 86_400_000;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9050' },
    credentials: { type: 'string', default: join(tmpdir(), 'outturn-google-credentials') },
    days: { type: 'string', default: '10' },
    rows: { type: 'string', default: '1000' },
    repeat: { type: 'string', default: '1' },
    'page-size': { type: 'string', default: '1000' },
    'throttle-every': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`Serves a table of the detailed billing export on 127.0.0.1 (tables.get, jobs.insert, getQueryResults).

  --port N             where (9050)
  --credentials DIR    where the file that GOOGLE_APPLICATION_CREDENTIALS is to name is written (a temporary folder)
  --days N             how many days up to today have rows (10)
  --rows N             rows of each day (1000)
  --repeat N           each of them stands for so many, made while they are sent: a day of any size (1)
  --page-size N        rows of a page of results (1000)
  --throttle-every N   every Nth call is answered with rateLimitExceeded (0: never)`);
} else {
  await serve();
}

async function serve(): Promise<void> {
  const every = Number(values['throttle-every']);
  const double = await startBigQueryDouble({
    port: Number(values.port),
    onCall: ({ operation, isDryRun, status, bytesBilled, sql }) => {
      console.log(`${status} ${operation}${isDryRun ? ' (dry run)' : ''} ${bytesBilled} bytes billed ${sql}`);
      if (every > 0 && double.calls.length % every === 0) {
        double.faults.push({ operation, kind: 'throttle', retryAfterSeconds: 1 });
      }
    },
  });
  double.rowsPerPage = Number(values['page-size']);
  double.rowsRepeated = Number(values.repeat);
  await double.createTable(DETAILED_TABLE, DETAILED_FIELDS);
  for (let back = Number(values.days) - 1; back >= 0; back -= 1) {
    const day = new Date(new Date().getTime() - back * DAY_MS).toISOString().slice(0, 10);
    const cells = {
      usage_start_time: `${day} 00:00:00`,
      usage_end_time: `${day} 01:00:00`,
      export_time: `${day} 06:00:00`,
      invoice: { month: day.slice(0, 7).replace('-', '') },
    };
    await double.fill(DETAILED_TABLE, day, costRow(cells), Number(values.rows));
  }
  await mkdir(values.credentials, { recursive: true });
  const identity = await writeIdentity(values.credentials, double.tokenUrl);
  printSource(
    `export GOOGLE_APPLICATION_CREDENTIALS=${resolve(identity)}`,
    `id: gcp, kind: gcp-bigquery-export, table: ${DETAILED_TABLE}, endpoint: "${double.url}"`,
  );
}

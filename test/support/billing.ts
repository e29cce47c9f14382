/** Builders for tests of bill ingestion: bills written line by line, and the way from files to a staged load. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finishStaging } from '../../services/billing/finish-staging.ts';
import { type InspectedFile, inspectBill } from '../../services/billing/inspect-bill.ts';
import { type RegisteredLoad, registerDelivery } from '../../services/billing/register-delivery.ts';
import { stageFile } from '../../services/billing/stage-file.ts';
import { silentLogger, silentProgress } from '../../services/kernel/ports.ts';
import type { TestDatabase } from './database.ts';

/** A folder that the caller removes with `remove`. */
export async function makeBillFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'outturn-bills-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export type BillLine = Readonly<Record<string, string>>;

/** A line that is right in every column; a test names what it is about. */
export function billLine(cells: BillLine = {}): BillLine {
  return {
    BilledCost: '1.5',
    EffectiveCost: '1.25',
    ListCost: '2',
    ContractedCost: '1.75',
    BillingCurrency: 'USD',
    BillingAccountId: '0012',
    BillingPeriodStart: '2026-09-01T00:00:00Z',
    BillingPeriodEnd: '2026-10-01T00:00:00Z',
    ChargePeriodStart: '2026-09-14T00:00:00Z',
    ChargePeriodEnd: '2026-09-15T00:00:00Z',
    ChargeCategory: 'Usage',
    ProviderName: 'AWS',
    ServiceName: 'Compute',
    ResourceId: 'vm-1',
    Tags: '{"pod": "checkout"}',
    ...cells,
  };
}

/** The CSV text of lines; the columns are those of the first line, in its order. */
export function csvOf(lines: readonly BillLine[], delimiter = ','): string {
  const header = Object.keys(lines[0] ?? billLine());
  const quote = (cell: string) => (/[",;\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return [header, ...lines.map((line) => header.map((name) => line[name] ?? ''))]
    .map((cells) => `${cells.map(quote).join(delimiter)}\n`)
    .join('');
}

/** Writes a bill and returns its path. */
export async function writeBill(folder: string, name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Inspects a file with its archive and work folders below `folder`. */
export async function inspect(folder: string, path: string): Promise<InspectedFile> {
  return inspectBill({
    path,
    name: path.slice(path.lastIndexOf('/') + 1),
    archiveDir: join(folder, 'archive'),
    workDir: join(folder, 'work'),
    progress: silentProgress,
    logger: silentLogger,
  });
}

export interface StageOptions {
  readonly sourceId?: string;
  readonly deliveredAt?: Date;
  readonly mayDropAccounts?: boolean;
  readonly appends?: boolean;
  readonly period?: { readonly start: string; readonly end: string };
}

/** Takes files all the way to staged loads; unchanged ones are left as they are. */
export async function stage(
  database: TestDatabase,
  folder: string,
  paths: readonly string[],
  options: StageOptions = {},
): Promise<RegisteredLoad[]> {
  const files: InspectedFile[] = [];
  for (const path of paths) files.push(await inspect(folder, path));
  const loads = await registerDelivery(database.db, {
    sourceId: options.sourceId ?? 'files',
    files,
    deliveredAt: options.deliveredAt ?? new Date('2026-10-02T00:00:00Z'),
    mayDropAccounts: options.mayDropAccounts ?? false,
    appends: options.appends ?? false,
    ...(options.period === undefined ? {} : { period: options.period }),
  });
  for (const load of loads.filter(({ unchanged }) => !unchanged)) await stageLoad(database, folder, load.loadId);
  return loads;
}

/** Stages every file of a registered load and closes its staging. */
export async function stageLoad(database: TestDatabase, folder: string, loadId: string): Promise<void> {
  const { rows } = await database.pool.query<{ ordinal: number }>(
    'select ordinal from load_file where load_id = $1 order by ordinal',
    [loadId],
  );
  for (const { ordinal } of rows) await stageLoadFile(database, folder, loadId, ordinal);
  await database.db.transaction().execute((trx) => finishStaging(trx, loadId));
}

/** Stages one file of a load. */
export async function stageLoadFile(
  database: TestDatabase,
  folder: string,
  loadId: string,
  ordinal: number,
): Promise<void> {
  await stageFile({
    databaseUrl: database.url,
    loadId,
    ordinal,
    workDir: join(folder, 'work'),
    progress: silentProgress,
    logger: silentLogger,
  });
}

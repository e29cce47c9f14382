/**
 * Stores a staged file in PostgreSQL: charges and days of SKUs by COPY, the file's own sums and its mark, in one transaction that commits only after the
 * file's origins are there (store-origins.ts). synchronous_commit is off for it: a crash of the server may then lose the whole transaction, mark included, and the file is staged
 * again; it can never lose a part. What must be durable is the publication, which flushes everything before it.
 */
import type pg from 'pg';
import { AppError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { IsoDate } from '../kernel/period.ts';
import { copyFile } from './copy-file.ts';
import { MONEY_COLUMNS } from './focus-columns.ts';
import { CHARGE_COPY_COLUMNS } from './group-charges.ts';
import { SKU_DAY_COLUMNS } from './sku-days.ts';
import type { FileTotal } from './sum-file.ts';

export interface StagingWork {
  readonly loadId: string;
  readonly ordinal: number;
  readonly fileName: string;
  readonly archivePath: string;
  readonly periodStart: IsoDate;
  readonly periodEnd: IsoDate;
}

export interface StagedFiles {
  readonly charges: string;
  readonly singles: string | null;
  readonly skuDays: string;
}

/**
 * What is to be staged, or null where it has been.
 * @throws AppError not_found, or conflict where the load is beyond staging.
 */
export async function findStagingWork(client: pg.Client, loadId: string, ordinal: number): Promise<StagingWork | null> {
  const { rows } = await client.query<{
    name: string;
    archive_path: string;
    staged: boolean;
    state: string;
    period_start: string;
    period_end: string;
  }>(
    `select load_file.name, archive_path, load_file.staged_at is not null as staged, state,
      billing_period_start::text as period_start, billing_period_end::text as period_end
     from load_file join load on load.id = load_file.load_id where load_id = $1 and ordinal = $2`,
    [loadId, ordinal],
  );
  const [row] = rows;
  if (row === undefined) throw new AppError('not_found', `There is no file ${ordinal} of load ${loadId}.`);
  if (row.staged) return null;
  if (row.state !== 'staging') {
    throw new AppError(
      'conflict',
      `Load ${loadId} is ${row.state}; its files cannot be staged any more. Ingest the bill again.`,
    );
  }
  return {
    loadId,
    ordinal,
    fileName: row.name,
    archivePath: row.archive_path,
    periodStart: row.period_start,
    periodEnd: row.period_end,
  };
}

/**
 * Writes everything and commits once `origins` has; false where another run was faster. The client must be idle.
 * @throws what `origins` throws; nothing is committed then.
 */
export async function storeStaged(
  client: pg.Client,
  work: StagingWork,
  files: StagedFiles,
  totals: readonly FileTotal[],
  origins: Promise<void>,
): Promise<boolean> {
  await client.query('begin');
  try {
    await client.query('set local synchronous_commit = off');
    const isDue = await lockFile(client, work);
    if (isDue) await store(client, work, files, totals);
    await origins;
    faultPoint('stage-before-commit');
    await client.query('commit');
    faultPoint('stage-after-commit');
    return isDue;
  } catch (error) {
    await client.query('rollback').catch(() => undefined); // The connection may be what failed.
    throw error;
  }
}

async function store(
  client: pg.Client,
  work: StagingWork,
  files: StagedFiles,
  totals: readonly FileTotal[],
): Promise<void> {
  const { loadId, ordinal } = work;
  const { rows } = await client.query<{ is_new: boolean }>(`select to_regclass('charge_' || $1) is null as is_new`, [
    loadId,
  ]);
  const isNew = rows[0]?.is_new === true;
  if (isNew) await client.query('select create_charge_table($1)', [loadId]);
  // A table made in this very transaction is seen by nobody: its rows need no later freezing.
  const into = `charge_${BigInt(loadId)} (${CHARGE_COPY_COLUMNS.join(', ')})`;
  const options = isNew ? 'format csv, freeze' : 'format csv';
  await copyFile(client, `${into} from stdin (${options})`, files.charges);
  if (files.singles !== null) await copyFile(client, `${into} from stdin (${options})`, files.singles);
  await copyFile(client, `load_sku_day (${SKU_DAY_COLUMNS.join(', ')}) from stdin (format csv)`, files.skuDays);
  faultPoint('stage-after-charges');
  for (const total of totals) {
    await client.query(
      `insert into load_file_total (load_id, ordinal, billing_currency, row_count, ${MONEY_COLUMNS.map(({ sql }) => sql).join(', ')})
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [loadId, ordinal, total.billingCurrency, total.rowCount, ...total.costs],
    );
  }
  await client.query('update load_file set staged_at = now() where load_id = $1 and ordinal = $2', [loadId, ordinal]);
}

/** A mark set by a run that was faster is seen here, and a load that failed meanwhile takes no more charges. */
async function lockFile(client: pg.Client, { loadId, ordinal }: StagingWork): Promise<boolean> {
  const { rows } = await client.query<{ due: boolean }>(
    `select load_file.staged_at is null and state = 'staging' as due from load_file join load on load.id = load_id
     where load_id = $1 and ordinal = $2 for update of load_file for key share of load`,
    [loadId, ordinal],
  );
  return rows[0]?.due === true;
}

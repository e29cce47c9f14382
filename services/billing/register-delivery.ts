/**
 * Turns inspected files into loads, one per billing period. The manifest digest (over the contents of the period's files) recognises a
 * delivery: equal to the current load it changes nothing, equal to an unfinished load it goes on with that one.
 *
 * A delivery replaces the billing period, or is appended to it: then the newest load's files are part of the new load too, read from
 * the archive again, so that a load is always the whole period and replacing it stays one step.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { DELIVERY_LOCK_CLASS } from '../kernel/advisory-locks.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import type { BillPeriod } from './check-lines.ts';
import type { InspectedFile } from './inspected-file.ts';

export interface RegisterOptions {
  readonly sourceId: string;
  readonly files: readonly InspectedFile[];
  /** The order of deliveries: a later one replaces an earlier one. */
  readonly deliveredAt: Date;
  /** The delivery is what there is now, whatever the clock said at former ones. */
  readonly isNewest?: boolean;
  /** Where a source's deliveries were looked for; absent: named by hand. */
  readonly place?: string;
  /** False: a delivery that was refused as a load before is refused again with the same words, and makes no further load. */
  readonly repeatsFailed?: boolean;
  /** The billing period of a file that has only a header. */
  readonly period?: { readonly start: IsoDate; readonly end: IsoDate };
  /** Lets billing accounts of the published load disappear. */
  readonly mayDropAccounts: boolean;
  /** The files hold only what is new in their billing periods (Oracle, Google Cloud); what was delivered before stays. */
  readonly appends?: boolean;
}

export interface RegisteredLoad {
  readonly loadId: string;
  readonly billingPeriodStart: IsoDate;
  readonly billingPeriodEnd: IsoDate;
  /** The current load has the very same files: nothing is to be done. */
  readonly unchanged: boolean;
  /** An earlier run had begun this very delivery; the load is its own. */
  readonly resumed: boolean;
}

interface PeriodFiles {
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly files: readonly { readonly file: InspectedFile; readonly facts: BillPeriod | null }[];
}

/**
 * Registers a delivery and returns its loads in order of billing period.
 * @throws AppError not_found (no such source), invalid_input (two files are the same, a header-only file without a period, a period that
 * the files contradict).
 */
export async function registerDelivery(db: Kysely<DB>, options: RegisterOptions): Promise<RegisteredLoad[]> {
  refuseSameFileTwice(options.files);
  const periods = groupByPeriod(options);
  const loads = await db.transaction().execute(async (trx) => {
    // Two commands with one delivery: the second finds the load of the first.
    await sql`select pg_advisory_xact_lock(${DELIVERY_LOCK_CLASS}, hashtext(${options.sourceId}))`.execute(trx);
    await refuseUnknownSource(trx, options.sourceId);
    const registered: RegisteredLoad[] = [];
    for (const period of periods) registered.push(await registerPeriod(trx, options, period));
    faultPoint('register-before-commit');
    return registered;
  });
  faultPoint('register-after-commit');
  return loads;
}

async function registerPeriod(
  trx: Transaction<DB>,
  options: RegisterOptions,
  period: PeriodFiles,
): Promise<RegisteredLoad> {
  const base = options.appends === true ? await readAppendBase(trx, options.sourceId, period) : null;
  const digest = digestOf([...(base?.contents ?? []), ...period.files.map(({ file }) => contentOf(file.archivePath))]);
  const named = { billingPeriodStart: period.start, billingPeriodEnd: period.end };
  const { rows } = await sql<{ id: string; state: string }>`
    select id, state from load
    where source_id = ${options.sourceId} and billing_period_start = ${period.start}::date and billing_period_end = ${period.end}::date
      and manifest_digest = ${digest} and state in ('staging', 'staged', 'published')
    order by (state = 'published') desc, id desc limit 1`.execute(trx);
  const [known] = rows;
  if (known?.state === 'published') return { loadId: known.id, ...named, unchanged: true, resumed: false };
  if (known !== undefined) {
    await sql`update load set may_drop_accounts = may_drop_accounts or ${options.mayDropAccounts},
      delivered_at = greatest(delivered_at, ${options.deliveredAt.toISOString()}::timestamptz) where id = ${known.id}::bigint`.execute(
      trx,
    );
    return { loadId: known.id, ...named, unchanged: false, resumed: true };
  }
  const at = { ...options, deliveredAt: await orderOf(trx, options, period) };
  const former = await readFormer(trx, at, period, digest);
  if (former?.state === 'superseded') return { loadId: former.id, ...named, unchanged: true, resumed: false };
  if (former !== null && options.repeatsFailed === false) throw new AppError(former.code, former.message);
  const loadId = await insertLoad(trx, at, period, { digest, base });
  return { loadId, ...named, unchanged: false, resumed: false };
}

/**
 * When the delivery counts as made. What comes from another place than the current load is later, whatever either provider wrote on it;
 * and a run's own time never lies before one that was taken when the clock was ahead.
 */
async function orderOf(trx: Transaction<DB>, options: RegisterOptions, period: PeriodFiles): Promise<Date> {
  const { sourceId, deliveredAt, place = null, isNewest = false } = options;
  const { rows } = await sql<{ latest: Date | null }>`
    select max(delivered_at) as latest from load
    where source_id = ${sourceId} and billing_period_start = ${period.start}::date and billing_period_end = ${period.end}::date
      and state in ('staging', 'staged', 'published') and (${isNewest} or place <> ${place})`.execute(trx);
  const latest = rows[0]?.latest ?? null;
  return latest === null || latest < deliveredAt ? deliveredAt : latest;
}

type Former =
  | { readonly id: string; readonly state: 'superseded' }
  | { readonly state: 'failed'; readonly code: ErrorCode; readonly message: string };

/** Refusals that the same files meet again. */
const LASTING: readonly ErrorCode[] = [
  'invalid_bill',
  'would_drop_account',
  'control_total_mismatch',
  'conservation_broken',
];

/**
 * The very same delivery as it ended before: superseded by a later one that is current, so that reading it again would change nothing; or
 * refused, and the last of its period.
 */
async function readFormer(
  trx: Transaction<DB>,
  { sourceId, deliveredAt, mayDropAccounts }: RegisterOptions,
  { start, end }: PeriodFiles,
  digest: string,
): Promise<Former | null> {
  const { rows } = await sql<{ id: string; state: Former['state']; code: ErrorCode | null; message: string | null }>`
    with period as (
      select id, state, manifest_digest, delivered_at, failure from load
      where source_id = ${sourceId} and billing_period_start = ${start}::date and billing_period_end = ${end}::date)
    select id, state, failure ->> 'code' as code, failure ->> 'message' as message from period
    where manifest_digest = ${digest} and (
      state = 'superseded' and delivered_at >= ${deliveredAt.toISOString()}::timestamptz
        and exists (select from period as current where current.state = 'published' and current.delivered_at > ${deliveredAt.toISOString()}::timestamptz)
      or state = 'failed' and id = (select max(id) from period) and failure ->> 'code' = any(${LASTING}) and not ${mayDropAccounts})
    order by state desc limit 1`.execute(trx);
  const [former] = rows;
  if (former === undefined) return null;
  return former.state === 'superseded'
    ? { id: former.id, state: 'superseded' }
    : { state: 'failed', code: former.code ?? 'invalid_bill', message: former.message ?? '' };
}

interface AppendBase {
  readonly loadId: string;
  readonly fileCount: number;
  /** Of the files that the delivery does not bring itself. */
  readonly hashes: readonly string[];
  readonly contents: readonly string[];
}

/**
 * The newest load of the period, finished or not, so that of two deliveries at once neither loses the other's files. Null where there
 * is none: the delivery is the first.
 */
async function readAppendBase(
  trx: Transaction<DB>,
  sourceId: string,
  { start, end, files }: PeriodFiles,
): Promise<AppendBase | null> {
  const delivered = new Set(files.map(({ file }) => file.sha256));
  const { rows } = await sql<{ load_id: string; hashes: string[]; paths: string[] }>`
    select load.id as load_id, array_agg(load_file.sha256 order by ordinal) as hashes, array_agg(archive_path order by ordinal) as paths from load join load_file on load_file.load_id = load.id
    where source_id = ${sourceId} and billing_period_start = ${start}::date and billing_period_end = ${end}::date
      and state in ('staging', 'staged', 'published')
    group by load.id order by delivered_at desc, load.id desc limit 1`.execute(trx);
  const [newest] = rows;
  if (newest === undefined) return null;
  const kept = newest.hashes.flatMap((hash, index) => (delivered.has(hash) ? [] : [index]));
  return {
    loadId: newest.load_id,
    fileCount: kept.length,
    hashes: kept.flatMap((index) => newest.hashes[index] ?? []),
    contents: kept.map((index) => contentOf(newest.paths[index] ?? '')),
  };
}

async function insertLoad(
  trx: Transaction<DB>,
  options: RegisterOptions,
  period: PeriodFiles,
  { digest, base }: { digest: string; base: AppendBase | null },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into load (source_id, billing_period_start, billing_period_end, state, manifest_digest, delivered_at, may_drop_accounts,
      appended_to_load_id, place)
    values (${options.sourceId}, ${period.start}::date, ${period.end}::date, 'staging', ${digest},
      ${options.deliveredAt.toISOString()}::timestamptz, ${options.mayDropAccounts}, ${base?.loadId ?? null}::bigint, ${options.place ?? null})
    returning id`.execute(trx);
  const loadId = rows[0]?.id ?? '';
  const firstOrdinal = base === null ? 1 : base.fileCount + 1;
  if (base !== null) {
    await sql`
      insert into load_file (load_id, ordinal, name, sha256, format, dialect, assumed_currency, focus_version, archive_path, row_count,
        data_as_of, usage_until)
      select ${loadId}::bigint, row_number() over (order by ordinal), name, sha256, format, dialect, assumed_currency, focus_version,
        archive_path, row_count, data_as_of, usage_until
      from load_file where load_id = ${base.loadId}::bigint and sha256 = any(${base.hashes}::text[])`.execute(trx);
  }
  for (const [index, { file, facts }] of period.files.entries()) {
    await sql`
      insert into load_file (load_id, ordinal, name, sha256, format, dialect, assumed_currency, focus_version, archive_path, row_count,
        data_as_of, usage_until)
      values (${loadId}::bigint, ${index + firstOrdinal}, ${file.name}, ${file.sha256}, ${file.format}, ${file.dialect ?? null},
        ${file.assumedCurrency ?? null}, ${file.focusVersion}, ${file.archivePath},
        ${facts?.rowCount ?? 0}, ${facts?.dataAsOf ?? null}::timestamptz, ${facts?.usageUntil ?? null}::timestamptz)`.execute(
      trx,
    );
  }
  // A single file makes the table in its own transaction, which spares the rows a later freezing; several need it beforehand.
  if (period.files.length + (base?.fileCount ?? 0) > 1)
    await sql`select create_charge_table(${loadId}::bigint)`.execute(trx);
  return loadId;
}

/** Every file under each of its billing periods; header-only files under the one that the caller or the other files name. */
function groupByPeriod({ files, period }: RegisterOptions): PeriodFiles[] {
  const found = new Map<
    string,
    { start: IsoDate; end: IsoDate; files: { file: InspectedFile; facts: BillPeriod | null }[] }
  >();
  const at = (start: IsoDate, end: IsoDate) => {
    const name = billingPeriodName(start, end);
    const entry = found.get(name) ?? { start, end, files: [] };
    found.set(name, entry);
    return entry;
  };
  for (const file of files) for (const facts of file.periods) at(facts.start, facts.end).files.push({ file, facts });
  if (period !== undefined) refuseOtherPeriod([...found.keys()], billingPeriodName(period.start, period.end));
  const [only] = found.size === 1 ? [...found.values()] : [];
  for (const file of files.filter((candidate) => candidate.periods.length === 0)) {
    const home = period ?? only;
    if (home === undefined) {
      throw new AppError(
        'invalid_input',
        `${file.name} has only a header, so it does not tell its billing period. Say which one it is, for instance --period 2026-09.`,
      );
    }
    at(home.start, home.end).files.push({ file, facts: null });
  }
  return [...found.values()].sort((left, right) =>
    `${left.start}${left.end}` < `${right.start}${right.end}` ? -1 : 1,
  );
}

function refuseOtherPeriod(found: readonly string[], asked: string): void {
  const others = found.filter((name) => name !== asked);
  if (others.length === 0) return;
  throw new AppError(
    'invalid_input',
    `The files bill ${others.join(', ')}, not ${asked}. Leave the period out (it is only needed for files without lines), or name other files.`,
  );
}

/** The same bill twice in one delivery would count twice; files that have only a header do no harm. */
function refuseSameFileTwice(files: readonly InspectedFile[]): void {
  const names = new Map<string, string>();
  for (const file of files) {
    const twin = names.get(file.sha256);
    if (twin !== undefined && file.rowCount > 0) {
      throw new AppError(
        'invalid_input',
        `${twin} and ${file.name} are the same file (SHA-256 ${file.sha256.slice(0, 12)}…): its charges would count twice. Remove one of them.`,
      );
    }
    names.set(file.sha256, file.name);
  }
}

async function refuseUnknownSource(trx: Transaction<DB>, sourceId: string): Promise<void> {
  const { rows } = await sql`select from source where id = ${sourceId} and removed_at is null`.execute(trx);
  if (rows.length > 0) return;
  throw new AppError(
    'not_found',
    `There is no source "${sourceId}". Add it to the organisation file and run "outturn apply".`,
  );
}

/** The name in the archive tells the file's hash and, where it is no FOCUS, how it was read: read in another way it is another bill. */
function contentOf(archivePath: string): string {
  return basename(archivePath, '.parquet');
}

function digestOf(contents: readonly string[]): string {
  return createHash('sha256')
    .update([...contents].sort().join('\n'))
    .digest('hex');
}

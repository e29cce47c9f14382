/**
 * Closes staging: reads back what arrived in PostgreSQL and compares it with what the files said of themselves, per currency and metric,
 * before anything else may use the load. The two sums come from different systems and different queries. What is read back is kept by
 * origin and charge month (`load_origin`), the great ones again apart (`load_top_origin`), and the charges get their index by origin:
 * an explanation looks up all three. Its days of SKUs (`load_sku_day`), which came with its files, must add up to the same.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compare, type Decimal, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import { recordFileOverlaps } from './file-overlaps.ts';
import { MONEY_COLUMNS } from './focus-columns.ts';

interface LoadRow {
  readonly state: string;
  readonly source_id: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly may_drop_accounts: boolean;
  readonly unstaged: number;
}

const METRICS = sql.join(MONEY_COLUMNS.map((column) => sql.ref(column.sql)));

type TotalRow = { readonly billing_currency: string; readonly row_count: string } & Readonly<
  Record<'billed_cost' | 'effective_cost' | 'list_cost' | 'contracted_cost', Decimal>
>;

type Metric = keyof Omit<TotalRow, 'billing_currency' | 'row_count'>;

/**
 * Writes the load's origins, totals, scopes and counts and makes it `staged`. Does nothing where that was done before.
 * @throws AppError conflict (a file is not staged, or the load is past it), control_total_mismatch, would_drop_account.
 */
export async function finishStaging(trx: Transaction<DB>, loadId: string): Promise<void> {
  const load = await lockLoad(trx, loadId);
  if (load.state !== 'staging') {
    if (load.state !== 'failed') return;
    throw new AppError('conflict', `Load ${loadId} failed; it cannot go on. Ingest the bill again.`);
  }
  if (load.unstaged > 0)
    throw new AppError('conflict', `Load ${loadId} has ${load.unstaged} files that are not staged yet.`);
  await writeOrigins(trx, loadId);
  await refuseMismatch(trx, loadId);
  await writeScopes(trx, loadId);
  await recordFileOverlaps(trx, loadId);
  if (!load.may_drop_accounts) await refuseDroppedAccounts(trx, loadId, load);
  await sql`
    update load set state = 'staged', staged_at = now(), row_count = counted.lines, charge_count = counted.charges,
      uninvoiced_charge_count = counted.charges - counted.invoiced, data_as_of = files.data_as_of, usage_until = files.usage_until
    from (select count(*) as charges, count(invoice_id) as invoiced, coalesce(sum(line_count), 0) as lines
        from ${chargeTable(loadId)}) as counted,
      (select max(data_as_of) as data_as_of, max(usage_until) as usage_until from load_file where load_id = ${loadId}::bigint) as files
    where id = ${loadId}::bigint`.execute(trx);
  faultPoint('finish-before-commit');
}

async function lockLoad(trx: Transaction<DB>, loadId: string): Promise<LoadRow> {
  const { rows } = await sql<LoadRow>`
    select state, source_id, billing_period_start as start, billing_period_end as "end", may_drop_accounts,
      (select count(*)::int from load_file where load_id = load.id and staged_at is null) as unstaged
    from load where id = ${loadId}::bigint for update`.execute(trx);
  const [load] = rows;
  if (load === undefined) throw new AppError('not_found', `There is no load ${loadId}.`);
  return load;
}

/**
 * Sums the charges by origin and charge month. They were copied in the order of their origins, so the index that explanations need
 * also gives them in groups: no hash table of as many sums as there are origins, and no sort.
 */
async function writeOrigins(trx: Transaction<DB>, loadId: string): Promise<void> {
  const table = chargeTable(loadId);
  const index = sql.ref(`charge_${BigInt(loadId)}_origin_id_idx`);
  await sql`create index if not exists ${index} on ${table} (origin_id)`.execute(trx);
  const sums = sql.join(MONEY_COLUMNS.map((column) => sql`trim_scale(sum(${sql.ref(column.sql)}))`));
  const settings = ['enable_hashagg', 'enable_sort', 'enable_seqscan', 'jit'];
  for (const name of settings) await sql`select set_config(${name}, 'off', true)`.execute(trx);
  await sql`
    insert into load_origin (load_id, origin_id, charge_month, billing_currency, ${METRICS}, line_count)
    select ${loadId}::bigint, origin_id, (date_trunc('month', charge_date::timestamp))::date as charge_month, billing_currency, ${sums},
      sum(line_count)
    from ${table} group by origin_id, charge_month, billing_currency`.execute(trx);
  for (const name of settings) await sql`set local ${sql.ref(name)} to default`.execute(trx);
  await sql`select fill_load_top_origin(${loadId}::bigint)`.execute(trx);
}

/** Reads the sums back into load_total and holds them against the files' own. */
async function refuseMismatch(trx: Transaction<DB>, loadId: string): Promise<void> {
  const sums = sql.join(
    MONEY_COLUMNS.map((column) => sql`trim_scale(sum(${sql.ref(column.sql)})) as ${sql.ref(column.sql)}`),
  );
  const { rows: arrived } = await sql<TotalRow>`
    insert into load_total (load_id, billing_currency, row_count, ${METRICS})
    select load_id, billing_currency, sum(line_count), ${sums} from load_origin where load_id = ${loadId}::bigint
    group by load_id, billing_currency
    returning billing_currency, row_count, ${METRICS}`.execute(trx);
  const { rows: said } = await sql<TotalRow>`
    select billing_currency, sum(row_count)::text as row_count, ${sums} from load_file_total where load_id = ${loadId}::bigint
    group by billing_currency`.execute(trx);
  const currencies = new Set([...arrived, ...said].map((row) => row.billing_currency));
  const { rows: ofDays } = await sql<TotalRow>`
    select billing_currency, ${sums} from load_sku_day where load_id = ${loadId}::bigint group by billing_currency`.execute(
    trx,
  );
  const differences = [...currencies].sort().flatMap((currency) => {
    const [left, right, days] = [said, arrived, ofDays].map((rows) =>
      rows.find((row) => row.billing_currency === currency),
    );
    return [...compareTotals(currency, left, right), ...compareDays(currency, right, days)];
  });
  if (differences.length === 0) return;
  throw new AppError(
    'control_total_mismatch',
    `What arrived of load ${loadId} is not what its files hold: ${differences.join('; ')}. Nothing was published; please report this bill to the maintainers.`,
    { details: { loadId, differences } },
  );
}

function compareTotals(currency: string, said: TotalRow | undefined, arrived: TotalRow | undefined): string[] {
  if (said === undefined || arrived === undefined)
    return [`${currency} is only ${said === undefined ? 'in what arrived' : 'in the files'}`];
  const lines =
    said.row_count === arrived.row_count
      ? []
      : [`${currency} lines ${said.row_count} in the files, ${arrived.row_count} arrived`];
  const sums = MONEY_COLUMNS.flatMap((column) => {
    const metric = column.sql as Metric;
    if (compare(said[metric], arrived[metric]) === 0) return [];
    return [`${column.focus} ${said[metric]} ${currency} in the files, ${arrived[metric]} arrived`];
  });
  return [...lines, ...sums];
}

/** The days of SKUs are sums of the same lines by another way. */
function compareDays(currency: string, arrived: TotalRow | undefined, days: TotalRow | undefined): string[] {
  if (arrived === undefined) return [];
  return MONEY_COLUMNS.flatMap((column) => {
    const metric = column.sql as Metric;
    const found = days?.[metric] ?? ZERO;
    if (compare(arrived[metric], found) === 0) return [];
    return [`${column.focus} ${arrived[metric]} ${currency} arrived, its days of SKUs hold ${found}`];
  });
}

/** Whose bill it is: by sub account, which tells two exports of one bill from two halves of it, and by billing account. */
async function writeScopes(trx: Transaction<DB>, loadId: string): Promise<void> {
  await sql`
    insert into load_scope (load_id, provider_name, billing_account_id, sub_account_id)
    select distinct ${loadId}::bigint, provider_name, billing_account_id, sub_account_id
    from origin where id in (select origin_id from load_origin where load_id = ${loadId}::bigint)`.execute(trx);
  await sql`
    insert into load_account (load_id, provider_name, billing_account_id)
    select distinct load_id, provider_name, billing_account_id from load_scope where load_id = ${loadId}::bigint`.execute(
    trx,
  );
}

/** A delivery of a whole billing period that lacks an account of the published one is more likely a wrong file than a closed account. */
async function refuseDroppedAccounts(trx: Transaction<DB>, loadId: string, load: LoadRow): Promise<void> {
  const { rows: dropped } = await sql<{ provider_name: string; billing_account_id: string }>`
    select provider_name, billing_account_id from load_account join load on load.id = load_id
    where source_id = ${load.source_id} and billing_period_start = ${load.start}::date and billing_period_end = ${load.end}::date
      and state = 'published'
    except select provider_name, billing_account_id from load_account where load_id = ${loadId}::bigint
    order by 1, 2`.execute(trx);
  if (dropped.length === 0) return;
  const accounts = dropped.map((row) => ({
    providerName: row.provider_name,
    billingAccountId: row.billing_account_id,
  }));
  const named = accounts.slice(0, 5).map((account) => `${account.billingAccountId} (${account.providerName})`);
  throw new AppError(
    'would_drop_account',
    `This delivery of ${billingPeriodName(load.start, load.end)} to source "${load.source_id}" would remove ${accounts.length === 1 ? 'billing account' : `${accounts.length} billing accounts, among them`} ` +
      `${named.join(', ')}: a delivery replaces the whole billing period of its source. If these are other accounts' bills, give them a source of their own with --source (over HTTP "sourceId"); ` +
      'if the accounts are meant to go, repeat with --replace (over HTTP "mayDropAccounts").',
    { details: { loadId, accounts } },
  );
}

function chargeTable(loadId: string) {
  return sql.table(`charge_${BigInt(loadId)}`);
}

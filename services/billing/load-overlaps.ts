/**
 * One bill in two sources: a billing account's export and that of one of its sub accounts, or the same file given to two sources. Every
 * source counts, so such money would be counted twice. It is found when the later load is published and warned of with the money at
 * stake; it is not refused, because two feeds may rightly share an account (ADR 0019).
 *
 * Two loads overlap where they bill the same service of the same sub account of the same billing account on the same charge date in the
 * same currency, in billing periods that intersect. Services are left out where one side sums over them or has its own names of them (AWS
 * Cost Explorer). At stake is the lesser of both sides, day by day. A load that overlaps itself has
 * files that repeat each other (file-overlaps.ts).
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from '../attribution/bulk-plans.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import { MONEY_COLUMNS } from './focus-columns.ts';

/** What a load and one of another source both bill, or two files of one load: then the other load is the load itself. */
export interface LoadWarning {
  readonly code: 'overlapping_scope' | 'overlapping_files';
  /** A sentence for people: what, how much, and what to do. */
  readonly message: string;
  readonly otherLoadId: string;
  readonly otherSourceId: string;
  readonly firstChargeDate: IsoDate;
  readonly lastChargeDate: IsoDate;
  /** The first of them; `scopeCount` says how many there are. */
  readonly scopes: readonly {
    readonly providerName: string;
    readonly billingAccountId: string;
    readonly subAccountId: string | null;
  }[];
  readonly scopeCount: number;
  /** Charges that both have, equal to the last decimal. */
  readonly sameCharges: string;
  /** What may be counted twice. */
  readonly atStake: readonly {
    readonly billingCurrency: string;
    readonly billedCost: Decimal;
    readonly effectiveCost: Decimal;
    readonly listCost: Decimal;
    readonly contractedCost: Decimal;
  }[];
}

/** Sources whose services are not those of the provider's exports. */
const OWN_SERVICES = ['aws-cost-explorer'];
const SCOPES_SHOWN_MAX = 20;
const METRICS = MONEY_COLUMNS.map((column) => column.sql);
const SCOPE = sql`provider_name, billing_account_id, sub_account_id`;
const DAY_KEY = sql`provider_name, billing_account_id, sub_account_id, service_name, charge_date, billing_currency`;

/**
 * Notes where the load, published a moment ago in this transaction under its months' locks, overlaps published loads of other sources.
 * Loads that share no sub account cost one look at their scopes. Gives the ids of the loads it overlaps.
 */
export async function recordOverlaps(trx: Transaction<DB>, loadId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select other.id from load as own
    join load as other on other.state = 'published' and other.source_id <> own.source_id
      and other.billing_period_start < own.billing_period_end and other.billing_period_end > own.billing_period_start
    where own.id = ${loadId}::bigint and exists (
      select ${SCOPE} from load_scope where load_id = own.id intersect select ${SCOPE} from load_scope where load_id = other.id)
    order by other.id
  `.execute(trx);
  const found: string[] = [];
  for (const { id } of rows) if (await withBulkPlans(trx, () => insertOverlap(trx, loadId, id))) found.push(id);
  return found;
}

async function insertOverlap(trx: Transaction<DB>, loadId: string, otherLoadId: string): Promise<boolean> {
  const each = (part: (metric: string) => RawBuilder<unknown>) => sql.join(METRICS.map(part));
  const lesser = (metric: string) => {
    const [own, other] = [sql.ref(`own.${metric}`), sql.ref(`other.${metric}`)];
    return sql`trim_scale(sum(case when sign(${own}) <> sign(${other}) then 0
      when abs(${own}) < abs(${other}) then ${own} else ${other} end))`;
  };
  const result = await sql`
    insert into load_overlap (load_id, other_load_id, ${SCOPE}, first_charge_date, last_charge_date, billing_currency,
      ${each((metric) => sql.ref(metric))}, same_charge_count)
    with shared_scope as (
      select ${SCOPE} from load_scope where load_id = ${loadId}::bigint
      intersect select ${SCOPE} from load_scope where load_id = ${otherLoadId}::bigint
    ), pair as (
      select not bool_or(source.kind = any(${OWN_SERVICES}::text[])) as has_services
      from load join source on source.id = load.source_id where load.id in (${loadId}::bigint, ${otherLoadId}::bigint)
    ), own_charge as materialized (${chargesOf(loadId)}), other_charge as materialized (${chargesOf(otherLoadId)}),
    own as (${sumsByDay('own_charge')}), other as (${sumsByDay('other_charge')}),
    at_stake as (
      select ${SCOPE}, min(charge_date) as first_charge_date, max(charge_date) as last_charge_date, billing_currency, ${each((metric) => sql`${lesser(metric)} as ${sql.ref(metric)}`)}
      from own join other using (${DAY_KEY}) group by ${SCOPE}, billing_currency
    ), same as (
      select ${SCOPE}, billing_currency, count(*) as charges from own_charge
      where exists (select from other_charge where ${sql.join(
        ['origin_id', 'charge_date', 'billing_currency', ...METRICS].map(
          (column) => sql`${sql.ref(`other_charge.${column}`)} = ${sql.ref(`own_charge.${column}`)}`,
        ),
        sql` and `,
      )})
      group by ${SCOPE}, billing_currency
    )
    select ${loadId}::bigint, ${otherLoadId}::bigint, provider_name, billing_account_id, nullif(sub_account_id, ''), first_charge_date,
      last_charge_date, billing_currency, ${each((metric) => sql.ref(metric))}, coalesce(same.charges, 0)
    from at_stake left join same using (${SCOPE}, billing_currency)
  `.execute(trx);
  return (result.numAffectedRows ?? 0n) > 0n;
}

/** Charges of the shared scopes. Nothing is told apart from an empty text, so that keys can be hashed. */
function chargesOf(loadId: string): RawBuilder<unknown> {
  return sql`
    select origin_id, charge_date, billing_currency, ${sql.join(METRICS.map((metric) => sql.ref(metric)))},
      origin.provider_name, origin.billing_account_id, coalesce(origin.sub_account_id, '') as sub_account_id,
      case when (select has_services from pair) then coalesce(origin.service_name, '') else '' end as service_name
    from charge join origin on origin.id = charge.origin_id
    join shared_scope on shared_scope.provider_name = origin.provider_name
      and shared_scope.billing_account_id = origin.billing_account_id
      and coalesce(shared_scope.sub_account_id, '') = coalesce(origin.sub_account_id, '')
    where charge.load_id = ${loadId}::bigint`;
}

function sumsByDay(charges: string): RawBuilder<unknown> {
  const sums = METRICS.map((metric) => sql`sum(${sql.ref(metric)}) as ${sql.ref(metric)}`);
  return sql`select ${DAY_KEY}, ${sql.join(sums)} from ${sql.table(charges)} group by ${DAY_KEY}`;
}

interface OverlapRow {
  readonly load_id: string;
  readonly source_id: string;
  readonly other_load_id: string;
  readonly other_source_id: string;
  readonly first_charge_date: IsoDate;
  readonly last_charge_date: IsoDate;
  readonly scopes: LoadWarning['scopes'];
  readonly scope_count: number;
  readonly same_charges: string;
  readonly at_stake: LoadWarning['atStake'];
}

/** The warnings of these loads, by load id: of a pair both sides are warned, and only while both are published. */
export async function readOverlaps(
  db: Kysely<DB>,
  loadIds: readonly string[],
): Promise<ReadonlyMap<string, readonly LoadWarning[]>> {
  // Money inside JSON is text: a driver would read a JSON number as a float.
  const money = ['billedCost', 'effectiveCost', 'listCost', 'contractedCost'].map(
    (name, index) => sql`${sql.lit(name)}, trim_scale(${sql.ref(METRICS[index] ?? '')})::text`,
  );
  const { rows } = await sql<OverlapRow>`
    with overlap as (
      select own.id as own_id, own.source_id, other.id as other_id, other.source_id as other_source_id, load_overlap.*
      from load_overlap
      cross join lateral (select load_id, other_load_id union select other_load_id, load_id) as pair (own_id, other_id)
      join load as own on own.id = pair.own_id and own.state = 'published'
      join load as other on other.id = pair.other_id and other.state = 'published'
      where own.id = any(${loadIds}::bigint[])
    ), scope as (
      select own_id, other_id, count(*)::int as scope_count, jsonb_agg(jsonb_build_object('providerName', provider_name,
        'billingAccountId', billing_account_id, 'subAccountId', sub_account_id) order by ordinal) filter (where ordinal <= ${SCOPES_SHOWN_MAX}) as scopes
      from (
        select own_id, other_id, ${SCOPE}, row_number() over (partition by own_id, other_id
          order by provider_name collate "C", billing_account_id collate "C", sub_account_id collate "C" nulls last) as ordinal
        from overlap group by own_id, other_id, ${SCOPE}
      ) as one group by own_id, other_id
    ), at_stake as (
      select own_id, source_id, other_id, other_source_id, billing_currency, min(first_charge_date) as first_charge_date,
        max(last_charge_date) as last_charge_date, sum(same_charge_count) as same_charges,
        ${sql.join(METRICS.map((metric) => sql`sum(${sql.ref(metric)}) as ${sql.ref(metric)}`))}
      from overlap group by own_id, source_id, other_id, other_source_id, billing_currency
    )
    select own_id as load_id, source_id, other_id as other_load_id, other_source_id, min(first_charge_date) as first_charge_date,
      max(last_charge_date) as last_charge_date, scopes, scope_count, sum(same_charges)::text as same_charges,
      jsonb_agg(jsonb_build_object('billingCurrency', billing_currency, ${sql.join(money)}) order by billing_currency collate "C") as at_stake
    from at_stake join scope using (own_id, other_id)
    group by own_id, source_id, other_id, other_source_id, scopes, scope_count
    order by own_id, other_id
  `.execute(db);
  const warnings = new Map<string, LoadWarning[]>();
  for (const row of rows) warnings.set(row.load_id, [...(warnings.get(row.load_id) ?? []), toWarning(row)]);
  return warnings;
}

/** Every overlap of published loads, each pair once, told from the side of the load that was published later. */
export async function listOverlaps(db: Kysely<DB>): Promise<LoadWarning[]> {
  const { rows } = await sql<{ load_id: string; other_load_id: string }>`
    select distinct load_id, other_load_id from load_overlap order by load_id, other_load_id
  `.execute(db);
  const loadIds = rows.map((row) => row.load_id);
  const warnings = await readOverlaps(db, [...new Set(loadIds)]);
  return rows.flatMap(
    ({ load_id, other_load_id }) => warnings.get(load_id)?.filter((one) => one.otherLoadId === other_load_id) ?? [],
  );
}

function toWarning(row: OverlapRow): LoadWarning {
  const [first] = row.scopes;
  const place = first === undefined ? '' : `billing account ${first.billingAccountId} (${first.providerName})`;
  const sub = first?.subAccountId == null ? '' : `, sub account ${first.subAccountId}`;
  const more = row.scope_count > 1 ? ` and ${row.scope_count - 1} more` : '';
  const money = row.at_stake.map(
    (one) => `${one.effectiveCost} ${one.billingCurrency} EffectiveCost (${one.billedCost} BilledCost)`,
  );
  const isWithin = row.load_id === row.other_load_id;
  const days = `from ${row.first_charge_date} to ${row.last_charge_date}: ${place}${sub}${more}`;
  const stake = `Up to ${money.join(' and ')} may be counted twice; ${row.same_charges} charges are the same to the last decimal.`;
  return {
    code: isWithin ? 'overlapping_files' : 'overlapping_scope',
    message: isWithin
      ? `Files of load ${row.load_id} of source "${row.source_id}" hold the same lines ${days}. ${stake} ` +
        'Look which files of the delivery repeat others, and deliver it again without them.'
      : `Source "${row.other_source_id}" (load ${row.other_load_id}) bills the same usage ${days}. ${stake} ` +
        `Keep what both cover in one of the sources "${row.source_id}" and "${row.other_source_id}".`,
    otherLoadId: row.other_load_id,
    otherSourceId: row.other_source_id,
    firstChargeDate: row.first_charge_date,
    lastChargeDate: row.last_charge_date,
    scopes: row.scopes,
    scopeCount: row.scope_count,
    sameCharges: row.same_charges,
    atStake: row.at_stake,
  };
}

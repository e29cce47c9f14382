/**
 * Puts origins, charges and staged loads into the database without a bill, and rulebooks without an organisation file: for tests
 * of what happens after staging. Origin ids are counted up, which the product does not mind: it only needs them to differ.
 */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Rule, RulebookContent, RulebookPod } from '../../services/attribution/rulebook.ts';
import { storeRulebook } from '../../services/attribution/store-rulebook.ts';
import { systemPrincipal } from '../../services/kernel/ports.ts';

export interface OriginGiven {
  readonly provider_name?: string | null;
  readonly publisher_name?: string | null;
  readonly invoice_issuer_name?: string | null;
  readonly billing_account_id?: string | null;
  readonly sub_account_id?: string | null;
  readonly sub_account_name?: string | null;
  readonly service_name?: string | null;
  readonly service_category?: string | null;
  readonly region_id?: string | null;
  readonly resource_id?: string | null;
  readonly resource_name?: string | null;
  readonly resource_type?: string | null;
  readonly charge_category?: string | null;
  readonly charge_class?: string | null;
  readonly commitment_discount_id?: string | null;
  readonly commitment_discount_status?: string | null;
  readonly tags?: Readonly<Record<string, string | null>>;
}

export interface ChargeGiven {
  readonly originId: string;
  readonly date: string;
  /** Consumed in hours, where `quantity` says how many. */
  readonly sku?: string;
  readonly quantity?: string;
  readonly currency?: string;
  readonly billed?: string;
  readonly effective?: string;
  readonly list?: string;
  readonly contracted?: string;
}

export interface LoadGiven {
  readonly sourceId?: string;
  readonly start?: string;
  readonly end?: string;
  readonly deliveredAt?: string;
  readonly charges: readonly ChargeGiven[];
}

/** A fixed instant for everything that asks for one. */
export const AT = new Date('2026-10-03T08:00:00Z');

let lastOriginId = 0n;

/** Inserts an origin with its tags folded as the billing reader folds them; gives its id. */
export async function insertOrigin(db: Kysely<DB>, given: OriginGiven): Promise<string> {
  lastOriginId += 1n;
  const { tags = {}, ...attributes } = given;
  const folded: Record<string, string> = {};
  for (const key of Object.keys(tags).sort()) {
    const value = tags[key];
    if (value !== null && value !== undefined && value.trim() !== '') folded[key.trim().toLowerCase()] ??= value;
  }
  const columns = Object.keys(attributes);
  await sql`
    insert into origin (${sql.join(['id', 'digest', 'tags', 'folded_tags', ...columns].map((column) => sql.ref(column)))})
    values (${lastOriginId}, gen_random_uuid(), ${JSON.stringify(tags)}::jsonb, ${JSON.stringify(folded)}::jsonb
      ${columns.length === 0 ? sql`` : sql`, ${sql.join(Object.values(attributes))}`})
  `.execute(db);
  return String(lastOriginId);
}

/** Inserts a staged load of a source's billing period with its charges and totals; gives its id. */
export async function insertStagedLoad(db: Kysely<DB>, given: LoadGiven): Promise<string> {
  const sourceId = given.sourceId ?? 'files';
  await sql`insert into source (id, kind) values (${sourceId}, 'focus-files') on conflict do nothing`.execute(db);
  const { rows } = await sql<{ id: string }>`
    insert into load (source_id, billing_period_start, billing_period_end, state, manifest_digest, delivered_at)
    values (${sourceId}, ${given.start ?? '2026-09-01'}, ${given.end ?? '2026-10-01'}, 'staged', gen_random_uuid()::text,
      ${given.deliveredAt ?? AT.toISOString()})
    returning id
  `.execute(db);
  const loadId = rows[0]?.id ?? '';
  const table = sql.table(`charge_${loadId}`);
  await sql`select create_charge_table(${loadId}::bigint)`.execute(db);
  await sql`
    insert into ${table} (load_id, origin_id, charge_date, sku_id, consumed_unit, consumed_quantity, billing_currency, billed_cost,
      effective_cost, list_cost, contracted_cost, line_count)
    select ${loadId}::bigint, origin_id::bigint, charge_date::date, sku, case when sku is not null then 'Hours' end, quantity::numeric, currency, billed::numeric,
      effective::numeric, list::numeric, contracted::numeric, 1
    from json_to_recordset(${JSON.stringify(given.charges.map(toRow))}::json)
      as charge (origin_id text, charge_date text, sku text, quantity text, currency text, billed text, effective text, list text, contracted text)
  `.execute(db);
  await sql`
    insert into load_total (load_id, billing_currency, row_count, billed_cost, effective_cost, list_cost, contracted_cost)
    select load_id, billing_currency, count(*), sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
    from ${table} group by load_id, billing_currency
  `.execute(db);
  await sql`
    insert into load_origin (load_id, origin_id, charge_month, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost,
      line_count)
    select load_id, origin_id, date_trunc('month', charge_date::timestamp)::date, billing_currency, sum(billed_cost),
      sum(effective_cost), sum(list_cost), sum(contracted_cost), sum(line_count)
    from ${table} group by 1, 2, 3, 4
  `.execute(db);
  await sql`
    insert into load_sku_day (load_id, charge_date, provider_name, service_name, charge_category, is_commitment, sku_id, consumed_unit,
      billing_currency, consumed_quantity, billed_cost, effective_cost, list_cost, contracted_cost)
    ${daysOfSkus(table)}
  `.execute(db);
  return loadId;
}

function toRow(charge: ChargeGiven): Record<string, string | undefined> {
  const billed = charge.billed ?? '0';
  return {
    origin_id: charge.originId,
    charge_date: charge.date,
    sku: charge.sku,
    quantity: charge.quantity,
    currency: charge.currency ?? 'USD',
    billed,
    effective: charge.effective ?? billed,
    list: charge.list ?? billed,
    contracted: charge.contracted ?? billed,
  };
}

/** A delivery pod without dates, portfolios and aliases, unless given. */
export function pod(id: string, given: Partial<RulebookPod> = {}): RulebookPod {
  return { id, kind: 'delivery', portfolios: [], aliases: [], ...given };
}

/** A rulebook of these rules and pods, folding tags unless told otherwise. */
export function rulebook(
  rules: readonly Rule[],
  pods: readonly RulebookPod[],
  given: Partial<RulebookContent> = {},
): RulebookContent {
  return {
    rules,
    pods,
    portfolios: [...new Set(pods.flatMap((one) => one.portfolios.map((portfolio) => portfolio.value)))],
    tags: { fold: true, keys: {} },
    defaultBasis: 'EffectiveCost',
    ...given,
  };
}

/** Stores a rulebook; gives its number. */
export async function store(trx: Transaction<DB>, content: RulebookContent): Promise<number> {
  return (await storeRulebook(trx, content, systemPrincipal, AT)).id;
}

export interface Stretch {
  readonly valid_from: string;
  readonly valid_until: string;
  readonly rule_id: string | null;
  readonly kind: string;
  readonly pod_id: string | null;
}

/** The attribution of one origin, in the order of its dates. */
export async function readAttribution(db: Kysely<DB>, rulebookId: number, originId: string): Promise<Stretch[]> {
  const { rows } = await sql<Stretch>`
    select valid_from, valid_until, rule_id, kind, pod_id from attributed_origin
    where rulebook_id = ${rulebookId} and origin_id = ${originId}::bigint order by valid_from
  `.execute(db);
  return rows;
}

/** Rows of load_sku_day as the charges of a table have them, in PostgreSQL alone. */
export function daysOfSkus(table: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select load_id, charge_date, provider_name, service_name, charge_category,
      coalesce(commitment_discount_status = 'Unused', false) or (charge_category = 'Purchase' and commitment_discount_id is not null),
      sku_id, consumed_unit, billing_currency, case when bool_and(consumed_quantity is not null) then trim_scale(sum(consumed_quantity)) end,
      trim_scale(sum(billed_cost)), trim_scale(sum(effective_cost)), trim_scale(sum(list_cost)), trim_scale(sum(contracted_cost))
    from ${table} as charge join origin on origin.id = charge.origin_id
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9`;
}

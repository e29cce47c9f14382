/**
 * The money behind tag faults. What is asked of all origins is only which keys they have; charges are read for origins with a fault
 * alone, so that clean tags cost next to nothing.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compileWhen, createWhenScope, foldSql } from '../attribution/compile-when.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import { conversionJoin, convertedCost, type ChargeScope } from './coverage-cells.ts';
import { requireRates } from './coverage-figures.ts';
import { METRIC_COLUMNS } from './report-frame.ts';

/** What a fault concerns, in the report's metric and currency. */
export interface FaultMoney {
  readonly cost: Decimal;
  /** The part of it that is unattributed now. */
  readonly unattributedCost: Decimal;
  readonly lines: number;
  readonly origins: number;
  /** The origin with most of it. */
  readonly example: {
    readonly originId: string;
    readonly resourceId: string | null;
    readonly tags: Readonly<Record<string, string | null>>;
  };
}

export interface SuspectKey {
  /** As bills spell it. */
  readonly key: string;
  /** The key that rules ask for. */
  readonly meant: string;
}

export interface KeyMoney extends FaultMoney {
  readonly key: string;
}

/** A value that podFromTag met and that gave the charge to no pod. */
export interface ValueMoney extends FaultMoney {
  readonly key: string;
  /** As rules see it. */
  readonly value: string;
  /** The pod it names, which is not active on these charge dates; null where it names none. */
  readonly podId: string | null;
  readonly side: 'before' | 'after' | null;
}

const KEYS_MAX = 10_000;
const VALUES_MAX = 1_000;
const NO_START = '-infinity';
const NO_END = 'infinity';

/** The tag keys of all origins as bills spell them, the most frequent first. */
export async function listTagKeys(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select key from origin, jsonb_object_keys(tags) as key group by key order by count(*) desc, key limit ${KEYS_MAX}
  `.execute(db);
  return rows.map((row) => row.key);
}

/**
 * The money of origins that have a value under a suspect key and none under the key that is meant, largest first.
 * @throws AppError missing_exchange_rate.
 */
export async function readKeyMoney(
  db: Kysely<DB>,
  scope: ChargeScope,
  suspects: readonly SuspectKey[],
): Promise<KeyMoney[]> {
  if (suspects.length === 0) return [];
  const when = createWhenScope(scope.content.tags, 'bound.texts');
  const lacks = suspects.map(({ meant }, index) => {
    const asked = sql.raw(when.columns.get(when.tag(meant)) ?? 'null');
    return sql`suspect.place = ${index + 1} and (${asked}) is null`;
  });
  const suspected = sql`
    select origin.id as origin_id, suspect.key as tag_key, null::text as value, null::text as pod_id, null::date as active_from,
      null::date as active_until, null::integer[] as passed
    from origin
    cross join unnest(${suspects.map(({ key }) => key)}::text[]) with ordinality as suspect (key, place)
    cross join (select ${[...when.texts]}::text[] as texts) as bound
    where btrim(origin.tags ->> suspect.key) <> '' and (${sql.join(lacks, sql` or `)})`;
  const rows = await readMoney(db, scope, suspected);
  return rows.map((row) => ({ key: row.tag_key, ...moneyOf(row) }));
}

/**
 * The money that podFromTag rules passed by: values that name no pod, and pods that are not active on the charge date. What a rule
 * before them took does not count: its tag was never read. Largest first, at most 1,000.
 * @throws AppError missing_exchange_rate.
 */
export async function readValueMoney(db: Kysely<DB>, scope: ChargeScope): Promise<ValueMoney[]> {
  const { content, frame } = scope;
  const readers = content.rules.flatMap((rule, index) =>
    'podFromTag' in rule ? [{ key: rule.podFromTag, when: rule.when, ordinal: index + 1 }] : [],
  );
  if (readers.length === 0) return [];
  const when = createWhenScope(content.tags, 'bound.texts');
  // Readers of one tag are one: a charge that two of them pass by is one fault.
  const groups = Map.groupBy(readers, ({ key }) => (content.tags.fold ? key.trim().toLowerCase() : key));
  const asked = [...groups.values()].map((group) => {
    const passed = group.map(
      ({ when: test, ordinal }) => sql`case when ${sql.raw(compileWhen(test, when))} then ${ordinal}::integer end`,
    );
    const key = group[0]?.key ?? '';
    return sql`(${key}::text, origin.${sql.ref(when.tag(key))}, array_remove(array[${sql.join(passed)}], null))`;
  });
  const columns = [...when.columns].map(([column, definition]) => sql.raw(`, ${definition} as ${column}`));
  const names = podNames(content);
  const name = content.tags.fold ? sql.raw(foldSql('given.name')) : sql`given.name`;
  const suspected = sql`
    select origin.id as origin_id, asked.tag_key, asked.value, named.pod_id, named.active_from, named.active_until, asked.passed
    from (
      select origin.* ${sql.join(columns, sql` `)} from origin
      cross join (select ${[...when.texts]}::text[] as texts) as bound offset 0
    ) as origin
    cross join (select ${[...when.texts]}::text[] as texts) as bound
    cross join lateral (values ${sql.join(asked)}) as asked (tag_key, value, passed)
    left join (
      select ${name} as name, given.pod_id, given.active_from, given.active_until
      from unnest(${names.map((one) => one.name)}::text[], ${names.map((one) => one.podId)}::text[],
        ${names.map((one) => one.from)}::date[], ${names.map((one) => one.until)}::date[])
        as given (name, pod_id, active_from, active_until)
    ) as named on named.name = asked.value
    where asked.value is not null and cardinality(asked.passed) > 0
      and (named.pod_id is null or named.active_from > ${frame.period.start} or named.active_until < ${frame.period.end})`;
  const rows = await readMoney(db, scope, suspected);
  return rows.map((row) => ({
    key: row.tag_key,
    value: row.value ?? '',
    podId: row.pod_id,
    side: row.side,
    ...moneyOf(row),
  }));
}

interface MoneyRow {
  readonly tag_key: string;
  readonly value: string | null;
  readonly pod_id: string | null;
  readonly side: 'before' | 'after' | null;
  readonly cost: Decimal;
  readonly unattributed_cost: Decimal;
  readonly lines: number;
  readonly origins: number;
  readonly missing: number;
  readonly origin_id: string;
  readonly resource_id: string | null;
  readonly tags: Record<string, string | null>;
}

/**
 * Sums the charges of suspected origins (origin_id, tag_key, value, pod_id, active_from, active_until, passed) by what they are
 * suspected of. Where rules were `passed`, one of them must have met the charge: it holds on the charge date, and the rule that won
 * stands behind it.
 */
async function readMoney(db: Kysely<DB>, scope: ChargeScope, suspected: RawBuilder<unknown>): Promise<MoneyRow[]> {
  const { frame, content, loadIds, attribution } = scope;
  const converted = convertedCost(frame, METRIC_COLUMNS[frame.costMetric]);
  const rules = sql`unnest(${content.rules.map((rule) => rule.id)}::text[],
    ${content.rules.map((rule) => rule.from ?? NO_START)}::date[], ${content.rules.map((rule) => rule.until ?? NO_END)}::date[])
    with ordinality as rule (id, holds_from, holds_until, ordinal)`;
  const { rows } = await sql<MoneyRow>`
    with suspect as materialized (${suspected}),
    rule as materialized (select * from ${rules}),
    reader as materialized (select * from rule where ordinal = any(${readersOf(content)}::integer[])),
    outcome as materialized (
      select attribution.origin_id, attribution.valid_from, attribution.valid_until, attribution.kind, rule.ordinal
      from ${attribution} as attribution left join rule on rule.id = attribution.rule_id
      where attribution.origin_id in (select origin_id from suspect)
        and attribution.valid_from < ${frame.period.end} and attribution.valid_until > ${frame.period.start}
    ), by_origin as materialized (
      select suspect.tag_key, suspect.value, suspect.pod_id, suspect.origin_id,
        case when charge.charge_date < suspect.active_from then 'before' when charge.charge_date >= suspect.active_until then 'after' end as side,
        sum(${converted}) as cost, sum(${converted}) filter (where outcome.kind = 'unattributed') as unattributed_cost,
        sum(charge.line_count) as line_count,
        count(*) filter (where charge.billing_currency <> ${frame.currency} and conversion.rate is null) as missing
      from suspect
      join charge on charge.origin_id = suspect.origin_id and charge.load_id = any(${[...loadIds]}::bigint[])
        and charge.charge_date >= ${frame.period.start} and charge.charge_date < ${frame.period.end}
      join outcome on outcome.origin_id = suspect.origin_id
        and outcome.valid_from <= charge.charge_date and outcome.valid_until > charge.charge_date
      ${conversionJoin(frame)}
      where (suspect.pod_id is null or charge.charge_date < suspect.active_from or charge.charge_date >= suspect.active_until)
        and (suspect.passed is null or exists (
          select from reader where reader.ordinal = any(suspect.passed) and (outcome.ordinal is null or outcome.ordinal > reader.ordinal)
            and reader.holds_from <= charge.charge_date and reader.holds_until > charge.charge_date))
      group by 1, 2, 3, 4, 5
    ), summed as (
      select tag_key, value, pod_id, side, trim_scale(coalesce(sum(cost), 0)) as cost,
        trim_scale(coalesce(sum(unattributed_cost), 0)) as unattributed_cost, sum(line_count)::int as lines, count(*)::int as origins,
        sum(missing)::int as missing, (array_agg(origin_id order by abs(cost) desc nulls last, origin_id))[1] as origin_id
      from by_origin group by tag_key, value, pod_id, side
    )
    select summed.*, summed.origin_id::text as origin_id, origin.resource_id, origin.tags
    from summed join origin on origin.id = summed.origin_id
    order by abs(cost) desc, tag_key, value, side limit ${VALUES_MAX}
  `.execute(db);
  if (rows.some((row) => row.missing > 0)) await requireRates(db, frame, [{ ...frame.period, loadIds }]);
  return rows;
}

/** The places of the rules that read a tag. */
function readersOf({ rules }: RulebookContent): number[] {
  return rules.flatMap((rule, index) => ('podFromTag' in rule ? [index + 1] : []));
}

function moneyOf(row: MoneyRow): FaultMoney {
  return {
    cost: row.cost,
    unattributedCost: row.unattributed_cost,
    lines: row.lines,
    origins: row.origins,
    example: { originId: row.origin_id, resourceId: row.resource_id, tags: row.tags },
  };
}

/** Every name that podFromTag knows with the dates of its pod; an id comes before an alias of the same spelling. */
function podNames({ pods }: RulebookContent): { name: string; podId: string; from: IsoDate; until: IsoDate }[] {
  return pods.flatMap((pod) => {
    const dates = { podId: pod.id, from: pod.activeFrom ?? NO_START, until: pod.activeUntil ?? NO_END };
    return [...new Set([pod.id, ...pod.aliases])].map((name) => ({ name, ...dates }));
  });
}

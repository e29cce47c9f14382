/**
 * Rolled-up cost as ingestion leaves it, written directly: for tests of what reads it. One figure stands for all four metrics unless
 * a test tells them apart.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { sumCostMonths } from '../../services/attribution/cost-months.ts';
import { sumPodMonths } from '../../services/attribution/pod-months.ts';
import { listCurrentLoadIds } from '../../services/attribution/rebuild-months.ts';
import { sumRollUpMonths } from '../../services/attribution/rollup-months.ts';

export interface LoadFixture {
  readonly sourceId?: string;
  /** `2026-07-01..2026-08-01`. */
  readonly billingPeriod: string;
  /** Up to when usage is there; the end of the billing period if absent. */
  readonly usageUntil?: string;
  readonly dataAsOf?: string;
}

/** A published load and, where needed, its source; gives its id. */
export async function insertLoad(db: Kysely<DB>, fixture: LoadFixture): Promise<string> {
  const { sourceId = 'files', billingPeriod } = fixture;
  const [start = '', end = ''] = billingPeriod.split('..');
  await sql`insert into source (id, kind) values (${sourceId}, 'focus-files') on conflict do nothing`.execute(db);
  const usageUntil = fixture.usageUntil ?? `${end}T00:00:00Z`;
  const { rows } = await sql<{ id: string }>`
    insert into load (source_id, billing_period_start, billing_period_end, state, manifest_digest, delivered_at, usage_until, data_as_of)
    values (${sourceId}, ${start}, ${end}, 'published', gen_random_uuid()::text, now(), ${usageUntil}, ${fixture.dataAsOf ?? usageUntil})
    returning id::text as id
  `.execute(db);
  return rows[0]?.id ?? '';
}

export interface PodDayFixture {
  readonly date: string;
  readonly pod: string | null;
  readonly cost: string;
  readonly kind?: 'direct' | 'shared' | 'owned';
  readonly currency?: string;
  /** BilledCost where it differs from the other three. */
  readonly billedCost?: string;
}

export async function insertPodDays(db: Kysely<DB>, ...days: readonly PodDayFixture[]): Promise<void> {
  for (const { date, pod, cost, kind = 'direct', currency = 'USD', billedCost = cost } of days) {
    await sql`
      insert into pod_day (charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
      values (${date}, ${pod}, ${kind}, ${currency}, ${billedCost}, ${cost}, ${cost}, ${cost})
    `.execute(db);
  }
  await sumMonthsOf(
    db,
    days.map(({ date }) => date),
  );
}

/** What follows from days of pod_day, and from cells, that a test wrote itself. */
export async function sumMonthsOf(db: Kysely<DB>, dates: readonly string[]): Promise<void> {
  const months = [...new Set(dates.map((date) => `${date.slice(0, 7)}-01`))];
  await sumPodMonths(db, months);
  const { rulebook_id: rulebookId } = await db
    .selectFrom('organisation')
    .select('rulebook_id')
    .executeTakeFirstOrThrow();
  const loadIds = await listCurrentLoadIds(db);
  await sql`delete from rollup_month where rulebook_id = ${rulebookId}`.execute(db);
  for (const loadId of loadIds) await sumRollUpMonths(db, loadId, rulebookId);
  await sumCostMonths(db, { months, rulebookId, loadIds });
}

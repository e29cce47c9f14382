/** Rows that envelope and alert tests start from: pods, published loads, costs by day, envelopes, messages, and a clock to move. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { appendVersions, type VersionDraft } from '../../services/envelopes/envelope-versions.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { type Clock, localOperator } from '../../services/kernel/ports.ts';
import type { EnvelopeScope } from '../../services/organisation/organisation.ts';

const DAY_MS = 86_400_000;
const METRICS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'];

export interface MovableClock extends Clock {
  move(milliseconds: number): void;
  set(instant: string): void;
}

export function movableClock(start: string): MovableClock {
  let now = Date.parse(start);
  return {
    now: () => new Date(now),
    move: (milliseconds) => {
      now += milliseconds;
    },
    set: (instant) => {
      now = Date.parse(instant);
    },
  };
}

export async function addPod(
  db: Kysely<DB>,
  pod: { id: string; name?: string; slackChannel?: string; activeUntil?: string },
): Promise<void> {
  await db
    .insertInto('pod')
    .values({
      id: pod.id,
      name: pod.name ?? pod.id,
      kind: 'delivery',
      slack_channel: pod.slackChannel ?? null,
      active_until: pod.activeUntil ?? null,
    })
    .execute();
}

/** A published load whose usage reaches to the end of `throughDay`. */
export async function addLoad(
  db: Kysely<DB>,
  load: { sourceId?: string; billingPeriod: string; throughDay: string; publishedAt: string },
): Promise<string> {
  const period = parsePeriod(load.billingPeriod);
  const sourceId = load.sourceId ?? 'files';
  await sql`
    update load set state = 'superseded', superseded_at = ${load.publishedAt}
    where source_id = ${sourceId} and billing_period_start = ${period.start} and state = 'published'
  `.execute(db);
  const { rows } = await sql<{ id: string }>`
    insert into load (source_id, billing_period_start, billing_period_end, state, manifest_digest, delivered_at, data_as_of,
      usage_until, published_at)
    values (${sourceId}, ${period.start}, ${period.end}, 'published', gen_random_uuid()::text, ${load.publishedAt},
      ${load.throughDay}::date + interval '23 hours', ${load.throughDay}::date + interval '24 hours', ${load.publishedAt})
    returning id
  `.execute(db);
  return rows[0]?.id ?? '';
}

/** Sets what a pod cost on a day; all four metrics alike. */
export async function setCost(
  db: Kysely<DB>,
  cost: { date: string; pod: string | null; amount: string; kind?: string; currency?: string },
): Promise<void> {
  await sql`
    insert into pod_day (charge_date, pod_id, kind, billing_currency, ${sql.raw(METRICS.join(', '))})
    values (${cost.date}, ${cost.pod}, ${cost.kind ?? 'direct'}, ${cost.currency ?? 'USD'},
      ${cost.amount}::numeric, ${cost.amount}::numeric, ${cost.amount}::numeric, ${cost.amount}::numeric)
    on conflict on constraint pod_day_key do update set billed_cost = excluded.billed_cost,
      effective_cost = excluded.effective_cost, list_cost = excluded.list_cost, contracted_cost = excluded.contracted_cost
  `.execute(db);
}

/** The bill of a day arrives the morning after, with the clock: what `checkout` has spent by then is `total`. Gives its load. */
export async function publishSpend(
  db: Kysely<DB>,
  bill: { clock: MovableClock; day: string; total: string; sourceId?: string },
): Promise<string> {
  const { clock, day, total, sourceId = 'files' } = bill;
  await sql`truncate pod_day`.execute(db);
  await setCost(db, { date: '2026-09-01', pod: 'checkout', amount: total });
  clock.set(new Date(Date.parse(`${day}T06:00:00Z`) + DAY_MS).toISOString());
  const publishedAt = clock.now().toISOString();
  return addLoad(db, { sourceId, billingPeriod: day.slice(0, 7), throughDay: day, publishedAt });
}

export interface EnvelopeSketch {
  scope: EnvelopeScope;
  period: string;
  limit: string;
  currency?: string;
  counts?: 'controlled' | 'loaded';
  rungs?: readonly string[];
  approvedBy?: string | null;
  approvedOn?: string;
  approval?: string | null;
  method?: 'granted' | 'asserted';
}

/** Appends a version; the first one makes the envelope. */
export async function addEnvelope(db: Kysely<DB>, sketch: EnvelopeSketch): Promise<string> {
  const period = parsePeriod(sketch.period);
  const draft: VersionDraft = {
    scope: sketch.scope,
    periodId: period.id,
    start: period.start,
    end: period.end,
    counts: sketch.counts ?? 'controlled',
    content: {
      limit: decimal(sketch.limit),
      currency: sketch.currency ?? 'USD',
      costMetric: 'EffectiveCost',
      rungs: (sketch.rungs ?? ['0.8', '1', '1.5', '2']).map(decimal),
      approvedBy: sketch.approvedBy === undefined ? 'grace@example.com' : sketch.approvedBy,
      approvedOn: sketch.approvedOn ?? '2026-08-20',
      approval: sketch.approval ?? null,
      origin: 'explicit',
      patternIds: [],
    },
  };
  return db.transaction().execute(async (trx) => {
    const written = await appendVersions(trx, [draft], {
      at: new Date('2026-08-20T09:00:00Z'),
      principal: localOperator,
      method: sketch.method ?? 'asserted',
    });
    return written[0]?.envelopeId ?? '';
  });
}

/** A message of the outbox by itself, for delivery tests; answers its id. */
export async function addMessage(
  db: Kysely<DB>,
  message: { pod: string; text: string; isUrgent?: boolean; at: string },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into message (kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at)
    values ('crossing', 'pending', 'pod', ${message.pod}, gen_random_uuid(), ${message.isUrgent ?? false}, ${message.text},
      ${JSON.stringify([{ type: 'section', text: { type: 'mrkdwn', text: message.text } }])}::jsonb, ${message.at}, ${message.at})
    returning id
  `.execute(db);
  return rows[0]?.id ?? '';
}

/** How pods stand against what was approved for them today: what a person asks for in chat, and reads on the app's home. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type OpenDrift, readOpenDrift } from '../drift/open-drift.ts';
import { levelOf } from '../envelopes/list-envelopes.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';

export interface StandingEnvelope {
  readonly envelopeId: string;
  readonly periodId: string;
  readonly limit: Decimal;
  readonly currency: string;
  /** Null where it was never evaluated. */
  readonly actual: Decimal | null;
  readonly state: 'ok' | 'near' | 'over';
  readonly dataAsOf: Date | null;
  /** Why its figures wait, in a sentence. */
  readonly held: string | null;
  /** The limit of a raise that waits for a decision. */
  readonly askedLimit: Decimal | null;
}

export interface PodStanding {
  readonly podId: string;
  readonly podName: string;
  /** Those whose period runs, the shortest first. */
  readonly envelopes: readonly StandingEnvelope[];
  /** Above what was approved; null where it has not drifted. */
  readonly drift: OpenDrift | null;
}

/** The pod that somebody means: by its id, else by its name, whatever the case; null for none. */
export async function findPodId(db: Kysely<DB>, written: string): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from pod where removed_at is null and lower(${written}) in (lower(id), lower(name))
    order by lower(id) = lower(${written}) desc, id limit 1
  `.execute(db);
  return rows[0]?.id ?? null;
}

/** In the order of the pods' names; unknown pods are left out. */
export async function readPodStandings(
  db: Kysely<DB>,
  asked: { podIds: readonly string[]; at: Date },
): Promise<PodStanding[]> {
  if (asked.podIds.length === 0) return [];
  const today = utcDate(asked.at);
  const { rows } = await sql<StandingRow>`
    select pod.id as pod_id, pod.name as pod_name, envelope.id as envelope_id, envelope.period_id,
      trim_scale(version.envelope_limit) as envelope_limit, version.currency, trim_scale(state.actual) as actual, state.rung,
      state.data_as_of, state.held_reason, trim_scale(asked.envelope_limit) as asked_limit
    from pod
    left join envelope on envelope.scope_kind = 'pod' and envelope.scope_id = pod.id and envelope.withdrawn_at is null
      and envelope.period_start <= ${today}::date and envelope.period_end > ${today}::date
    left join lateral (
      select * from envelope_version where envelope_id = envelope.id order by version desc limit 1
    ) as version on true
    left join envelope_state as state on state.envelope_id = envelope.id
    left join raise_request as asked on asked.envelope_id = envelope.id and asked.state = 'pending'
    where pod.id = any (${[...asked.podIds]}::text[])
    order by pod.name, pod.id, envelope.period_end, envelope.period_start desc, envelope.counts
  `.execute(db);
  const drifts = await readOpenDrift(db, asked.podIds);
  return [...Map.groupBy(rows, (row) => row.pod_id)].map(([podId, group]) => ({
    podId,
    podName: group[0]?.pod_name ?? podId,
    envelopes: group.flatMap(toEnvelope),
    drift: drifts.get(podId) ?? null,
  }));
}

interface StandingRow {
  pod_id: string;
  pod_name: string;
  envelope_id: string | null;
  period_id: string | null;
  envelope_limit: Decimal | null;
  currency: string | null;
  actual: Decimal | null;
  rung: Decimal | null;
  data_as_of: Date | null;
  held_reason: string | null;
  asked_limit: Decimal | null;
}

function toEnvelope(row: StandingRow): StandingEnvelope[] {
  const { envelope_id: envelopeId, period_id: periodId, envelope_limit: limit, currency } = row;
  if (envelopeId === null || periodId === null || limit === null || currency === null) return [];
  return [
    {
      envelopeId,
      periodId,
      limit,
      currency,
      actual: row.actual,
      state: levelOf(row.rung),
      dataAsOf: row.data_as_of,
      held: row.held_reason,
      askedLimit: row.asked_limit,
    },
  ];
}

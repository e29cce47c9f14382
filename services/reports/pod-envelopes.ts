/**
 * The envelope a value report shows for each pod: the one of exactly this period, else the sum of those that tile it with one
 * currency, cost metric and basis. The controlled one is preferred, being what the pod answers for.
 */
import { type RawBuilder, sql } from 'kysely';
import { compare, type Decimal, decimal, ratio, sum } from '../kernel/decimal.ts';
import { levelOf } from '../envelopes/list-envelopes.ts';
import type { IsoDate, Period } from '../kernel/period.ts';

export interface PodEnvelope {
  /** Several ids, joined by commas, where envelopes tile the period. */
  readonly envelopeId: string;
  readonly limit: Decimal;
  /** Null where a missing exchange rate has held its evaluation so far. */
  readonly actual: Decimal | null;
  readonly used: string | null;
  readonly currency: string;
  readonly counts: 'controlled' | 'loaded';
  readonly state: 'ok' | 'near' | 'over';
}

export interface EnvelopeRow {
  readonly id: string;
  readonly pod_id: string;
  readonly period_start: IsoDate;
  readonly period_end: IsoDate;
  readonly counts: 'controlled' | 'loaded';
  readonly currency: string;
  readonly cost_metric: string;
  readonly envelope_limit: Decimal;
  readonly actual: Decimal | null;
  readonly rung: Decimal | null;
}

const NEAR = decimal('0.8');
const WHOLE = decimal('1');

/** A query of EnvelopeRow: those inside the period, in the order of preference. Money is text in it, so that it may stand inside JSON. */
export function podEnvelopeQuery(period: Period): RawBuilder<unknown> {
  return sql`
    select envelope.id::text as id, scope_id as pod_id, period_start, period_end, counts, version.currency, version.cost_metric,
      trim_scale(version.envelope_limit)::text as envelope_limit, trim_scale(standing.actual)::text as actual, standing.rung::text as rung
    from envelope
    join lateral (select * from envelope_version where envelope_id = envelope.id order by version desc limit 1) as version on true
    left join envelope_state as standing on standing.envelope_id = envelope.id
    where scope_kind = 'pod' and withdrawn_at is null
      and period_start >= ${period.start}::date and period_end <= ${period.end}::date
    order by counts, version.currency, version.cost_metric, period_start, period_end desc, envelope.id`;
}

/** The envelope of each pod that has one, by pod id, from rows of `podEnvelopeQuery`. */
export function chooseEnvelopes(rows: readonly EnvelopeRow[], period: Period): Map<string, PodEnvelope> {
  const byPod = Map.groupBy(rows, (row) => row.pod_id);
  const found = new Map<string, PodEnvelope>();
  for (const [podId, envelopes] of byPod) {
    const chosen = chooseEnvelope(envelopes, period);
    if (chosen !== null) found.set(podId, chosen);
  }
  return found;
}

function chooseEnvelope(envelopes: readonly EnvelopeRow[], period: Period): PodEnvelope | null {
  const exact = envelopes.find((one) => one.period_start === period.start && one.period_end === period.end);
  if (exact !== undefined) return toPodEnvelope([exact], levelOf(exact.rung));
  const alike = Map.groupBy(envelopes, (one) => `${one.counts} ${one.currency} ${one.cost_metric}`);
  for (const candidates of alike.values()) {
    const tiles = tile(candidates, period);
    if (tiles !== null) return toPodEnvelope(tiles, null);
  }
  return null;
}

/** Envelopes end to end over the whole period, the longest first at each step; null where they leave a gap. */
function tile(candidates: readonly EnvelopeRow[], period: Period): EnvelopeRow[] | null {
  const tiles: EnvelopeRow[] = [];
  let cursor = period.start;
  while (cursor < period.end) {
    const start = cursor;
    const next = candidates.find((one) => one.period_start === start);
    if (next === undefined) return null;
    tiles.push(next);
    cursor = next.period_end;
  }
  return tiles;
}

function toPodEnvelope(tiles: readonly EnvelopeRow[], state: PodEnvelope['state'] | null): PodEnvelope | null {
  const [first] = tiles;
  if (first === undefined) return null;
  const limit = sum(tiles.map((one) => one.envelope_limit));
  const actuals = tiles.flatMap((one) => (one.actual === null ? [] : [one.actual]));
  const actual = actuals.length === tiles.length ? sum(actuals) : null;
  const used = actual === null ? null : ratio(actual, limit);
  return {
    envelopeId: tiles.map((one) => one.id).join(','),
    limit,
    actual,
    used,
    currency: first.currency,
    counts: first.counts,
    state: state ?? (used === null ? 'ok' : stateOfUse(decimal(used))),
  };
}

function stateOfUse(used: Decimal): PodEnvelope['state'] {
  if (compare(used, WHOLE) >= 0) return 'over';
  return compare(used, NEAR) >= 0 ? 'near' : 'ok';
}

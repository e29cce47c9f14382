/**
 * What the product has of the things it may change beside the file: pods and envelopes. Each is given in the file's form, and as
 * the very value of the last applied file where nothing was changed since, so that a comparison by value is enough.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { IsoDate } from '../kernel/period.ts';
import { isSame } from './merge-three-way.ts';
import type { EnvelopeEntry, EnvelopeScope, Organisation, PodEntry } from './organisation.ts';
import { envelopeName } from './organisation-sections.ts';
import { type PodRow, podRowOf } from './pod-row.ts';

/** A former and a next state, to name values by where the product agrees with one of them. */
export interface KnownStates {
  readonly base: Organisation | null;
  /** The date the base was applied on: dated values of a pod's row are those of that day. */
  readonly baseDate: IsoDate;
  readonly file: Organisation;
  readonly fileDate: IsoDate;
}

/** Pods of the product by id. */
export async function readProductPods(db: Kysely<DB>, known: KnownStates): Promise<Map<string, unknown>> {
  const { rows } = await sql<PodRow>`
    select id, name, kind, portfolio_id, owner_email, finance_partner_email, cost_centre, slack_channel,
      active_from::text, active_until::text
    from pod where removed_at is null order by id
  `.execute(db);
  return new Map(rows.map((row) => [row.id, productPod(row, known)]));
}

function productPod(row: PodRow, known: KnownStates): PodEntry | PodRow {
  const base = known.base?.pods.find((pod) => pod.id === row.id);
  if (base !== undefined && isSame(podRowOf(base, known.baseDate), row)) return base;
  const file = known.file.pods.find((pod) => pod.id === row.id);
  return file !== undefined && isSame(podRowOf(file, known.fileDate), row) ? file : row;
}

interface EnvelopeFigures {
  readonly limit: string;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly rungs: readonly string[];
}

type EnvelopeRow = EnvelopeFigures & {
  readonly scope_kind: EnvelopeScope['kind'];
  readonly scope_id: string | null;
  readonly period: string;
  readonly counts: 'controlled' | 'loaded';
  readonly approved_by: string | null;
  readonly approved_on: IsoDate;
  readonly approval: string | null;
};

/** Envelopes of the product by name. A pattern's envelope is none of the file's: an explicit one may take its place. */
export async function readProductEnvelopes(db: Kysely<DB>, known: KnownStates): Promise<Map<string, unknown>> {
  const { rows } = await sql<EnvelopeRow>`
    select envelope.scope_kind, envelope.scope_id, envelope.period_id as period, envelope.counts, latest.approved_by, latest.approved_on,
      latest.approval, trim_scale(latest.envelope_limit)::text as "limit", latest.currency, latest.cost_metric as "costMetric", latest.rungs
    from envelope
    join lateral (
      select * from envelope_version where envelope_id = envelope.id order by version desc limit 1
    ) as latest on true
    where envelope.withdrawn_at is null and latest.origin = 'explicit'
    order by envelope.id
  `.execute(db);
  return new Map(rows.map((row) => [nameOfRow(row), productEnvelope(row, known)]));
}

function nameOfRow(row: EnvelopeRow): string {
  return envelopeName({
    scope: { kind: row.scope_kind, id: row.scope_id } as EnvelopeScope,
    period: row.period,
    counts: row.counts,
  });
}

function productEnvelope(row: EnvelopeRow, known: KnownStates): object {
  const name = nameOfRow(row);
  const named = (organisation: Organisation | null): EnvelopeEntry | undefined =>
    organisation?.envelopes.find((entry) => envelopeName(entry) === name);
  const agreeing = [named(known.base), named(known.file)].find(
    (entry) => entry !== undefined && isSame(figuresOf(entry), figuresOf(row)),
  );
  return agreeing ?? entryOf(row);
}

/** In the file's form, so that a difference names nothing but what differs. */
function entryOf(row: EnvelopeRow): EnvelopeEntry {
  return {
    scope: { kind: row.scope_kind, id: row.scope_id } as EnvelopeScope,
    period: row.period,
    ...figuresOf(row),
    counts: row.counts,
    ...(row.approved_by === null ? {} : { approvedBy: row.approved_by }),
    approvedAt: row.approved_on,
    ...(row.approval === null ? {} : { approval: row.approval }),
  };
}

/** What an envelope allows; who approved it may be told more precisely without changing it. */
function figuresOf({ limit, currency, costMetric, rungs }: EnvelopeFigures): EnvelopeFigures {
  return { limit, currency, costMetric, rungs };
}

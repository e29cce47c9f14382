/**
 * What a portfolio's envelope still has to give: its limit, less what is approved for its pods in its period. Money is exact; another currency
 * counts at the rate that the portfolio's version keeps, so that approved and headroom always add up to the limit. A rate that is missing
 * makes both unknown, never wrong.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type Decimal, multiply, subtract, sum } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';

/** A pod's envelope that counts in the portfolio's. */
export interface PodApproval {
  readonly podId: string;
  readonly envelopeId: string;
  readonly period: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly counts: 'controlled' | 'loaded';
  readonly limit: Decimal;
  readonly currency: string;
  /** One unit of its currency in the portfolio's; null where that rate is missing. */
  readonly rate: Decimal | null;
}

export interface PortfolioApproval {
  readonly portfolioId: string;
  readonly envelopeId: string;
  readonly period: string;
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly counts: 'controlled' | 'loaded';
  readonly limit: Decimal;
  readonly currency: string;
}

export interface Headroom {
  readonly portfolioId: string;
  readonly envelopeId: string;
  readonly period: string;
  readonly counts: 'controlled' | 'loaded';
  readonly limit: Decimal;
  readonly currency: string;
  /** What is approved for its pods, in its currency; null where an exchange rate is missing. */
  readonly approved: Decimal | null;
  /** limit − approved; below zero where more was approved for the pods. */
  readonly headroom: Decimal | null;
  /** Currencies without a rate to the portfolio's. */
  readonly missingRates: readonly string[];
  /** The envelopes that count, by pod and period. */
  readonly pods: readonly {
    readonly podId: string;
    readonly envelopeId: string;
    readonly period: string;
    readonly limit: Decimal;
    readonly currency: string;
    readonly rate: Decimal | null;
    /** limit × rate: in the portfolio's currency. */
    readonly approved: Decimal | null;
  }[];
}

/**
 * The headroom of one portfolio's envelope. A pod's envelope inside a longer one of the same pod is a part of that one; of two for the same
 * period the controlled one counts.
 */
export function headroomOf(portfolio: PortfolioApproval, candidates: readonly PodApproval[]): Headroom {
  const pods = [...Map.groupBy(candidates, ({ podId }) => podId).values()].flatMap(outermost).map((one) => ({
    podId: one.podId,
    envelopeId: one.envelopeId,
    period: one.period,
    limit: one.limit,
    currency: one.currency,
    rate: one.rate,
    approved: one.rate === null ? null : multiply(one.limit, one.rate),
  }));
  const known = pods.flatMap(({ approved }) => (approved === null ? [] : [approved]));
  const approved = known.length === pods.length ? sum(known) : null;
  return {
    portfolioId: portfolio.portfolioId,
    envelopeId: portfolio.envelopeId,
    period: portfolio.period,
    counts: portfolio.counts,
    limit: portfolio.limit,
    currency: portfolio.currency,
    approved,
    headroom: approved === null ? null : subtract(portfolio.limit, approved),
    missingRates: [...new Set(pods.filter((pod) => pod.approved === null).map(({ currency }) => currency))].sort(),
    pods,
  };
}

function outermost(envelopes: readonly PodApproval[]): PodApproval[] {
  const holds = (outer: PodApproval, inner: PodApproval) => outer.start <= inner.start && outer.end >= inner.end;
  const isSpan = (one: PodApproval, other: PodApproval) => one.start === other.start && one.end === other.end;
  return envelopes.filter(
    (one) =>
      !envelopes.some(
        (other) =>
          other !== one &&
          holds(other, one) &&
          (!isSpan(one, other) || (one.counts === 'loaded' && other.counts === 'controlled')),
      ),
  );
}

/** Which portfolios' envelopes: those of a portfolio, of exactly a period, or in which an envelope of another period counts. */
export interface HeadroomChoice {
  readonly portfolioId?: string;
  readonly period?: { readonly start: IsoDate; readonly end: IsoDate };
  readonly counting?: { readonly start: IsoDate; readonly end: IsoDate };
}

interface PeriodSql {
  readonly start: RawBuilder<unknown>;
  readonly end: RawBuilder<unknown>;
}

const PORTFOLIO_PERIOD: PeriodSql = { start: sql`period_start`, end: sql`period_end` };

/**
 * Whether an envelope counts in a portfolio's: at least half of its days lie in that period. A pattern's first days, joined to the next month, count in
 * that month, and a pod's year in none.
 */
export function countsIn(pod: PeriodSql, portfolio: PeriodSql): RawBuilder<boolean> {
  return sql<boolean>`2 * (least(${pod.end}, ${portfolio.end}) - greatest(${pod.start}, ${portfolio.start})) >= ${pod.end} - ${pod.start}`;
}

/** The headroom of every portfolio's envelope that stands and is chosen, by portfolio and period. */
export async function listHeadrooms(db: Kysely<DB>, choice: HeadroomChoice = {}): Promise<Headroom[]> {
  const { portfolioId = null, period, counting } = choice;
  const asked = { start: sql`${counting?.start ?? null}::date`, end: sql`${counting?.end ?? null}::date` };
  const { rows } = await sql<{ portfolio: PortfolioApproval; pods: PodApproval[] }>`
    with standing as (
      select envelope.id, scope_kind, scope_id, period_id, period_start, period_end, counts, version.version,
        trim_scale(version.envelope_limit) as envelope_limit, version.currency
      from envelope
      join lateral (select * from envelope_version where envelope_id = envelope.id order by version desc limit 1) as version on true
      where withdrawn_at is null and scope_kind in ('pod', 'portfolio')
    ),
    chosen as (
      select * from standing
      where scope_kind = 'portfolio' and (${portfolioId}::text is null or scope_id = ${portfolioId}::text)
        and (${period?.start ?? null}::date is null
          or period_start = ${period?.start ?? null}::date and period_end = ${period?.end ?? null}::date)
        and (${asked.start} is null or ${countsIn(asked, PORTFOLIO_PERIOD)})
    ),
    inside as (
      select chosen.id, jsonb_agg(jsonb_build_object('podId', pod.scope_id, 'envelopeId', pod.id::text, 'period', pod.period_id,
          'start', pod.period_start, 'end', pod.period_end, 'counts', pod.counts, 'limit', pod.envelope_limit::text,
          'currency', pod.currency, 'rate', case when pod.currency = chosen.currency then '1' else trim_scale(kept.rate)::text end)
        order by pod.scope_id collate "C", pod.period_start, pod.period_end, pod.counts) as pods
      from chosen
      join pod_period on pod_period.portfolio_id = chosen.scope_id
      join standing as pod on pod.scope_kind = 'pod' and pod.scope_id = pod_period.pod_id
        and ${countsIn({ start: sql`pod.period_start`, end: sql`pod.period_end` }, { start: sql`chosen.period_start`, end: sql`chosen.period_end` })}
        and pod_period.valid_from < pod.period_end and pod_period.valid_until >= pod.period_end
      left join envelope_version_rate as kept on kept.envelope_id = chosen.id and kept.version = chosen.version
        and kept.from_currency = pod.currency
      group by chosen.id
    )
    select jsonb_build_object('portfolioId', chosen.scope_id, 'envelopeId', chosen.id::text, 'period', chosen.period_id,
        'start', chosen.period_start, 'end', chosen.period_end, 'counts', chosen.counts, 'limit', chosen.envelope_limit::text,
        'currency', chosen.currency) as portfolio,
      coalesce(inside.pods, '[]') as pods
    from chosen
    left join inside using (id)
    order by chosen.scope_id collate "C", chosen.period_start, chosen.period_end, chosen.counts
  `.execute(db);
  return rows.map(({ portfolio, pods }) => headroomOf(portfolio, pods));
}

/** That of the portfolio's envelope of exactly this period, the controlled one before the loaded; null without one. */
export async function readHeadroom(
  db: Kysely<DB>,
  given: { portfolioId: string; period: { readonly start: IsoDate; readonly end: IsoDate } },
): Promise<Headroom | null> {
  const [first] = await listHeadrooms(db, given);
  return first ?? null;
}

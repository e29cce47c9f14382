/** What of approved and spent money waits for finance: figures without a rate, portfolios beyond their limit, drift, spend outside envelopes. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { listDrift, type PodDrift } from '../drift/list-drift.ts';
import { describeScope, toScope } from '../envelopes/envelope-versions.ts';
import { listHeadrooms } from '../envelopes/headroom.ts';
import { readSpendOutside } from '../envelopes/list-outside.ts';
import {
  add,
  compare,
  type Decimal,
  multiply,
  decimal,
  roundForPresentation,
  subtract,
  ZERO,
} from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import type { InboxItem } from './list-inbox.ts';
import { setCommand } from './set-command.ts';

const HUNDRED = decimal('100');
const SERVICES_NAMED_MAX = 3;

/** Envelopes whose figure stands still because a currency has no rate, and pods whose drift cannot be seen for the same reason. */
export async function readRateItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const unseen = await listDrift(db);
  return [...(await readHeldEnvelopes(db)), ...unseen.flatMap(toUnseenDrift)];
}

function toUnseenDrift({ podId, state, note, approved }: PodDrift): InboxItem[] {
  if (state !== 'waiting' || note === null || !note.startsWith('There is no exchange rate')) return [];
  return [
    {
      ...NO_MONEY,
      kind: 'missing-rate',
      id: podId,
      scope: { kind: 'pod', id: podId },
      period: null,
      since: approved?.on ?? null,
      sentence: `Whether the pod ${podId} drifts is not seen: ${note}`,
      settle: ['outturn apply'],
      calls: [],
    },
  ];
}

const NO_MONEY = { amount: null, currency: null, amountOf: null } as const;

async function readHeldEnvelopes(db: Kysely<DB>): Promise<InboxItem[]> {
  const { rows } = await sql<{
    id: string;
    scope_kind: EnvelopeScope['kind'];
    scope_id: string | null;
    period_id: string;
    evaluated_at: Date;
    held_reason: string;
  }>`
    select envelope.id, scope_kind, scope_id, period_id, evaluated_at, held_reason
    from envelope join envelope_state on envelope_state.envelope_id = envelope.id
    where envelope.withdrawn_at is null and held_reason is not null and closed_at is null
  `.execute(db);
  return rows.map((row) => ({
    kind: 'missing-rate',
    id: row.id,
    scope: toScope(row.scope_kind, row.scope_id),
    period: row.period_id,
    ...NO_MONEY,
    since: row.evaluated_at.toISOString(),
    sentence: `The envelope of ${describeScope(toScope(row.scope_kind, row.scope_id))} for ${row.period_id} is not watched: ${row.held_reason}`,
    settle: ['outturn apply'],
    calls: [],
  }));
}

/** More was approved for a portfolio's pods than for itself. */
export async function readHeadroomItems(db: Kysely<DB>, at: Date): Promise<InboxItem[]> {
  const headrooms = await listHeadrooms(db);
  const { rows } = await sql<{ id: string }>`select id from envelope where period_end > ${utcDate(at)}::date`.execute(
    db,
  );
  const present = new Set(rows.map((row) => row.id));
  return headrooms.flatMap((one): InboxItem[] => {
    if (!present.has(one.envelopeId)) return [];
    if (one.headroom === null || one.approved === null || compare(one.headroom, ZERO) >= 0) return [];
    const beyond = subtract(ZERO, one.headroom);
    return [
      {
        kind: 'beyond-headroom',
        id: one.envelopeId,
        scope: { kind: 'portfolio', id: one.portfolioId },
        period: one.period,
        since: null,
        amount: beyond,
        currency: one.currency,
        amountOf: 'beyond',
        sentence:
          `For the pods of the portfolio ${one.portfolioId} ${one.approved} ${one.currency} are approved for ${one.period}, ` +
          `${beyond} more than its own ${one.limit}.`,
        settle: [
          setCommand({ ...one, scope: { kind: 'portfolio', id: one.portfolioId }, limit: add(one.limit, beyond) }),
          `outturn envelopes headroom --portfolio ${one.portfolioId} --period ${one.period}`,
        ],
        calls: [`GET /api/v1/portfolios/${one.portfolioId}/headroom`],
      },
    ];
  });
}

export async function readDriftItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const drifts = await listDrift(db);
  return drifts
    .filter(({ state }) => state === 'drifting')
    .map((one) => ({
      kind: 'drift',
      id: one.podId,
      scope: { kind: 'pod', id: one.podId },
      period: null,
      since: one.since,
      amount: one.perMonth,
      currency: one.currency,
      amountOf: 'per month',
      sentence: describeDrift(one),
      settle: [`outturn drift accept ${one.podId} --reason "…"`, `outturn drift ${one.podId}`],
      calls: [`POST /api/v1/pods/${one.podId}/drift/accept`, `GET /api/v1/pods/${one.podId}/drift`],
    }));
}

/** One sentence: how much above what, since when, for how much a month, through what. */
export function describeDrift(one: PodDrift): string {
  const change = one.change === null ? '' : `${roundForPresentation(multiply(decimal(one.change), HUNDRED), 1)} % `;
  const services = one.services
    .slice(0, SERVICES_NAMED_MAX)
    .map(({ serviceName, perMonth }) => `${serviceName ?? 'no service'} ${perMonth}`);
  return (
    `The pod ${one.podId} has drifted ${change}above what was approved on ${one.approved?.on}, since ${one.since}: ` +
    `${one.perMonth} ${one.currency} a month${services.length === 0 ? '' : `, most of it ${services.join(', ')}`}.`
  );
}

export async function readOutsideItems(db: Kysely<DB>, at: Date): Promise<InboxItem[]> {
  const outside = await readSpendOutside(db, { at });
  return outside.flatMap(({ scope, period, periodStart, spent }) =>
    spent.map(({ billingCurrency, cost }: { billingCurrency: string; cost: Decimal }): InboxItem => {
      const whose = scope.kind === 'pod' ? `The pod ${scope.id}` : 'What no pod answers for';
      return {
        kind: 'spend-outside',
        id: scope.id ?? scope.kind,
        scope,
        period,
        since: periodStart <= utcDate(at) ? periodStart : null,
        amount: cost,
        currency: billingCurrency,
        amountOf: 'spent',
        sentence: `${whose} has cost ${cost} ${billingCurrency} in ${period}, and no envelope covers it.`,
        settle: [setCommand({ scope, period, limit: '…', currency: billingCurrency, counts: 'controlled' })],
        calls: ['POST /api/v1/envelopes'],
      };
    }),
  );
}

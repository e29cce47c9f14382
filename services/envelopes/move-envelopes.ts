/**
 * What an applied organisation file does to envelopes: those there are judged under the new rules, then the file's own are filed and judged.
 * It is told with where each stood before, by what applies the file and by the plan that only pretends to.
 */
import type { Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Crossing } from '../alerts/record-crossings.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { Principal } from '../kernel/ports.ts';
import type { EnvelopeScope, Organisation } from '../organisation/organisation.ts';
import { evaluateEnvelopes } from './evaluate-envelopes.ts';
import { type ListedEnvelope, listApproved } from './list-envelopes.ts';
import type { EnvelopeChange } from './pattern-envelopes.ts';
import { syncEnvelopes } from './sync-envelopes.ts';

/** Where an envelope stands at its last evaluation; nulls where it never had one. */
export interface EnvelopeStanding {
  readonly limit: Decimal;
  readonly currency: string;
  readonly actual: Decimal | null;
  /** actual ÷ limit, four decimals. */
  readonly used: string | null;
  readonly rung: Decimal | null;
  readonly state: 'ok' | 'near' | 'over';
}

export interface EnvelopeMoved {
  readonly scope: EnvelopeScope;
  readonly period: string;
  readonly counts: 'controlled' | 'loaded';
  /** Null: the file brings it. */
  readonly from: EnvelopeStanding | null;
  /** Null: the file takes it back. */
  readonly to: EnvelopeStanding | null;
  /** held: waits for finance, because rules alone caused it; pending: told to the scope; suppressed: of a past period, told to nobody. */
  readonly alerts: readonly {
    readonly rung: Decimal;
    readonly delivery: Crossing['delivery'];
    readonly reason: Crossing['reason'];
  }[];
}

export interface EnvelopesMoved {
  /** Envelopes that come, go, get another limit, change their rung or speak: those that speak or are over first. */
  readonly listed: readonly EnvelopeMoved[];
  readonly leftOut: number;
  /** Envelopes whose use changes and that stay on their rung. */
  readonly otherwiseUsed: number;
}

export const NO_ENVELOPES_MOVED: EnvelopesMoved = { listed: [], leftOut: 0, otherwiseUsed: 0 };
const LISTED_MAX = 100;

/**
 * Moves the envelopes; the organisation's rows and figures are those of the file already.
 * @throws AppError organisation_conflict where the file and the product both changed an envelope; invalid_organisation.
 */
export async function moveEnvelopes(
  trx: Transaction<DB>,
  file: { organisation: Organisation; changesRulebook: boolean; at: Date; principal: Principal },
): Promise<{ changes: readonly EnvelopeChange[]; moved: EnvelopesMoved }> {
  const { at } = file;
  const before = await listApproved(trx);
  // Envelopes that were there are judged under the new rules before new versions come in, so that the cause of each crossing is told right.
  const ruled = file.changesRulebook ? (await evaluateEnvelopes(trx, { at, cause: 'rulebook' })).crossings : [];
  const changes = await syncEnvelopes(trx, file);
  const { crossings } = await evaluateEnvelopes(trx, { at, cause: 'envelope' });
  return { changes, moved: compareStandings(before, await listApproved(trx), [...ruled, ...crossings]) };
}

function compareStandings(
  before: readonly ListedEnvelope[],
  after: readonly ListedEnvelope[],
  crossings: readonly Crossing[],
): EnvelopesMoved {
  const former = new Map(before.map((envelope) => [keyOf(envelope), envelope]));
  const next = new Map(after.map((envelope) => [keyOf(envelope), envelope]));
  const spoken = Map.groupBy(crossings, ({ figure }) => figure.envelopeId);
  const all = new Map([...former, ...next]);
  const moved = [...all].map(([key, { envelopeId, scope, period, counts }]): EnvelopeMoved => {
    const alerts = spoken.get(envelopeId ?? '') ?? [];
    return {
      scope,
      period,
      counts: counts ?? 'controlled',
      from: standingOf(former.get(key)),
      to: standingOf(next.get(key)),
      alerts: alerts.map(({ rung, delivery, reason }) => ({ rung, delivery, reason })),
    };
  });
  const [listed, others] = [moved.filter(isTold), moved.filter((one) => !isTold(one))];
  const sorted = listed.toSorted((one, other) => rankOf(other) - rankOf(one));
  return {
    listed: sorted.slice(0, LISTED_MAX),
    leftOut: Math.max(0, sorted.length - LISTED_MAX),
    otherwiseUsed: others.filter(({ from, to }) => from?.actual !== to?.actual).length,
  };
}

function keyOf({ scope, periodStart, periodEnd, counts }: ListedEnvelope): string {
  return JSON.stringify([scope.kind, scope.id, periodStart, periodEnd, counts]);
}

function standingOf(envelope: ListedEnvelope | undefined): EnvelopeStanding | null {
  if (envelope === undefined || envelope.limit === null || envelope.currency === null) return null;
  const { limit, currency, actual, used, rung, state } = envelope;
  return { limit, currency, actual, used, rung, state: state === 'none' ? 'ok' : state };
}

function isTold({ from, to, alerts }: EnvelopeMoved): boolean {
  return alerts.length > 0 || from?.limit !== to?.limit || from?.currency !== to?.currency || from?.rung !== to?.rung;
}

function rankOf({ to, alerts }: EnvelopeMoved): number {
  const level = to === null ? 0 : { ok: 0, near: 1, over: 2 }[to.state];
  return level + (alerts.some(({ delivery }) => delivery !== 'suppressed') ? 3 : 0);
}

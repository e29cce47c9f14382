/**
 * Evaluates envelopes inside the transaction that changed a figure: reads what was spent, lets the state machine judge, and
 * writes states, alerts and messages. Nothing is sent here; a crossing and its message are there together or not at all.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { carryOutEffects } from '../alerts/carry-out-effects.ts';
import { type Crossing, recordCrossings } from '../alerts/record-crossings.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import { type Freshness, freshnessOf, readSourceReach } from './data-freshness.ts';
import { type EnvelopeChoice, type EnvelopeFigure, readEnvelopeFigures } from './envelope-figures.ts';
import { lockEnvelopes } from './envelope-lock.ts';
import { readEnvelopeStates, storeEnvelopeStates } from './envelope-states.ts';
import { extendPatternEnvelopes } from './pattern-envelopes.ts';
import { type EnvelopeEffect, type EnvelopeFacts, type EnvelopeState, NEW_STATE, transition } from './state-machine.ts';
import { describeMissingRates, keepHeadroomRates, keepMissingRates } from './version-rates.ts';

export interface Evaluation {
  readonly evaluated: number;
  /** Envelopes whose figure waits for an exchange rate. */
  readonly held: number;
  /** Alerts written for delivery: more than none means that delivery has work. */
  readonly pendingAlerts: number;
  /** Every crossing that an alert was written for. */
  readonly crossings: readonly Crossing[];
}

/**
 * Evaluates every envelope that the change can have touched: after a load, those not closed and those whose period its charges
 * meet; after rules or envelopes changed, all, or those named.
 */
export async function evaluateEnvelopes(
  trx: Transaction<DB>,
  options: { at: Date; cause: EnvelopeFacts['cause']; loadId?: string; envelopeIds?: readonly string[] },
): Promise<Evaluation> {
  const { at, cause, loadId, envelopeIds } = options;
  await lockEnvelopes(trx);
  await extendPatternEnvelopes(trx, at);
  const choice = envelopeIds === undefined ? await chooseEnvelopes(trx, loadId) : { envelopeIds };
  const first = await readEnvelopeFigures(trx, choice);
  const figures = (await keepMissingRates(trx, first)) ? await readEnvelopeFigures(trx, choice) : first;
  const states = await readEnvelopeStates(
    trx,
    figures.map(({ envelopeId }) => envelopeId),
  );
  if (cause === 'envelope') await keepHeadroomRates(trx);
  const sources = await readSourceReach(trx, loadId);

  const judged = figures.map((figure) => {
    const freshness = freshnessOf(sources, { start: figure.periodStart, end: figure.periodEnd }, at);
    return judge(figure, { state: states.get(figure.envelopeId) ?? NEW_STATE, freshness, at, cause });
  });
  await storeEnvelopeStates(trx, judged, at);
  const crossings = judged.flatMap((each) => each.crossings);
  await recordCrossings(trx, crossings, at);
  await carryOutEffects(
    trx,
    judged.map(({ figure, state, effects }) => ({ envelopeId: figure.envelopeId, state, effects })),
    at,
  );
  return {
    evaluated: figures.length,
    held: judged.filter((each) => each.heldReason !== null).length,
    pendingAlerts: crossings.filter((crossing) => crossing.delivery === 'pending').length,
    crossings,
  };
}

/** What one evaluation found for one envelope. */
export interface JudgedEnvelope {
  readonly figure: EnvelopeFigure;
  readonly state: EnvelopeState;
  readonly shownRung: string | null;
  readonly effects: readonly EnvelopeEffect[];
  readonly crossings: readonly Crossing[];
  /** A sentence where the figure waits for an exchange rate; the state is then the former one. */
  readonly heldReason: string | null;
}

function judge(
  figure: EnvelopeFigure,
  given: { state: EnvelopeState; freshness: Freshness; at: Date; cause: EnvelopeFacts['cause'] },
): JudgedEnvelope {
  const { state, freshness, at, cause } = given;
  const { actual } = figure;
  if (actual === null) {
    return { figure, state, shownRung: null, effects: [], crossings: [], heldReason: describeMissingRates(figure) };
  }
  const next = transition(state, {
    kind: 'evaluated',
    at,
    cause,
    version: figure.version,
    limit: figure.limit,
    rungs: figure.rungs,
    actual,
    periodEnd: new Date(`${figure.periodEnd}T00:00:00Z`),
    watermark: freshness.watermark,
    isLate: freshness.late.length > 0,
    isLastDayComplete: freshness.isLastDayComplete,
    hadEnded: freshness.hadEnded,
  });
  const crossings = next.effects.flatMap((effect) =>
    effect.kind === 'speak' ? [{ ...effect, figure, actual, freshness, isOver: next.state.isClosed }] : [],
  );
  return { figure, ...next, crossings, heldReason: null };
}

/** The charge dates a load and the one it replaced touch; reads the ends of pod_cost's index, not its rows. */
async function chooseEnvelopes(trx: Transaction<DB>, loadId: string | undefined): Promise<EnvelopeChoice> {
  if (loadId === undefined) return 'all';
  const { rows } = await sql<{ first: IsoDate | null; last: IsoDate | null }>`
    select min(reach.first) as first, max(reach.last) as last
    from load as published
    join lateral (
      select id from load where source_id = published.source_id and billing_period_start = published.billing_period_start
        and billing_period_end = published.billing_period_end and published_at is not null
      order by published_at desc limit 2
    ) as delivery on true
    cross join organisation
    join lateral (
      select min(charge_date) as first, max(charge_date) as last from rollup_cost
      where rollup_cost.load_id = delivery.id and rollup_cost.rulebook_id = organisation.rulebook_id
    ) as reach on true
    where published.id = ${loadId}::bigint
  `.execute(trx);
  const { first, last } = rows[0] ?? { first: null, last: null };
  // Without a row the load holds no charges; the envelopes that are not closed still see how far the data reaches.
  if (first === null || last === null) return { from: '0001-01-01', until: '0001-01-01' };
  return { from: first, until: addDays(last, 1) };
}

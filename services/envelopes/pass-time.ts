/**
 * What the calendar alone does to envelopes: a snooze ends, a limit that nobody acknowledged is brought to owner and finance partner, a held
 * crossing to finance. Evaluations need data for what they say; this needs none.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { carryOutEffects } from '../alerts/carry-out-effects.ts';
import { addBusinessDays, readBusinessCalendar } from './business-days.ts';
import { lockEnvelopes } from './envelope-lock.ts';
import { readEnvelopeStates, storeEnvelopeActs } from './envelope-states.ts';
import { awaitsAcknowledgement } from './judge-acts.ts';
import { type EnvelopeState, transition } from './state-machine.ts';

const BUSINESS_DAYS = 2;
const HELD_MS = 2 * 86_400_000;

/** Answers how many envelopes somebody is told of now. */
export async function passTime(trx: Transaction<DB>, at: Date): Promise<number> {
  await lockEnvelopes(trx);
  const states = await readEnvelopeStates(trx, await listWaiting(trx));
  const calendar = await readBusinessCalendar(trx);
  const outcomes = [...states].flatMap(([envelopeId, state]) => {
    const next = transition(state, {
      kind: 'time passed',
      at,
      overDueAt: awaitsAcknowledgement(state)
        ? overDueAt(state, (since) => addBusinessDays(since, BUSINESS_DAYS, calendar))
        : null,
      heldDueAt: state.held === null ? null : new Date(state.held.since.getTime() + HELD_MS),
    });
    return next.effects.length === 0 ? [] : [{ envelopeId, state: next.state, effects: next.effects }];
  });
  await storeEnvelopeActs(trx, outcomes);
  await carryOutEffects(trx, outcomes, at);
  return outcomes.length;
}

function overDueAt({ overSince }: EnvelopeState, dueAfter: (since: Date) => Date): Date | null {
  return overSince === null ? null : dueAfter(overSince);
}

async function listWaiting(trx: Transaction<DB>): Promise<string[]> {
  const { rows } = await sql<{ envelope_id: string }>`
    select envelope_id from envelope_state join envelope on envelope.id = envelope_state.envelope_id
    where closed_at is null and withdrawn_at is null
      and (over_since is not null and not has_escalated or held_since is not null and (held_reason_kind = 'snoozed' or not held_escalated))
  `.execute(trx);
  return rows.map((row) => row.envelope_id);
}

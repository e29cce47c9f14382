/**
 * Writes down what the state machine decided, beside the crossings themselves: held messages that go out or never will, episodes that end,
 * who is told that nobody answered, and posts that no longer say how it is.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { EnvelopeEffect, EnvelopeState } from '../envelopes/state-machine.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { recordEscalations, settleHeldNotices } from './record-escalations.ts';
import { reviseMessages } from './revise-messages.ts';

/** One envelope after an event: its new state and what is to be done. */
export interface EnvelopeOutcome {
  readonly envelopeId: string;
  readonly state: EnvelopeState;
  readonly effects: readonly EnvelopeEffect[];
}

/** All effects but new crossings, which record-crossings.ts writes before. The states must have been stored. */
export async function carryOutEffects(
  trx: Transaction<DB>,
  outcomes: readonly EnvelopeOutcome[],
  at: Date,
): Promise<void> {
  await settleHeld(trx, outcomes, at);
  await endAlerts(trx, outcomes, at);
  await suppressUnneeded(trx, outcomes);
  await recordEscalations(trx, outcomes, at);
  const updated = outcomes.filter(({ effects }) => effects.some(({ kind }) => kind === 'update' || kind === 'release'));
  await reviseMessages(
    trx,
    updated.map(({ envelopeId }) => envelopeId),
    at,
  );
}

type HeldEffect = Extract<EnvelopeEffect, { kind: 'release' | 'dismiss' }>;

/** A released message is due at once; a dismissed alert leaves its message to the others that it tells of. */
async function settleHeld(trx: Transaction<DB>, outcomes: readonly EnvelopeOutcome[], at: Date): Promise<void> {
  const settled = effectsOf(outcomes, (effect): effect is HeldEffect => ['release', 'dismiss'].includes(effect.kind));
  if (settled.length === 0) return;
  const rows = settled.map(({ envelopeId, effect: { kind, episode, rung } }) => ({
    envelope_id: envelopeId,
    episode,
    rung,
    is_released: kind === 'release',
  }));
  const settledRows = sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
    as settled (envelope_id bigint, episode integer, rung text, is_released boolean)`;
  await sql`
    update alert set dismissed_at = ${at.toISOString()}
    from ${settledRows}
    where not settled.is_released and alert.envelope_id = settled.envelope_id and alert.episode = settled.episode
      and alert.rung = settled.rung
  `.execute(trx);
  await sql`
    update message set state = 'pending', next_attempt_at = ${at.toISOString()}
    from alert, ${settledRows}
    where settled.is_released and alert.envelope_id = settled.envelope_id and alert.episode = settled.episode
      and alert.rung = settled.rung and message.id = alert.message_id and message.state = 'held'
  `.execute(trx);
  await settleHeldNotices(trx, rows, at);
}

async function endAlerts(trx: Transaction<DB>, outcomes: readonly EnvelopeOutcome[], at: Date): Promise<void> {
  const endings = outcomes.flatMap(({ envelopeId, effects }) =>
    effects.flatMap((effect): { envelope_id: string; above: Decimal | null; episode_state: string }[] => {
      if (effect.kind === 'clear') return [{ envelope_id: envelopeId, above: effect.above, episode_state: 'cleared' }];
      return effect.kind === 'close' ? [{ envelope_id: envelopeId, above: null, episode_state: 'closed' }] : [];
    }),
  );
  if (endings.length === 0) return;
  await sql`
    update alert set episode_state = ending.episode_state, ended_at = ${at.toISOString()}
    from jsonb_to_recordset(${JSON.stringify(endings)}::jsonb) as ending (envelope_id bigint, above numeric, episode_state text)
    where alert.envelope_id = ending.envelope_id and alert.episode_state = 'open'
      and (ending.above is null or alert.rung::numeric > ending.above)
  `.execute(trx);
}

/** A held message of which no alert is open any more, or all were dismissed, is told to nobody. */
async function suppressUnneeded(trx: Transaction<DB>, outcomes: readonly EnvelopeOutcome[]): Promise<void> {
  const envelopeIds = outcomes.flatMap(({ envelopeId, effects }) =>
    effects.some(({ kind }) => kind === 'dismiss' || kind === 'clear' || kind === 'close') ? [envelopeId] : [],
  );
  if (envelopeIds.length === 0) return;
  await sql`
    update message set state = 'suppressed', next_attempt_at = null
    where state = 'held' and id in (select message_id from alert where envelope_id = any (${envelopeIds}::bigint[]))
      and not exists (
        select from alert where alert.message_id = message.id and alert.episode_state = 'open' and alert.dismissed_at is null)
  `.execute(trx);
}

function effectsOf<Effect extends EnvelopeEffect>(
  outcomes: readonly EnvelopeOutcome[],
  isWanted: (effect: EnvelopeEffect) => effect is Effect,
): { envelopeId: string; effect: Effect }[] {
  return outcomes.flatMap(({ envelopeId, effects }) =>
    effects.filter(isWanted).map((effect) => ({ envelopeId, effect })),
  );
}

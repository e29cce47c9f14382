/**
 * What a person does about an alert: acknowledge or snooze it, release it to its channel or dismiss it where it waits for finance. An act is
 * on the alert's message, for every envelope that it tells of, takes a role, and is audited with who did it and where.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { lockEnvelopes } from '../envelopes/envelope-lock.ts';
import { readEnvelopeStates, storeEnvelopeActs } from '../envelopes/envelope-states.ts';
import { type EnvelopeEvent, transition } from '../envelopes/state-machine.ts';
import type { Principal } from '../kernel/ports.ts';
import { carryOutEffects } from './carry-out-effects.ts';
import { type AlertAct, assertMayAct, noSuchAlert } from './may-act.ts';

export interface Acting {
  readonly alertId: string;
  readonly principal: Principal;
  /** Where they did it. */
  readonly via: 'cli' | 'api' | 'slack';
  readonly at: Date;
}

export type ActOutcome =
  | { readonly kind: 'done' }
  /** Nothing changed: somebody was faster, or it is over. */
  | { readonly kind: 'nothing to do'; readonly reason: string };

/** Somebody of the scope has seen it: no escalation. @throws AppError not_found, forbidden */
export async function acknowledgeAlert(db: Kysely<DB>, acting: Acting): Promise<ActOutcome> {
  const { at, principal } = acting;
  return act(db, acting, { kind: 'acknowledged', at, by: principal.id }, 'acknowledge', ALREADY_SEEN);
}

/** The same rung is not told again until then; one at the limit or above cannot be snoozed. @throws AppError not_found, forbidden */
export async function snoozeAlert(db: Kysely<DB>, acting: Acting & { until: Date }): Promise<ActOutcome> {
  const { at, until, principal } = acting;
  return act(db, acting, { kind: 'snoozed', at, until, by: principal.id }, 'snooze', NOT_SNOOZED);
}

/** Sends a held alert to its channel after all. @throws AppError not_found, forbidden */
export async function releaseAlert(db: Kysely<DB>, acting: Acting): Promise<ActOutcome> {
  return act(db, acting, { kind: 'released', at: acting.at }, 'release', NOT_HELD);
}

/** Keeps a held alert from its channel for good. @throws AppError not_found, forbidden */
export async function dismissAlert(db: Kysely<DB>, acting: Acting): Promise<ActOutcome> {
  return act(db, acting, { kind: 'dismissed', at: acting.at }, 'dismiss', NOT_HELD);
}

const ALREADY_SEEN = 'It was acknowledged already, or it is over.';
const NOT_SNOOZED = 'An alert at its limit cannot be snoozed, only acknowledged; or it is over.';
const NOT_HELD = 'It is not held any more.';

async function act(
  db: Kysely<DB>,
  acting: Acting,
  event: EnvelopeEvent,
  name: AlertAct,
  reason: string,
): Promise<ActOutcome> {
  const work = async (trx: Transaction<DB>): Promise<ActOutcome> => {
    await assertMayAct(trx, name, acting);
    await lockEnvelopes(trx);
    const envelopeIds = await readEnvelopesOf(trx, acting.alertId);
    const states = await readEnvelopeStates(trx, envelopeIds);
    const outcomes = [...states].flatMap(([envelopeId, before]) => {
      const { state, effects } = transition(before, event);
      return effects.length === 0 ? [] : [{ envelopeId, state, effects }];
    });
    if (outcomes.length === 0) return { kind: 'nothing to do', reason };
    await storeEnvelopeActs(trx, outcomes);
    await carryOutEffects(trx, outcomes, acting.at);
    await recordAudit(trx, {
      at: acting.at,
      principal: acting.principal,
      action: `${name}-alert`,
      subjectKind: 'alert',
      subjectId: acting.alertId,
      details: { via: acting.via, ...(event.kind === 'snoozed' ? { until: event.until.toISOString() } : {}) },
    });
    return { kind: 'done' };
  };
  return db.isTransaction ? work(db as Transaction<DB>) : db.transaction().execute(work);
}

/** The envelopes of everything that the alert's message tells of and that is still open. */
async function readEnvelopesOf(trx: Transaction<DB>, alertId: string): Promise<string[]> {
  const { rows } = await sql<{ envelope_id: string; is_open: boolean }>`
    select other.envelope_id, other.episode_state = 'open' as is_open
    from alert join alert as other on other.message_id = alert.message_id
    where alert.id::text = ${alertId}
  `.execute(trx);
  if (rows.length === 0) throw noSuchAlert(alertId);
  return [...new Set(rows.filter((row) => row.is_open).map((row) => row.envelope_id))];
}

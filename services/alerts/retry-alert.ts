/**
 * Tries again to deliver what failed, or may have, about an alert: somebody put right what was in the way, or looked and found nothing there.
 * What may have arrived is read back first where that can be done. What it says is made anew.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { ActOutcome, Acting } from './act-on-alert.ts';
import { assertMayAct, noSuchAlert } from './may-act.ts';
import { reviseMessages } from './revise-messages.ts';

/** `alertId` may be the id of a message, too: some are about no alert. @throws AppError not_found, forbidden */
export async function retryAlert(db: Kysely<DB>, acting: Acting): Promise<ActOutcome> {
  return db.isTransaction
    ? retry(db as Transaction<DB>, acting)
    : db.transaction().execute((trx) => retry(trx, acting));
}

async function retry(trx: Transaction<DB>, acting: Acting): Promise<ActOutcome> {
  const { alertId, at, principal, via } = acting;
  await assertMayAct(trx, 'retry', acting);
  const messages = await readMessages(trx, alertId);
  if (messages.length === 0) throw noSuchAlert(alertId);
  const stuck = messages.filter(({ state }) => state === 'failed' || state === 'unknown');
  if (stuck.length === 0) {
    return {
      kind: 'nothing to do',
      reason: `Its delivery neither failed nor is unknown: it is ${messages[0]?.state}.`,
    };
  }
  const ids = stuck.map(({ id }) => id);
  // A person says that twice is better than never; the tries it has had count no more, and its present channel is asked for.
  await sql`
    update message set state = case state when 'failed' then 'pending' else state end, next_attempt_at = ${at.toISOString()},
      first_attempt_at = case state when 'failed' then null else first_attempt_at end, is_urgent = true, attempts = least(attempts, 1),
      error = null, claimed_until = null
    where id = any (${ids}::uuid[])
  `.execute(trx);
  const { rows } = await sql<{ envelope_id: string }>`
    select distinct envelope_id from alert where message_id = any (${ids}::uuid[])
  `.execute(trx);
  await reviseMessages(
    trx,
    rows.map((row) => row.envelope_id),
    at,
  );
  await recordAudit(trx, {
    at,
    principal,
    action: 'retry-alert',
    subjectKind: 'alert',
    subjectId: alertId,
    details: { via, messages: stuck.map(({ id, state }) => ({ id, was: state })) },
  });
  return { kind: 'done' };
}

/** All that was said about it, the message that tells of it first; notices of failures follow those they are about by themselves. */
async function readMessages(trx: Transaction<DB>, id: string): Promise<{ id: string; state: string }[]> {
  const { rows } = await sql<{ id: string; state: string }>`
    select id, state from message
    where kind <> 'delivery-failure' and (id::text = ${id} or alert_id::text = ${id}
      or id in (select message_id from alert where alert.id::text = ${id}))
    order by created_at, id
    for update
  `.execute(trx);
  return rows;
}

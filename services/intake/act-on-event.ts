/**
 * Does what an event asks for. A finished ticket of an opted-in label or type becomes a candidate, never value. A reopened or dropped
 * ticket, and a deployment that was rolled back, break the evidence that refers to them and ask the owner: money stays as it is.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { breakEvidence, type TouchedEvidence } from '../evidence/break-evidence.ts';
import { cleanText, type EventReference } from '../kernel/inbound-event.ts';
import { utcDate } from '../kernel/period.ts';
import { stateCandidate } from '../outcomes/acts/state-candidate.ts';
import { askOwners } from './ask-owners.ts';
import type { EventToAct } from './event-acts.ts';

/** @throws AppError where it cannot be done until somebody changes something. */
export async function actOnEvent(trx: Transaction<DB>, event: EventToAct, at: Date): Promise<void> {
  if (event.act === 'candidate') await proposeOutcome(trx, event, at);
  else await breakWhatRefers(trx, event, at);
}

async function proposeOutcome(trx: Transaction<DB>, event: EventToAct, at: Date): Promise<void> {
  if (event.podId === null) throw new Error('a candidate has its pod');
  await stateCandidate(trx, {
    title: event.subject === '' ? (event.references[0]?.key ?? event.type) : event.subject,
    // Its clock may be a little ahead of ours, at midnight by a day.
    deliveredOn: utcDate(event.occurredAt < at ? event.occurredAt : at),
    podId: event.podId,
    references: event.references,
    evidence: event.references.flatMap(({ key, url }) => (url === null ? [] : [{ uri: url, title: key }])),
    ownerEmail: null,
    at,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  open: 'was reopened',
  not_planned: 'was closed without being done',
  deleted: 'was deleted or withdrawn',
  rolled_back: 'was rolled back',
};

async function breakWhatRefers(trx: Transaction<DB>, event: EventToAct, at: Date): Promise<void> {
  const references = event.status === 'rolled_back' ? await referencesTakenBack(trx, event) : event.references;
  const key = references[0]?.key ?? event.subject;
  const what = `The ${event.kind} ${key}`;
  const reason = cleanText(
    `${what} ${REASONS[event.status ?? ''] ?? 'changed'} (${event.source}, ${utcDate(event.occurredAt)})`,
    500,
  );
  const broken: TouchedEvidence[] = [];
  for (const { system, key: name, url } of references) {
    broken.push(...(await breakEvidence(trx, { reference: { system, key: name }, reason, at })));
    if (url !== null) broken.push(...(await breakEvidence(trx, { uri: url, reason, at })));
  }
  await askOwners(trx, { eventId: event.id, reason, broken, at });
}

/** A rollback tells what it brought back; what it took back is what ran before it in the same place, by a deployment or another rollback. */
async function referencesTakenBack(trx: Transaction<DB>, event: EventToAct): Promise<EventReference[]> {
  const { rows } = await sql<{ references: EventReference[] }>`
    select coalesce(attributes -> 'references', '[]') as references from inbound_event
    where source = ${event.source} and kind = 'deployment' and status in ('succeeded', 'rolled_back') and scopes = ${JSON.stringify(event.scopes)}::jsonb
      and attributes ->> 'environment' is not distinct from ${event.environment} and occurred_at < ${event.occurredAt.toISOString()}
    order by occurred_at desc, id desc limit 1
  `.execute(trx);
  const restored = new Set(event.references.map(({ system, key }) => `${system} ${key}`));
  return (rows[0]?.references ?? []).filter(({ system, key }) => !restored.has(`${system} ${key}`));
}

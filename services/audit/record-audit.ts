/**
 * The audit trail: who changed what, when. Events are appended inside the transaction that makes the change and are chained by
 * hash, so that a removed or altered event shows. The chain's head is locked for the rest of the transaction.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AUDIT_CHAIN_LOCK } from '../kernel/advisory-locks.ts';
import type { Principal } from '../kernel/ports.ts';

export interface AuditEntry {
  readonly at: Date;
  readonly principal: Principal;
  /** A verb in kebab case: `publish-load`, `apply-organisation`, `create-token`. */
  readonly action: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  /** Facts worth keeping; money as decimal strings. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Appends one event. Call it late in the transaction: appends are serialised. */
export async function recordAudit(trx: Transaction<DB>, entry: AuditEntry): Promise<void> {
  const details = JSON.stringify(entry.details ?? {});
  await sql`select pg_advisory_xact_lock(${AUDIT_CHAIN_LOCK})`.execute(trx);
  await sql`
    insert into audit_event (at, principal, role, action, subject_kind, subject_id, details, previous_hash, hash)
    select entry.at, entry.principal, entry.role, entry.action, entry.subject_kind, entry.subject_id, entry.details, head.hash,
      encode(sha256(convert_to(concat_ws(E'\n', head.hash, extract(epoch from entry.at)::text, entry.principal, entry.role,
        entry.action, entry.subject_kind, entry.subject_id, entry.details::text), 'UTF8')), 'hex')
    from (select ${entry.at.toISOString()}::timestamptz as at, ${entry.principal.id}::text as principal,
      ${entry.principal.role}::text as role, ${entry.action}::text as action, ${entry.subjectKind}::text as subject_kind,
      ${entry.subjectId}::text as subject_id, ${details}::jsonb as details) as entry,
      (select coalesce((select hash from audit_event order by id desc limit 1), '') as hash) as head
  `.execute(trx);
}

/** The audit trail, newest first, page by page. Read by finance and operators. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

export interface AuditEvent {
  readonly auditEventId: string;
  readonly at: string;
  readonly principal: string;
  readonly role: string;
  readonly action: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  readonly details: unknown;
  readonly previousHash: string;
  readonly hash: string;
}

export interface AuditFilter {
  readonly principal?: string;
  readonly action?: string;
  readonly subjectKind?: string;
  readonly subjectId?: string;
}

/** At most `limit` events before the event `before` (its id), by the primary key. */
export async function listAuditEvents(
  db: Kysely<DB>,
  options: AuditFilter & { before: string | null; limit: number },
): Promise<AuditEvent[]> {
  const { principal, action, subjectKind, subjectId, before } = options;
  const rows = await db
    .selectFrom('audit_event')
    .selectAll()
    .$if(before !== null, (query) => query.where('id', '<', before ?? ''))
    .$if(principal !== undefined, (query) => query.where('principal', '=', principal ?? ''))
    .$if(action !== undefined, (query) => query.where('action', '=', action ?? ''))
    .$if(subjectKind !== undefined, (query) => query.where('subject_kind', '=', subjectKind ?? ''))
    .$if(subjectId !== undefined, (query) => query.where('subject_id', '=', subjectId ?? ''))
    .orderBy('id', 'desc')
    .limit(options.limit)
    .execute();
  return rows.map((row) => ({
    auditEventId: row.id,
    at: row.at.toISOString(),
    principal: row.principal,
    role: row.role,
    action: row.action,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    details: row.details,
    previousHash: row.previous_hash,
    hash: row.hash,
  }));
}

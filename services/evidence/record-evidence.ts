/**
 * Adds a piece of evidence to an outcome. The same address, or the same content, again changes nothing. It moves no figure: it opens or
 * closes the way to verification, under the lock of those who write outcomes.
 */
import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { findDuplicates } from '../outcomes/duplicates/find-duplicates.ts';
import { lockOutcomes } from '../outcomes/lock-outcomes.ts';
import { EVIDENCE_PIECES_MAX, EVIDENCE_TITLE_LENGTH_MAX, requireOutcome } from './evidence.ts';
import { keepRoom } from './keep-room.ts';
import { recogniseFile } from './recognise-file.ts';
import { isWebAddress, NO_WEB_ADDRESS } from './web-address.ts';

export interface RecordedEvidence {
  readonly evidenceId: string;
  readonly change: 'created' | 'unchanged';
}

export interface EvidenceStatement {
  readonly outcomeId: string;
  readonly kind: 'link' | 'file';
  readonly uri: string;
  readonly title?: string | null;
  /** Of a link what was found there, where somebody says so. */
  readonly sha256?: string | null;
  readonly mediaType?: string | null;
  readonly sizeBytes?: number | null;
  /** When it was looked at; now if absent. */
  readonly capturedAt?: Date;
  readonly principal: Principal;
  readonly at: Date;
}

/** @throws AppError not_found (also where a pod has no share), invalid_input for an address that is none, conflict where there are too many. */
export async function recordEvidence(trx: Transaction<DB>, stated: EvidenceStatement): Promise<RecordedEvidence> {
  checkStatement(stated);
  await lockOutcomes(trx);
  const { outcomeId, kind, uri, principal, at } = stated;
  await requireOutcome(trx, outcomeId, principal);
  const kept = await sql<{ id: string | null; pieces: number }>`
    select (max(id) filter (where uri = ${uri}))::text as id, count(*)::int as pieces from outcome_evidence where outcome_id = ${outcomeId}::bigint
  `.execute(trx);
  const { id = null, pieces = 0 } = kept.rows[0] ?? {};
  if (id !== null) return { evidenceId: id, change: 'unchanged' };
  if (pieces >= EVIDENCE_PIECES_MAX) {
    throw new AppError('conflict', `Outcome ${outcomeId} has ${pieces} pieces of evidence, as many as are kept.`);
  }
  const { sha256 = null, mediaType = null, sizeBytes = null, capturedAt = at } = stated;
  const title = stated.title?.trim() ?? '';
  const { rows } = await sql<{ id: string }>`
    insert into outcome_evidence (outcome_id, kind, uri, title, sha256, media_type, size_bytes, captured_at, added_by, added_at)
    values (${outcomeId}::bigint, ${kind}, ${uri}, ${title === '' ? null : title}, ${sha256}, ${mediaType}, ${sizeBytes},
      ${capturedAt.toISOString()}::timestamptz, ${principal.id}, ${at.toISOString()}::timestamptz)
    returning id::text as id
  `.execute(trx);
  const evidenceId = rows[0]?.id ?? '';
  // One address behind two outcomes may be one outcome twice.
  await findDuplicates(trx, [outcomeId], at);
  const details = { evidenceId, kind, uri, ...(sha256 === null ? {} : { sha256 }) };
  await recordAudit(trx, {
    at,
    principal,
    action: 'add-evidence',
    subjectKind: 'outcome',
    subjectId: outcomeId,
    details,
  });
  return { evidenceId, change: 'created' };
}

/**
 * Keeps a file and names it as evidence.
 * @throws AppError as recordEvidence, invalid_input for a file that is not kept (see recogniseFile), and conflict where there is no room for it.
 */
export async function uploadEvidence(
  trx: Transaction<DB>,
  file: {
    readonly outcomeId: string;
    readonly fileName: string;
    readonly bytes: Buffer;
    readonly capturedAt?: Date;
    readonly principal: Principal;
    readonly at: Date;
  },
): Promise<RecordedEvidence & { readonly sha256: string }> {
  const { bytes, fileName, ...stated } = file;
  const { mediaType } = recogniseFile(fileName, bytes);
  await requireOutcome(trx, file.outcomeId, file.principal);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const stored = { sha256, sizeBytes: bytes.length, storedBy: file.principal.id, at: file.at };
  if (!(await keepRoom(trx, { ...stored, fileName }))) {
    await sql`
      insert into evidence_file (sha256, size_bytes, content, stored_at, stored_by)
      values (${sha256}, ${bytes.length}, ${bytes}, ${file.at.toISOString()}::timestamptz, ${stored.storedBy})
    `.execute(trx);
  }
  const uri = `/api/v1/outcomes/${file.outcomeId}/evidence/files/${sha256}`;
  const kept = { ...stated, kind: 'file', uri, title: fileName, sha256, mediaType, sizeBytes: bytes.length } as const;
  return { ...(await recordEvidence(trx, kept)), sha256 };
}

function checkStatement({ kind, uri, title, sha256 }: EvidenceStatement): void {
  if (kind === 'link' && !isWebAddress(uri)) {
    const { reason, fix } = NO_WEB_ADDRESS;
    throw new AppError('invalid_input', `${JSON.stringify(uri)} ${reason}. ${fix}`);
  }
  if ((title ?? '').length > EVIDENCE_TITLE_LENGTH_MAX) {
    throw new AppError('invalid_input', `The title of evidence has at most ${EVIDENCE_TITLE_LENGTH_MAX} characters.`);
  }
  if (sha256 != null && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new AppError('invalid_input', `"${sha256}" is no SHA-256: 64 digits of 0 to 9 and a to f.`);
  }
}

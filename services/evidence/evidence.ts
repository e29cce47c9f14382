/**
 * What stands as evidence of an outcome: links and uploaded files, and which of them are broken. An address is kept and shown, never
 * fetched. A pod reads through row-level security.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';

export interface EvidenceView {
  readonly evidenceId: string;
  readonly outcomeId: string;
  readonly kind: 'link' | 'file';
  /** Of a file the path under which the API gives it back. */
  readonly uri: string;
  readonly title: string | null;
  readonly sha256: string | null;
  readonly mediaType: string | null;
  readonly sizeBytes: number | null;
  readonly capturedAt: string;
  readonly addedBy: string;
  readonly addedAt: string;
  /** Broken and not mended since: the outcome is not verified with it. */
  readonly isBroken: boolean;
  readonly brokenAt: string | null;
  readonly brokenReason: string | null;
  readonly mendedAt: string | null;
  readonly mendedBy: string | null;
}

/** Pieces of evidence of one outcome. */
export const EVIDENCE_PIECES_MAX = 50;
export const EVIDENCE_TITLE_LENGTH_MAX = 300;

/** The evidence of an outcome, oldest first. @throws AppError not_found, also for an outcome that the reader may not see. */
export async function listEvidence(db: Kysely<DB>, outcomeId: string): Promise<EvidenceView[]> {
  await requireOutcome(db, outcomeId);
  const { rows } = await sql<EvidenceView>`
    select id::text as "evidenceId", outcome_id::text as "outcomeId", kind, uri, title, sha256, media_type as "mediaType",
      size_bytes::int as "sizeBytes", ${instant('captured_at')} as "capturedAt", added_by as "addedBy", ${instant('added_at')} as "addedAt",
      broken_at is not null and mended_at is null as "isBroken", ${instant('broken_at')} as "brokenAt", broken_reason as "brokenReason",
      ${instant('mended_at')} as "mendedAt", mended_by as "mendedBy"
    from outcome_evidence where outcome_id = ${outcomeId}::bigint order by id limit ${EVIDENCE_PIECES_MAX}
  `.execute(db);
  return rows;
}

/** @throws AppError not_found where there is no such outcome, or none that a pod has a share of. */
export async function requireOutcome(db: Kysely<DB>, outcomeId: string, principal?: Principal): Promise<void> {
  const isId = /^\d{1,18}$/.test(outcomeId);
  const pods = principal?.role === 'pod' ? [...principal.pods] : null;
  const { rows } = isId
    ? await sql`
        select from outcome where id = ${outcomeId}::bigint and (${pods}::text[] is null
          or exists (select from outcome_share where outcome_id = outcome.id and pod_id = any (${pods}::text[])))
      `.execute(db)
    : { rows: [] };
  if (rows.length === 0) {
    throw new AppError('not_found', `There is no outcome ${outcomeId}.`);
  }
}

/** @throws AppError conflict where one of these outcomes has more pieces than are kept. */
export async function keepPieces(db: Kysely<DB>, outcomeIds: readonly string[]): Promise<void> {
  const { rows } = await sql<{ id: string; pieces: number }>`
    select outcome_id::text as id, count(*)::int as pieces from outcome_evidence
    where outcome_id = any (${[...outcomeIds]}::bigint[]) group by outcome_id having count(*) > ${EVIDENCE_PIECES_MAX} limit 1`.execute(
    db,
  );
  const [full] = rows;
  if (full === undefined) return;
  const message = `Outcome ${full.id} would have ${full.pieces} pieces of evidence; ${EVIDENCE_PIECES_MAX} are kept. Say what shows it best.`;
  throw new AppError('conflict', message);
}

function instant(column: 'captured_at' | 'added_at' | 'broken_at' | 'mended_at') {
  return sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
}

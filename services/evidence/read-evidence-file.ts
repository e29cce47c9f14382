/** Gives an uploaded file back, as bytes with its name: through the evidence that names it, so that who sees no outcome sees no file. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';

export interface EvidenceFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly content: Buffer;
}

/** @throws AppError not_found, also for what the reader may not see. */
export async function readEvidenceFile(db: Kysely<DB>, outcomeId: string, sha256: string): Promise<EvidenceFile> {
  const isId = /^\d{1,18}$/.test(outcomeId);
  const { rows } = isId
    ? await sql<{ title: string | null; media_type: string | null; content: Buffer }>`
        select title, media_type, content from outcome_evidence join evidence_file using (sha256)
        where outcome_id = ${outcomeId}::bigint and kind = 'file' and sha256 = ${sha256}
      `.execute(db)
    : { rows: [] };
  const [row] = rows;
  if (row === undefined) throw new AppError('not_found', `Outcome ${outcomeId} has no such file.`);
  return {
    fileName: row.title ?? sha256,
    mediaType: row.media_type ?? 'application/octet-stream',
    content: row.content,
  };
}

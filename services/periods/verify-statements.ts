/**
 * Recomputes the chain of statements from its start: every document's hash, the digests of the rows behind it, what stands beside it, and
 * every approval's hash over the one before. Names the first statement that is not what was approved.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { CHAIN_START, hashOf, hashOfApproval } from './chain.ts';
import { type DocumentedFacts, faultBesideDocument, type StatementRow } from './check-beside-document.ts';
import { digestFrozenRows } from './frozen-digests.ts';
import { frozenValuePerPod } from './frozen-value.ts';
import { STATEMENT_FORMAT } from './statement-document.ts';

export interface Verification {
  readonly verified: boolean;
  /** Approved statements that were checked, up to and with the broken one. */
  readonly checked: number;
  /** The hash of the last approval, to be kept elsewhere; null without one. */
  readonly head: string | null;
  readonly broken: { readonly statementId: string; readonly period: string; readonly reason: string } | null;
}

interface ChainRow extends StatementRow {
  readonly supersedes_id: number | null;
  readonly reissue_reason: string | null;
  readonly forced_reason: string | null;
  readonly document: string;
  readonly document_hash: string;
  readonly prepared_by: string;
  readonly prepared_at: Date;
  readonly approved_by: string;
  readonly approved_at: Date;
  readonly ordinal: number;
  readonly previous_hash: string;
  readonly hash: string;
}

/** Read one after the other, so that no more than one document is in memory. */
export async function verifyStatements(db: Kysely<DB>): Promise<Verification> {
  const { rows: places } = await sql<{ id: number }>`
    select id from statement where state = 'approved' order by ordinal
  `.execute(db);
  let previousHash = CHAIN_START;
  for (const [index, place] of places.entries()) {
    const row = await readLink(db, place.id);
    const reason = await faultOf(db, row, { ordinal: index + 1, previousHash });
    if (reason !== null) {
      const broken = { statementId: String(row.id), period: row.period_id, reason };
      return { verified: false, checked: index + 1, head: null, broken };
    }
    previousHash = row.hash;
  }
  return {
    verified: true,
    checked: places.length,
    head: places.length === 0 ? null : previousHash,
    broken: null,
  };
}

async function readLink(db: Kysely<DB>, statementId: number): Promise<ChainRow> {
  const { rows } = await sql<ChainRow>`
    select id, kind, period_id, period_start, period_end, known_at, rulebook_id, currency, cost_metric, supersedes_id, reissue_reason, forced_reason, document, document_hash, prepared_by, prepared_at,
      approved_by, approved_at, ordinal, previous_hash, hash
    from statement where id = ${statementId}
  `.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error(`statement ${statementId} disappeared while the chain was read`);
  return row;
}

async function faultOf(
  db: Kysely<DB>,
  row: ChainRow,
  expected: { ordinal: number; previousHash: string },
): Promise<string | null> {
  if (row.ordinal !== expected.ordinal)
    return `stands at place ${row.ordinal} of the chain instead of ${expected.ordinal}`;
  if (row.previous_hash !== expected.previousHash) return 'does not follow the statement before it';
  if (hashOf(row.document) !== row.document_hash) return 'its document is not the one that was hashed';
  const hash = hashOfApproval({
    previousHash: row.previous_hash,
    ordinal: row.ordinal,
    statementId: row.id,
    kind: row.kind,
    periodId: row.period_id,
    supersedesId: row.supersedes_id,
    reissueReason: row.reissue_reason,
    forcedReason: row.forced_reason,
    documentHash: row.document_hash,
    preparedBy: row.prepared_by,
    preparedAt: row.prepared_at.toISOString(),
    approvedBy: row.approved_by,
    approvedAt: row.approved_at.toISOString(),
  });
  if (hash !== row.hash) return 'its approval is not the one that was hashed';
  const document = JSON.parse(row.document) as DocumentedFacts & {
    format: string;
    frozen: Readonly<Record<string, unknown>>;
  };
  const { format, frozen, valuePerPod } = document;
  const found: Readonly<Record<string, unknown>> = await digestFrozenRows(db, row.id);
  const changed = Object.keys(frozen).find((name) => canonicalJson(found[name]) !== canonicalJson(frozen[name]));
  if (changed !== undefined) return `its frozen rows (${changed}) are not those that were hashed`;
  const beside = await faultBesideDocument(db, row, document);
  if (beside !== null) return beside;
  // A report of a former shape has members today that it had not; its rows are those that were hashed.
  if (format !== STATEMENT_FORMAT) return null;
  const answered = await frozenValuePerPod(db, row.id);
  return canonicalJson(answered) === canonicalJson(valuePerPod) ? null : 'its report is not the one that was hashed';
}

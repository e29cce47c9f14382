/**
 * Rulebooks in the database: immutable and numbered in the order they were first seen. Identical content keeps its number, so
 * going back to a former file takes up the attribution that was made for it.
 */
import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { canonicalJson } from './canonical-json.ts';
import { RULEBOOK_NUMBER_LOCK } from '../kernel/advisory-locks.ts';
import type { RulebookContent } from './rulebook.ts';

export interface NumberedRulebook {
  readonly id: number;
  readonly content: RulebookContent;
}

/** The rulebook in force: the one whose figures the reports show. */
export async function currentRulebook(db: Kysely<DB>): Promise<NumberedRulebook> {
  const { rows } = await sql<NumberedRulebook>`
    select rulebook.id, rulebook.content from organisation join rulebook on rulebook.id = organisation.rulebook_id
  `.execute(db);
  const [rulebook] = rows;
  if (rulebook === undefined) throw new Error('the organisation row is missing; the migrations insert it');
  return rulebook;
}

/**
 * A rulebook by its number.
 * @throws AppError not_found.
 */
export async function readRulebook(db: Kysely<DB>, rulebookId: number): Promise<NumberedRulebook> {
  const { rows } = await sql<NumberedRulebook>`select id, content from rulebook where id = ${rulebookId}`.execute(db);
  const [rulebook] = rows;
  if (rulebook === undefined) throw new AppError('not_found', `There is no rulebook ${rulebookId}.`);
  return rulebook;
}

/** Stores a rulebook unless one of identical content is there; does not put it in force. */
export async function storeRulebook(
  trx: Transaction<DB>,
  content: RulebookContent,
  principal: Principal,
  at: Date,
): Promise<{ id: number; created: boolean }> {
  const text = canonicalJson(content);
  const digest = createHash('sha256').update(text).digest('hex');
  // Numbers come from max + 1, so that a transaction that is rolled back leaves no gap in what people count.
  await sql`select pg_advisory_xact_lock(${RULEBOOK_NUMBER_LOCK})`.execute(trx);
  const known = await sql<{ id: number }>`select id from rulebook where digest = ${digest}`.execute(trx);
  if (known.rows[0] !== undefined) return { id: known.rows[0].id, created: false };
  const { rows } = await sql<{ id: number }>`
    insert into rulebook (id, digest, content, created_at, created_by)
    select max(id) + 1, ${digest}, ${text}::jsonb, ${at.toISOString()}::timestamptz, ${principal.id} from rulebook
    returning id
  `.execute(trx);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('rulebook 0 is missing; the migrations insert it');
  await recordAudit(trx, {
    at,
    principal,
    action: 'store-rulebook',
    subjectKind: 'rulebook',
    subjectId: String(id),
    details: { digest, rules: content.rules.length, pods: content.pods.length },
  });
  return { id, created: true };
}

/**
 * API tokens: shown once, stored as a SHA-256 hash, always expiring. A token is 32 random bytes, so a fast hash is enough; its
 * id is part of it, so that finding it never compares secrets with anything but its own hash.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';

export const TOKEN_ROLES = ['finance', 'cio', 'pod', 'operator', 'reader', 'ingest'] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

export interface TokenRequest {
  /** Who will use it: an e-mail address, or a name for a machine. */
  readonly principal: string;
  readonly role: TokenRole;
  /** Required for role pod, refused for every other. */
  readonly pods: readonly string[];
  readonly expiresAt: Date;
}

export interface TokenSummary {
  readonly tokenId: string;
  readonly principal: string;
  readonly role: string;
  readonly pods: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly state: 'live' | 'expired' | 'revoked';
}

type TokenRow = Pick<
  Selectable<DB['api_token']>,
  'principal' | 'role' | 'pods' | 'secret_hash' | 'expires_at' | 'revoked_at'
> & { readonly figures_version: string };

const SECRET_BYTES = 32;
const LIFETIME_DAYS_MAX = 366;
const MS_PER_DAY = 86_400_000;

/**
 * Creates a token.
 * @returns its id and the token itself, which nobody can read again.
 * @throws AppError invalid_input for a pod token without pods, pods on another role, an unknown pod, or an expiry out of bounds.
 */
export async function createToken(
  trx: Transaction<DB>,
  request: TokenRequest,
  by: Principal,
  now: Date,
): Promise<{ tokenId: string; token: string }> {
  await checkRequest(trx, request, now);
  const tokenId = randomBytes(6).toString('hex');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  await trx
    .insertInto('api_token')
    .values({
      id: tokenId,
      principal: request.principal,
      role: request.role,
      pods: [...request.pods],
      secret_hash: hashOf(secret),
      created_at: now,
      expires_at: request.expiresAt,
    })
    .execute();
  await recordAudit(trx, {
    at: now,
    principal: by,
    action: 'create-token',
    subjectKind: 'api_token',
    subjectId: tokenId,
    details: {
      for: request.principal,
      role: request.role,
      pods: request.pods,
      expiresAt: request.expiresAt.toISOString(),
    },
  });
  return { tokenId, token: `ot_${tokenId}_${secret}` };
}

/** Every token, newest first; never its secret. */
export async function listTokens(db: Kysely<DB>, now: Date): Promise<TokenSummary[]> {
  const rows = await db.selectFrom('api_token').selectAll().orderBy('created_at', 'desc').orderBy('id').execute();
  return rows.map((row) => ({
    tokenId: row.id,
    principal: row.principal,
    role: row.role,
    pods: row.pods,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    revokedAt: row.revoked_at?.toISOString() ?? null,
    state: row.revoked_at !== null ? 'revoked' : row.expires_at <= now ? 'expired' : 'live',
  }));
}

/** Revokes a token at once. Revoking it again changes nothing. */
export async function revokeToken(trx: Transaction<DB>, tokenId: string, by: Principal, now: Date): Promise<void> {
  const token = await trx
    .selectFrom('api_token')
    .select(['id', 'revoked_at'])
    .where('id', '=', tokenId)
    .forUpdate()
    .executeTakeFirst();
  if (token === undefined) {
    throw new AppError('not_found', `There is no token ${tokenId}. "outturn tokens list" shows the ids.`);
  }
  if (token.revoked_at !== null) return;
  await trx.updateTable('api_token').set({ revoked_at: now }).where('id', '=', tokenId).execute();
  await recordAudit(trx, {
    at: now,
    principal: by,
    action: 'revoke-token',
    subjectKind: 'api_token',
    subjectId: tokenId,
  });
}

/** Who asks, and the counter of the figures (`raiseFiguresVersion`) at that moment, by which answers are remembered. */
export interface Caller {
  readonly principal: Principal;
  readonly figuresVersion: string;
}

/**
 * The principal of a bearer token. The database is asked each time, so that revoking works at once, and only once.
 * @throws AppError unauthenticated with one sentence for every reason, so that nothing is learnt by trying.
 */
export async function authenticate(db: Kysely<DB>, token: string, now: Date): Promise<Caller> {
  const match = /^ot_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/.exec(token);
  const row = match?.[1] === undefined ? undefined : await readToken(db, match[1]);
  const isRight =
    row !== undefined &&
    match?.[2] !== undefined &&
    timingSafeEqual(Buffer.from(row.secret_hash), Buffer.from(hashOf(match[2])));
  if (row === undefined || !isRight || row.revoked_at !== null || row.expires_at <= now) {
    throw new AppError(
      'unauthenticated',
      'The token is unknown, expired or revoked. Create one with "outturn tokens create --principal you@example.com --role reader" and send it as "Authorization: Bearer …".',
    );
  }
  const principal = { id: row.principal, role: row.role as TokenRole, pods: row.pods };
  return { principal, figuresVersion: row.figures_version };
}

async function readToken(db: Kysely<DB>, id: string): Promise<TokenRow | undefined> {
  const { rows } = await sql<TokenRow>`${PREPARED}
    select principal, role, pods, secret_hash, expires_at, revoked_at, figures_version::text as figures_version
    from api_token cross join organisation where id = ${id}
  `.execute(db);
  return rows[0];
}

/** Whether anybody could come in: a server beyond loopback needs it. */
export async function hasLiveToken(db: Kysely<DB>, now: Date): Promise<boolean> {
  const row = await db
    .selectFrom('api_token')
    .select(sql<number>`1`.as('one'))
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function checkRequest(trx: Transaction<DB>, request: TokenRequest, now: Date): Promise<void> {
  if (request.principal.trim() === '' || request.principal.length > 320) {
    throw new AppError('invalid_input', 'A token needs a principal: the e-mail address of who will use it.');
  }
  if (request.role === 'pod' && request.pods.length === 0) {
    throw new AppError('invalid_input', 'A token of role pod needs its pods: add --pod ID, once per pod.');
  }
  if (request.role !== 'pod' && request.pods.length > 0) {
    throw new AppError(
      'invalid_input',
      `Only role pod is bound to pods; a token of role ${request.role} sees all of them. Leave --pod out.`,
    );
  }
  const days = (request.expiresAt.getTime() - now.getTime()) / MS_PER_DAY;
  if (!(days > 0 && days <= LIFETIME_DAYS_MAX)) {
    throw new AppError(
      'invalid_input',
      `A token expires after today and within ${LIFETIME_DAYS_MAX} days; ${request.expiresAt.toISOString()} is not.`,
    );
  }
  if (request.pods.length === 0) return;
  const known = await trx
    .selectFrom('pod')
    .select('id')
    .where('id', 'in', [...request.pods])
    .execute();
  const unknown = request.pods.filter((pod) => !known.some(({ id }) => id === pod));
  if (unknown.length > 0) {
    throw new AppError(
      'invalid_input',
      `There is no pod ${unknown.map((pod) => `"${pod}"`).join(', ')}. "outturn report value-per-pod" lists the pods.`,
    );
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

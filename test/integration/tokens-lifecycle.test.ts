/** Tokens: shown once, stored as a hash, always expiring, revocable; refusals tell nothing and mistakes are named. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { authenticate, createToken, hasLiveToken, listTokens, revokeToken } from '../../services/access/tokens.ts';
import type { TokenRequest } from '../../services/access/tokens.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { test } from '../support/database.ts';

const NOW = new Date('2026-09-15T12:00:00Z');
const REQUEST: TokenRequest = {
  principal: 'grace@example.com',
  role: 'finance',
  pods: [],
  expiresAt: new Date('2026-10-15T00:00:00Z'),
};

describe('a token', () => {
  test('is the principal it was made for, and is nowhere in the database', async ({ trx }) => {
    const { tokenId, token } = await createToken(trx, REQUEST, localOperator, NOW);
    expect(token).toMatch(/^ot_[0-9a-f]{12}_[\w-]{43}$/);
    const { principal } = await authenticate(trx, token, NOW);
    expect(principal).toEqual({ id: 'grace@example.com', role: 'finance', pods: [] });
    const { rows } = await sql`select * from api_token, audit_event`.execute(trx);
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(token.slice(`ot_${tokenId}_`.length));
  });

  test('is refused in the same words whatever is wrong with it', async ({ trx }) => {
    const { tokenId, token } = await createToken(trx, REQUEST, localOperator, NOW);
    const revoked = await createToken(trx, REQUEST, localOperator, NOW);
    await revokeToken(trx, revoked.tokenId, localOperator, NOW);
    const wrong: [string, Date][] = [
      ['', NOW],
      ['nonsense', NOW],
      [`ot_${tokenId}_${'x'.repeat(43)}`, NOW],
      [`ot_000000000000_${token.slice(-43)}`, NOW],
      [`${token}x`, NOW],
      [token, REQUEST.expiresAt],
      [revoked.token, NOW],
    ];
    const messages = new Set<string>();
    for (const [text, at] of wrong) {
      const refusal = await authenticate(trx, text, at).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'unauthenticated' });
      messages.add((refusal as Error).message);
    }
    expect(messages.size).toBe(1);
  });

  test('is listed with its state; making and revoking leave audit events, revoking twice only one', async ({ trx }) => {
    const { tokenId } = await createToken(trx, REQUEST, localOperator, NOW);
    expect(await hasLiveToken(trx, NOW)).toBe(true);
    expect(await hasLiveToken(trx, REQUEST.expiresAt)).toBe(false);
    expect(await listTokens(trx, NOW)).toMatchObject([{ tokenId, state: 'live', revokedAt: null }]);
    expect(await listTokens(trx, REQUEST.expiresAt)).toMatchObject([{ state: 'expired' }]);
    await revokeToken(trx, tokenId, localOperator, NOW);
    await revokeToken(trx, tokenId, localOperator, NOW);
    expect(await listTokens(trx, NOW)).toMatchObject([{ state: 'revoked' }]);
    expect(await hasLiveToken(trx, NOW)).toBe(false);
    const { rows } = await sql<{ action: string }>`select action from audit_event order by id`.execute(trx);
    expect(rows.map((row) => row.action)).toEqual(['create-token', 'revoke-token']);
    await expect(revokeToken(trx, 'unknown', localOperator, NOW)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is not made for a pod without pods, for pods that nobody knows, or for ever', async ({ trx }) => {
    const refused: [Partial<TokenRequest>, string][] = [
      [{ role: 'pod' }, '--pod'],
      [{ role: 'pod', pods: ['nowhere'] }, 'nowhere'],
      [{ pods: ['checkout'] }, 'Leave --pod out'],
      [{ principal: ' ' }, 'principal'],
      [{ expiresAt: NOW }, 'expires'],
      [{ expiresAt: new Date('2028-01-01T00:00:00Z') }, '366 days'],
    ];
    for (const [change, word] of refused) {
      await expect(createToken(trx, { ...REQUEST, ...change }, localOperator, NOW), word).rejects.toMatchObject({
        code: 'invalid_input',
        message: expect.stringContaining(word),
      });
    }
    expect(await listTokens(trx, NOW)).toEqual([]);
  });
});

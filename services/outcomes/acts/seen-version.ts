/**
 * Whether somebody acts on what they read. Between reading an outcome and verifying, rejecting or agreeing to it, somebody else may have
 * changed it; who names the version that they read is told so, with what it was and what it is.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { AppError } from '../../kernel/errors.ts';
import type { ActedRow } from './outcome-act.ts';

interface VersionSeen {
  readonly version: number;
  readonly state: string;
  readonly amount: string | null;
  readonly currency: string | null;
  readonly contentDigest: string | null;
}

/**
 * Nothing is asked of who names no version. `of` content: what was done about it since, such as another agreement, is no change.
 * @throws AppError conflict where it changed since, not_found for a version that it never had.
 */
export async function requireSeen(
  trx: Transaction<DB>,
  row: ActedRow,
  version: number | undefined,
  of: 'record' | 'content' = 'record',
): Promise<void> {
  if (version === undefined || version === row.version) return;
  const { rows } = await sql<VersionSeen>`
    select version, state, content ->> 'amount' as amount, content ->> 'currency' as currency,
      content ->> 'contentDigest' as "contentDigest"
    from outcome_version where outcome_id = ${row.id}::bigint and version in (${version}::int, ${row.version}::int) order by version`.execute(
    trx,
  );
  const [seen, now] = rows;
  if (seen === undefined || now === undefined) {
    const message = `Outcome ${row.id} has no version ${version}; it is at version ${row.version}.`;
    throw new AppError('not_found', message);
  }
  if (of === 'content' && seen.contentDigest !== null && seen.contentDigest === now.contentDigest) return;
  const message = `Outcome ${row.id} changed since version ${version}: it was ${asSaid(seen)}; it is ${asSaid(now)} (version ${row.version}). Look at it again and name that version.`;
  throw new AppError('conflict', message, { details: { version: row.version, state: now.state, amount: now.amount } });
}

function asSaid({ state, amount, currency }: VersionSeen): string {
  const words = state.replaceAll('_', ' ');
  return amount === null ? words : `${words}, ${amount} ${currency ?? ''}`;
}

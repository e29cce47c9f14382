/**
 * What a source knows of its bills and their files do not say. A pay-as-you-go export of Azure names no currency: it is the source's
 * `currency`, or else the one the organisation reports in, which the load then says.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { DialectHint } from '../billing/dialects/dialect.ts';
import { recordOf } from './source-settings.ts';

/** Of the settings alone. */
export function hintOfSettings(settings: unknown): DialectHint {
  const { currency, dataset } = recordOf(settings);
  return {
    ...(typeof currency === 'string' ? { currency } : {}),
    ...(dataset === 'actual' || dataset === 'amortized' ? { dataset } : {}),
  };
}

/** Where nothing else says it: the currency the organisation reports in. */
export async function readDefaultHint(db: Kysely<DB>): Promise<DialectHint> {
  const { rows } = await sql<{ currency: string }>`select reporting_currency as currency from organisation`.execute(db);
  return rows[0] === undefined ? {} : { currency: rows[0].currency };
}

/** For files that a command names; of a source that is new, the default. */
export async function readSourceHint(db: Kysely<DB>, sourceId: string): Promise<DialectHint> {
  const source = await db.selectFrom('source').select('settings').where('id', '=', sourceId).executeTakeFirst();
  return { ...(await readDefaultHint(db)), ...hintOfSettings(source?.settings) };
}

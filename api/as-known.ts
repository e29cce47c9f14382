/** Reports as they were known at an instant, over HTTP: few at once, each bounded, and the caller's own right to them. */
import type { FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import type { DB } from '../db/schema.gen.ts';
import { type AsKnown, type KnownReport, reportAsKnown } from '../services/replay/replayed-reports.ts';
import { principalOf } from './authorisation.ts';
import type { ApiContext } from './context.ts';
import { createLimiter, type Limiter } from './limiter.ts';

/** No replay of a reader is worth more; the database stops its statement then. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A replay makes its figures anew: two at a time leave the reports of today their connections. */
const RUNNING_MAX = 2;
const WAITING_MAX = 10;

/** Reads a report over what was known then; `read` gets the instant to ask at, and may store what it needs for itself. */
export type ReadAsKnown = <Report extends object>(
  request: FastifyRequest,
  asked: KnownReport & { readonly asKnown: string },
  read: (db: Kysely<DB>, at: Date) => Promise<Report>,
) => Promise<AsKnown<Report>>;

/** All groups of routes over one database share its limit. */
const limits = new WeakMap<Kysely<DB>, Limiter>();

/** For a group of routes. */
export function createAsKnownReader({ db, clock }: Pick<ApiContext, 'db' | 'clock'>): ReadAsKnown {
  const limit = limits.get(db) ?? createLimiter(RUNNING_MAX, WAITING_MAX);
  limits.set(db, limit);
  return (request, asked, read) => {
    const caller = { principal: principalOf(request), now: clock.now(), statementTimeoutMs: STATEMENT_TIMEOUT_MS };
    return limit(() => reportAsKnown(db, { ...asked, ...caller }, read));
  };
}

/**
 * Lists come in pages: the body is the array, the next page's address stands in the Link header (rel="next") while there is one.
 * The cursor in it names the last row seen, not a position, so that rows added meanwhile shift nothing.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { AppError } from '../services/kernel/errors.ts';

export const PAGE_LIMIT_MAX = 1_000;
const PAGE_LIMIT_DEFAULT = 100;

/** The query parameters of every list. */
export const PAGE_QUERY = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: PAGE_LIMIT_MAX, default: PAGE_LIMIT_DEFAULT, description: 'Rows at most.' }),
  ),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 500, description: 'From the Link header of the page before; opaque.' }),
  ),
};

export interface PageRequest {
  readonly limit: number;
  /** The key of the last row of the page before. */
  readonly after: string | null;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The key of the last row, where more rows follow. */
  readonly lastKey: string | null;
}

const PAGE_PARAMETERS = Type.Object(PAGE_QUERY);
export type PageQuery = Static<typeof PAGE_PARAMETERS>;

/** @throws AppError invalid_input for a cursor that none of our pages gave out. */
export function readPageRequest(query: PageQuery): PageRequest {
  return { limit: query.limit ?? PAGE_LIMIT_DEFAULT, after: query.cursor === undefined ? null : decode(query.cursor) };
}

/** A page out of a list that is small enough to be had whole. */
export function cutPage<Row>(rows: readonly Row[], keyOf: (row: Row) => string, request: PageRequest): Page<Row> {
  let start = 0;
  if (request.after !== null) {
    start = rows.findIndex((row) => keyOf(row) === request.after) + 1;
    if (start === 0) throw invalidCursor();
  }
  return firstOf(rows.slice(start, start + request.limit + 1), keyOf, request.limit);
}

/** A page out of rows of which one more than `limit` was asked for. */
export function firstOf<Row>(rows: readonly Row[], keyOf: (row: Row) => string, limit: number): Page<Row> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown, lastKey: rows.length > limit && last !== undefined ? keyOf(last) : null };
}

/** Sets the Link header; the route returns the rows. */
export function linkNextPage(request: FastifyRequest, reply: FastifyReply, page: Page<unknown>): void {
  if (page.lastKey === null) return;
  const url = new URL(request.url, 'http://relative');
  url.searchParams.set('cursor', encode(page.lastKey));
  void reply.header('link', `<${url.pathname}${url.search}>; rel="next"`);
}

function encode(key: string): string {
  return Buffer.from(JSON.stringify([key])).toString('base64url');
}

function decode(cursor: string): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(value) && value.length === 1 && typeof value[0] === 'string') return value[0];
  } catch (cause) {
    throw invalidCursor(cause);
  }
  throw invalidCursor();
}

/** For keys that are row numbers. */
export function rowNumberOf(after: string | null): string | null {
  if (after !== null && !/^\d{1,18}$/.test(after)) throw invalidCursor();
  return after;
}

function invalidCursor(cause?: unknown): AppError {
  return new AppError(
    'invalid_input',
    'The cursor is not one that a page of this list gave out. Leave it out to start from the beginning.',
    { cause },
  );
}

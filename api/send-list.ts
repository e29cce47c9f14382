/** A list that is small enough to be had whole, as its route answers it: the page that was asked for, in the form that was asked for, with the way to the next. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ReportTable } from '../services/sheets/report-table.ts';
import { cutPage, linkNextPage, type PageQuery, readPageRequest } from './paging.ts';
import { sendPrinted } from './printed.ts';

type ListRequest = FastifyRequest & { readonly query: PageQuery };

interface SentList<Row> {
  readonly rows: readonly Row[];
  /** What tells a row from all others: the page's cursor. */
  readonly keyOf: (row: Row) => string;
  readonly toTable: (rows: readonly Row[]) => ReportTable;
}

/** @throws AppError invalid_input for a cursor that none of our pages gave out. */
export function sendList<Row>(request: ListRequest, reply: FastifyReply, list: SentList<Row>): Promise<FastifyReply> {
  const { rows, keyOf, toTable } = list;
  const page = cutPage(rows, keyOf, readPageRequest(request.query));
  linkNextPage(request, reply, page);
  return sendPrinted(request, reply, page.rows, toTable);
}

/**
 * What the statements of closed months say of their bills: the reconciliation in their documents, put together for a period of whole
 * months. A bill of several months stands in several documents; the last one's counts, and none where one of its months in the period is open.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { ClosedMonth, DateRange } from '../periods/closed-months.ts';
import type { ElsewhereRow, Reconciliation, ReconciliationRow } from './reconciliation.ts';

type Reconciled = Pick<Reconciliation, 'rows' | 'billedHereChargedElsewhere' | 'chargedHereBilledElsewhere'>;

/** What a document says of a bill, under the document's statement, and the bill's billing period. */
interface Stated<Row> {
  readonly row: Row;
  readonly bill: DateRange;
}

/** The bills of the period's closed months that touch none of its open days. */
export async function readClosedReconciliation(
  db: Kysely<DB>,
  period: DateRange,
  { closed, open }: { closed: readonly ClosedMonth[]; open: readonly DateRange[] },
): Promise<Reconciled> {
  const documents = await readDocuments(db, closed);
  const dates = await readBillingPeriods(db, documents);
  const stated = <Row extends ElsewhereRow | ReconciliationRow>(listOf: (document: Reconciled) => readonly Row[]) =>
    documents.flatMap(({ statementId, reconciled }) =>
      listOf(reconciled).flatMap((row): Stated<Row>[] => {
        const bill = dates.get(row.loadId);
        return bill === undefined ? [] : [{ row: { ...row, statementId }, bill }];
      }),
    );
  const isOpen = (bill: DateRange) => open.some((range) => bill.start < range.end && bill.end > range.start);
  const isBilledHere = (bill: DateRange) => bill.start < period.end && bill.end > period.start;
  const rows = stated((document) => document.rows).flatMap(({ row, bill }) => (isOpen(bill) ? [] : [row]));
  const last = new Map(rows.map((row) => [billOf(row), row.statementId]));
  const isLast = (row: ElsewhereRow | ReconciliationRow) => last.get(billOf(row)) === row.statementId;
  return {
    rows: rows.filter(isLast),
    billedHereChargedElsewhere: stated((document) => document.billedHereChargedElsewhere).flatMap(({ row }) =>
      isLast(row) && !liesInMonths(row.chargeMonth, period) ? [row] : [],
    ),
    chargedHereBilledElsewhere: stated((document) => document.chargedHereBilledElsewhere).flatMap(({ row, bill }) =>
      isBilledHere(bill) ? [] : [row],
    ),
  };
}

/** By month, ascending. */
async function readDocuments(
  db: Kysely<DB>,
  closed: readonly ClosedMonth[],
): Promise<{ statementId: string; reconciled: Reconciled }[]> {
  if (closed.length === 0) return [];
  const { rows } = await sql<{ id: number; reconciled: string }>`
    select id, (document::json -> 'reconciliation')::text as reconciled from statement
    where id = any(${closed.map((month) => month.statementId)}::integer[])
  `.execute(db);
  const byId = new Map(rows.map(({ id, reconciled }) => [id, JSON.parse(reconciled) as Reconciled]));
  return closed.flatMap(({ statementId }) => {
    const reconciled = byId.get(statementId);
    return reconciled === undefined ? [] : [{ statementId: String(statementId), reconciled }];
  });
}

async function readBillingPeriods(
  db: Kysely<DB>,
  documents: readonly { reconciled: Reconciled }[],
): Promise<ReadonlyMap<string, DateRange>> {
  const loadIds = new Set(
    documents.flatMap(({ reconciled }) =>
      [...reconciled.rows, ...reconciled.billedHereChargedElsewhere, ...reconciled.chargedHereBilledElsewhere].map(
        (row) => row.loadId,
      ),
    ),
  );
  const { rows } = await sql<{ id: string; start: IsoDate; end: IsoDate }>`
    select id::text as id, billing_period_start as start, billing_period_end as end from load
    where id = any(${[...loadIds]}::bigint[])
  `.execute(db);
  return new Map(rows.map(({ id, start, end }) => [id, { start, end }]));
}

function billOf({ sourceId, billingPeriod }: ElsewhereRow | ReconciliationRow): string {
  return JSON.stringify([sourceId, billingPeriod]);
}

function liesInMonths(chargeMonth: string, { start, end }: DateRange): boolean {
  const first = `${chargeMonth}-01`;
  return first >= start && first < end;
}

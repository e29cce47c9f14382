/** Journals as they were exported, from their rows alone: the same bytes every time. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { add, type Decimal, decimal, ZERO } from '../kernel/decimal.ts';
import { minorUnitPlaces } from '../invoices/invoice.ts';
import { roundParts } from '../kernel/round-parts.ts';
import type { Journal, JournalHead, JournalLine } from './journal.ts';

interface HeadRow {
  readonly id: number;
  readonly purpose: JournalHead['purpose'];
  readonly state: JournalHead['state'];
  readonly period_id: string;
  readonly period_start: string;
  readonly period_end: string;
  readonly cost_metric: JournalHead['costMetric'];
  readonly statement_id: number | null;
  readonly forced_reason: string | null;
  readonly reverses_id: number | null;
  readonly created_at: Date;
  readonly created_by: string;
}

interface LineRow extends Omit<JournalLine, 'costCentre' | 'pods' | 'adjustsStatementId' | 'amount'> {
  readonly ordinal: number;
  readonly cost_centre: string | null;
  readonly pod_ids: string[];
  readonly amount: Decimal;
  readonly adjusts_id: string | null;
}

/** The head of each journal, newest first: at most `limit` before the journal `before` (its id). */
export async function listJournals(
  db: Kysely<DB>,
  options: { periodId?: string; before: string | null; limit: number },
): Promise<JournalHead[]> {
  const { periodId = null, before, limit } = options;
  return readHeads(
    db,
    sql`where (${periodId}::text is null or period_id = ${periodId}) and (${before}::integer is null or id < ${before}::integer)
      order by id desc limit ${limit}`,
  );
}

/** One journal with its lines; null where there is none of this id. */
export async function readJournal(db: Kysely<DB>, journalId: number): Promise<Journal | null> {
  const [head] = await readHeads(db, sql`where id = ${journalId}`);
  if (head === undefined) return null;
  const { rows } = await sql<LineRow>`
    select ordinal, entity, currency, account, cost_centre, pod_ids, side, amount, adjusts_id::text as adjusts_id, text
    from journal_line where journal_id = ${journalId} order by ordinal
  `.execute(db);
  const lines = rows.map((row) => ({
    line: row.ordinal,
    entity: row.entity,
    currency: row.currency,
    account: row.account,
    costCentre: row.cost_centre,
    pods: row.pod_ids,
    side: row.side,
    amount: row.amount,
    adjustsStatementId: row.adjusts_id,
    text: row.text,
  }));
  return { ...head, lines, totals: totalsOf(lines) };
}

async function readHeads(db: Kysely<DB>, which: RawBuilder<unknown>): Promise<JournalHead[]> {
  const { rows } = await sql<HeadRow>`
    select id, purpose, state, period_id, period_start, period_end, cost_metric, statement_id, forced_reason, reverses_id, created_at,
      created_by
    from journal ${which}
  `.execute(db);
  return rows.map((row) => ({
    journalId: String(row.id),
    purpose: row.purpose,
    state: row.state,
    period: { id: row.period_id, start: row.period_start, end: row.period_end },
    costMetric: row.cost_metric,
    statementId: row.statement_id === null ? null : String(row.statement_id),
    forcedReason: row.forced_reason,
    reversesJournalId: row.reverses_id === null ? null : String(row.reverses_id),
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
  }));
}

function totalsOf(lines: readonly JournalLine[]): Journal['totals'] {
  const blocks = Map.groupBy(lines, (line) => JSON.stringify([line.entity, line.currency]));
  return [...blocks.values()].flatMap((block) => {
    const [first] = block;
    if (first === undefined) return [];
    const { entity, currency } = first;
    const places = minorUnitPlaces(currency);
    const sumOf = (side: JournalLine['side']) =>
      roundParts(
        [block.reduce((sum, line) => (line.side === side ? add(sum, decimal(line.amount)) : sum), ZERO)],
        places,
      ).total;
    return [{ entity, currency, debit: sumOf('debit'), credit: sumOf('credit') }];
  });
}

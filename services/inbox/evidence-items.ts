/** Evidence that broke under something that counts: its owner was asked, and finance says what becomes of it. No money has moved. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { InboxItem } from './list-inbox.ts';

interface BrokenRow {
  id: string;
  outcome_id: string;
  title: string;
  owner_email: string;
  broken_at: Date;
  broken_reason: string;
  amount: Decimal | null;
  currency: string | null;
}

export async function readEvidenceItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const { rows } = await sql<BrokenRow>`
    select evidence.id::text, outcome_id::text, outcome.title, owner_email, broken_at, broken_reason, amount, currency
    from outcome_evidence as evidence join outcome on outcome.id = evidence.outcome_id
    where broken_at is not null and mended_at is null
      and state in ('claimed', 'in_review', 'verified', 'partially_verified', 'review_due')
  `.execute(db);
  return rows.map((row) => ({
    kind: 'broken-evidence',
    id: row.id,
    scope: null,
    period: null,
    since: row.broken_at.toISOString(),
    amount: row.amount,
    currency: row.amount === null ? null : row.currency,
    amountOf: row.amount === null ? null : 'value',
    sentence:
      `The evidence of the outcome ${row.outcome_id} (${row.title}) does not hold any more: ${row.broken_reason}. Its value stands until ` +
      `${row.owner_email} or finance says otherwise.`,
    settle: [
      `outturn outcomes evidence mend ${row.outcome_id} ${row.id} --reason "…"`,
      `outturn outcomes retract ${row.outcome_id} --reason "…"`,
    ],
    calls: [
      `POST /api/v1/outcomes/${row.outcome_id}/evidence/${row.id}/mend`,
      `POST /api/v1/outcomes/${row.outcome_id}/retract`,
    ],
  }));
}

/** Outcomes in finance's inbox: possible duplicates to answer, claims that lack nothing but their verification, and reviews that are due. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import { COUNTED_STATES } from '../outcomes/outcome.ts';
import { readGates } from '../outcomes/gates/read-gates.ts';
import { missingForVerification } from '../outcomes/gates/verification-gates.ts';
import type { InboxItem } from './list-inbox.ts';

/** Of each kind, the oldest first: nobody settles more in a day, and the next stand there tomorrow. */
const ITEMS_MAX = 200;

interface OutcomeRow {
  readonly id: string;
  readonly title: string;
  readonly since: Date;
  readonly amount: Decimal | null;
  readonly currency: string | null;
}

export async function readOutcomeItems(db: Kysely<DB>, at: Date): Promise<InboxItem[]> {
  return [...(await readDuplicateItems(db)), ...(await readReadyItems(db)), ...(await readReviewItems(db, at))];
}

async function readDuplicateItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const { rows } = await sql<OutcomeRow & { other: string; other_title: string; reason: string }>`
    select one.id::text as id, one.title, other.id::text as other, other.title as other_title, reason, found_at as since,
      trim_scale(case when one.currency = other.currency then least(one.amount, other.amount) end) as amount, one.currency
    from outcome_duplicate as pair join outcome as one on one.id = pair.outcome_id join outcome as other on other.id = pair.other_id
    where answer is null and one.state = any (${[...COUNTED_STATES]}::text[]) and other.state = any (${[...COUNTED_STATES]}::text[])
    order by found_at, one.id, other.id limit ${ITEMS_MAX}`.execute(db);
  return rows.map((row) => ({
    ...itemOf('possible-duplicate', row),
    id: `${row.id}-${row.other}`,
    sentence: `The outcomes ${row.id} (${row.title}) and ${row.other} (${row.other_title}) may be one: ${row.reason}. Neither is verified until somebody answers.`,
    settle: [
      `outturn outcomes answer ${row.id} ${row.other} distinct --note "…"`,
      `outturn outcomes answer ${row.id} ${row.other} duplicate --note "…"`,
    ],
    calls: [`POST /api/v1/outcomes/${row.id}/answer-duplicate`],
  }));
}

async function readReadyItems(db: Kysely<DB>): Promise<InboxItem[]> {
  const { rows } = await sql<OutcomeRow>`
    select id::text as id, title, coalesce(claimed_at, recorded_at) as since, trim_scale(amount) as amount, currency from outcome
    where state in ('claimed', 'in_review') and exists (select from outcome_evidence where outcome_id = outcome.id)
    order by claimed_at, id limit ${ITEMS_MAX}`.execute(db);
  const gates = await readGates(
    db,
    rows.map(({ id }) => id),
  );
  const ready = rows.filter(({ id }) => {
    const gated = gates.get(id);
    return gated !== undefined && missingForVerification(gated).length === 0;
  });
  return ready.map((row) => ({
    ...itemOf('ready-claim', row),
    sentence: `The outcome ${row.id} (${row.title}) has all that its verification needs.`,
    settle: [`outturn outcomes verify ${row.id}`, `outturn outcomes reject ${row.id} --reason "…"`],
    calls: [`POST /api/v1/outcomes/${row.id}/verify`, `POST /api/v1/outcomes/${row.id}/reject`],
  }));
}

async function readReviewItems(db: Kysely<DB>, at: Date): Promise<InboxItem[]> {
  const { rows } = await sql<OutcomeRow>`
    select id::text as id, title, review_due_on::timestamp at time zone 'UTC' as since, trim_scale(amount) as amount, currency from outcome
    where state in ('verified', 'partially_verified') and review_due_on <= ${utcDate(at)}::date
    order by review_due_on, id limit ${ITEMS_MAX}`.execute(db);
  return rows.map((row) => {
    const since = utcDate(row.since);
    return {
      ...itemOf('review-due', row),
      since,
      sentence: `The outcome ${row.id} (${row.title}) counts as claimed from ${since} on, until it is measured again.`,
      settle: [
        `outturn outcomes verify ${row.id} --review-due-on …`,
        `outturn outcomes retract ${row.id} --reason "…"`,
      ],
      calls: [`POST /api/v1/outcomes/${row.id}/verify`, `POST /api/v1/outcomes/${row.id}/retract`],
    };
  });
}

function itemOf(kind: InboxItem['kind'], { id, since, amount, currency }: OutcomeRow) {
  const isMoney = amount !== null;
  return {
    kind,
    id,
    scope: null,
    period: null,
    since: since.toISOString(),
    amount,
    currency: isMoney ? currency : null,
    amountOf: isMoney ? ('value' as const) : null,
  };
}

/**
 * What the quarter asks somebody to decide, and nothing that nobody has to: alerts that are held, raises asked for, approvals beyond what a
 * portfolio has, rates that are missing, verified outcomes whose evidence broke, outcomes that may be one, claims that nobody has verified for 90 days.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { listInbox } from '../inbox/list-inbox.ts';
import { type Decimal, sum } from '../kernel/decimal.ts';

export const DECISION_KINDS = [
  'held-alert',
  'raise-request',
  'missing-rate',
  'beyond-headroom',
  'broken-evidence',
  'possible-duplicate',
  'old-claim',
] as const;
export type DecisionKind = (typeof DECISION_KINDS)[number];

export interface Decision {
  readonly kind: DecisionKind;
  readonly count: number;
  /** What is at stake, by currency; empty where it is no money. */
  readonly amounts: readonly { readonly currency: string; readonly amount: Decimal }[];
  /** Each in a sentence, the weightiest first, so many at most. */
  readonly items: readonly { readonly id: string; readonly sentence: string }[];
}

const ITEMS_MAX = 5;
const OLD_AFTER_DAYS = 90;

interface Asked {
  readonly id: string;
  readonly sentence: string;
  readonly amount: Decimal | null;
  readonly currency: string | null;
}

/** Kinds without anything to decide are left out. */
export async function readDecisions(db: Kysely<DB>, at: Date): Promise<Decision[]> {
  const inbox = await listInbox(db, { at });
  const duplicates = await readDuplicates(db);
  const claims = await readOldClaims(db, at);
  const broken = await readBrokenEvidence(db);
  return DECISION_KINDS.flatMap((kind) => {
    const asked: readonly Asked[] =
      kind === 'possible-duplicate'
        ? duplicates
        : kind === 'old-claim'
          ? claims
          : kind === 'broken-evidence'
            ? broken
            : inbox.filter((item) => item.kind === kind);
    if (asked.length === 0) return [];
    const items = asked.slice(0, ITEMS_MAX).map(({ id, sentence }) => ({ id, sentence }));
    return [{ kind, count: asked.length, amounts: sumByCurrency(asked), items }];
  });
}

async function readDuplicates(db: Kysely<DB>): Promise<Asked[]> {
  const { rows } = await sql<Asked>`
    select outcome.id::text as id, format('Outcome %s, %s, and outcome %s, %s, may be one: %s.', outcome.id, outcome.title, other.id,
        other.title, duplicate.reason) as sentence,
      trim_scale(case when outcome.currency = other.currency then least(outcome.amount, other.amount) end) as amount, outcome.currency
    from outcome_duplicate as duplicate
    join outcome on outcome.id = duplicate.outcome_id join outcome as other on other.id = duplicate.other_id
    where duplicate.answer is null and outcome.state not in ('rejected', 'retracted', 'superseded')
      and other.state not in ('rejected', 'retracted', 'superseded')
    order by amount desc nulls last, outcome.id, other.id
  `.execute(db);
  return rows;
}

/** Each outcome once, however much of its evidence broke. */
async function readBrokenEvidence(db: Kysely<DB>): Promise<Asked[]> {
  const { rows } = await sql<Asked>`
    select outcome.id::text as id, format('Outcome %s, %s, is verified by evidence that does not hold any more: %s.', outcome.id, outcome.title,
        string_agg(broken_reason, '; ' order by evidence.id)) as sentence, trim_scale(outcome.amount) as amount, outcome.currency
    from outcome_evidence as evidence join outcome on outcome.id = evidence.outcome_id
    where broken_at is not null and mended_at is null and outcome.state in ('verified', 'partially_verified')
    group by outcome.id order by outcome.amount desc nulls last, outcome.id
  `.execute(db);
  return rows;
}

async function readOldClaims(db: Kysely<DB>, at: Date): Promise<Asked[]> {
  const { rows } = await sql<Asked>`
    select id::text as id, format('Outcome %s, %s, has been claimed since %s and is not verified.', id, title,
        to_char(claimed_at at time zone 'UTC', 'YYYY-MM-DD')) as sentence, trim_scale(amount) as amount, currency
    from outcome where state in ('claimed', 'in_review') and claimed_at < ${at.toISOString()}::timestamptz - make_interval(days => ${OLD_AFTER_DAYS})
    order by amount desc nulls last, id
  `.execute(db);
  return rows;
}

function sumByCurrency(asked: readonly Asked[]): { currency: string; amount: Decimal }[] {
  const money = asked.flatMap(({ amount, currency }) =>
    amount === null || currency === null ? [] : [{ amount, currency }],
  );
  return [...Map.groupBy(money, ({ currency }) => currency)]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([currency, group]) => ({ currency, amount: sum(group.map(({ amount }) => amount)) }));
}

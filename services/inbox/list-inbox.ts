/**
 * What waits for finance, in one list: each thing in a sentence, since when, with the money at stake and the command that settles it. What keeps
 * somebody from hearing stands first, then what waits for a decision, then what costs. Operators see the part that is theirs.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { compare, type Decimal } from '../kernel/decimal.ts';
import type { Principal } from '../kernel/ports.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { readEvidenceItems } from './evidence-items.ts';
import { readEventItems } from './event-items.ts';
import { readDeliveryItems, readHeldItems, readLateItems } from './message-items.ts';
import { readDriftItems, readHeadroomItems, readOutsideItems, readRateItems } from './money-items.ts';
import { readOutcomeItems } from './outcome-items.ts';
import { readPastRaiseItems, readRaiseItems } from './raise-items.ts';

/** In the order in which they are listed. */
export const INBOX_KINDS = [
  'failed-delivery',
  'unknown-delivery',
  'held-alert',
  'raise-request',
  'raise-past',
  'broken-evidence',
  'possible-duplicate',
  'ready-claim',
  'review-due',
  'missing-rate',
  'late-source',
  'failed-events',
  'unmapped-events',
  'beyond-headroom',
  'drift',
  'spend-outside',
] as const;
export type InboxKind = (typeof INBOX_KINDS)[number];

export interface InboxItem {
  readonly kind: InboxKind;
  /** Of what it is about: a message, an alert, a request, an envelope, a source, a pod, evidence, an outcome or two, or what events name. */
  readonly id: string;
  readonly scope: EnvelopeScope | null;
  readonly period: string | null;
  /** RFC 3339, or a date where the day is what counts. */
  readonly since: string | null;
  readonly amount: Decimal | null;
  readonly currency: string | null;
  /** What the amount is. */
  readonly amountOf: 'actual' | 'raise' | 'per month' | 'beyond' | 'spent' | 'value' | null;
  readonly sentence: string;
  /** Commands of which each settles it, the usual one first. */
  readonly settle: readonly string[];
  /** The same over HTTP. */
  readonly calls: readonly string[];
}

/** What an operator settles: deliveries, sources and events. */
const OPERATORS_KINDS: readonly InboxKind[] = [
  'failed-delivery',
  'unknown-delivery',
  'late-source',
  'failed-events',
  'unmapped-events',
];

/** The list as a principal sees it: of an operator's token only deliveries and sources. */
export async function listInbox(db: Kysely<DB>, options: { at: Date; role?: Principal['role'] }): Promise<InboxItem[]> {
  const { at, role = 'finance' } = options;
  const operating = [await readDeliveryItems(db), await readLateItems(db), await readEventItems(db)];
  const parts =
    role === 'operator'
      ? operating
      : [
          ...operating,
          await readHeldItems(db),
          await readRaiseItems(db, at),
          await readPastRaiseItems(db, at),
          await readEvidenceItems(db),
          await readOutcomeItems(db, at),
          await readRateItems(db),
          await readHeadroomItems(db, at),
          await readDriftItems(db),
          await readOutsideItems(db, at),
        ];
  const items = parts.flat();
  return (role === 'operator' ? items.filter(({ kind }) => OPERATORS_KINDS.includes(kind)) : items).toSorted(byWeight);
}

/** Sums of different currencies are not compared: each currency by itself, the largest first. */
function byWeight(left: InboxItem, right: InboxItem): number {
  const byKind = INBOX_KINDS.indexOf(left.kind) - INBOX_KINDS.indexOf(right.kind);
  if (byKind !== 0) return byKind;
  const byCurrency = order(left.currency ?? '~', right.currency ?? '~');
  if (byCurrency !== 0) return byCurrency;
  if (left.amount !== null && right.amount !== null && left.amount !== right.amount) {
    return compare(right.amount, left.amount);
  }
  return order(left.since ?? '~', right.since ?? '~') || order(left.id, right.id);
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

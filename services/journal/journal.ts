/**
 * A journal: the cost of one month as balanced lines for the ledger, by billing account (the entity), currency and cost centre. Amounts have the
 * currency's own decimals and add up to the rounded cost of the month; debits equal credits. An exported journal never changes.
 */
import type { CostMetric } from '../attribution/rulebook.ts';
import type { IsoDate } from '../kernel/period.ts';

/** chargeback is booked; showback tells cost centres what they would bear. */
export type JournalPurpose = 'chargeback' | 'showback';
export const JOURNAL_PURPOSES = ['chargeback', 'showback'] as const satisfies readonly JournalPurpose[];

/** Where the ledger puts what, by the organisation file's `journal`. */
export interface JournalAccounts {
  /** Cost of pods with a cost centre. */
  readonly expense: string;
  /** Cost of pods without one. */
  readonly unassigned: string;
  /** Cost of no pod. */
  readonly unattributed: string;
  /** Where the providers' invoices were booked: the other side of every journal. */
  readonly clearing: string;
}

export interface JournalLine {
  /** The billing account the invoice is to; null where the bill names none. */
  readonly entity: string | null;
  readonly currency: string;
  readonly account: string;
  readonly costCentre: string | null;
  readonly pods: readonly string[];
  readonly side: 'debit' | 'credit';
  /** Above zero, with the currency's decimals: "12.30". */
  readonly amount: string;
  /** Of a prior-period adjustment: the statement it corrects. */
  readonly adjustsStatementId: string | null;
  readonly text: string;
}

export interface JournalHead {
  readonly journalId: string;
  readonly purpose: JournalPurpose;
  /** final: of an approved statement; preliminary: the month was open. */
  readonly state: 'final' | 'preliminary';
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate };
  readonly costMetric: CostMetric;
  readonly statementId: string | null;
  readonly forcedReason: string | null;
  readonly reversesJournalId: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
}

export interface Journal extends JournalHead {
  readonly lines: readonly (JournalLine & { readonly line: number })[];
  /** Per entity and currency: debits and credits, which are equal. */
  readonly totals: readonly {
    readonly entity: string | null;
    readonly currency: string;
    readonly debit: string;
    readonly credit: string;
  }[];
}

/** What the command line prints and the API answers. */
export interface JournalExport {
  readonly journals: readonly Journal[];
}

/**
 * The organisation file after validation: the shape of outturn.yaml with every default filled in. Lists keep the file's order.
 */
import type { CostMetric, Dated, Rule } from '../attribution/rulebook.ts';
import type { ScopeKind } from '../kernel/inbound-event.ts';
import type { FiscalCalendar, IsoDate } from '../kernel/period.ts';

export interface Reporting extends FiscalCalendar {
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly timeZone: string;
  readonly holidays: readonly IsoDate[];
  readonly revenueBasis: 'margin' | 'gross';
}

export interface FxSettings {
  /** Paths relative to the organisation file. */
  readonly files: readonly string[];
  readonly policy: 'daily' | 'month-average';
  readonly carryDays: number;
}

/** Accounts of the ledger that journals name; those that are absent keep their default names. */
export interface JournalSettings {
  readonly expenseAccount?: string;
  readonly unassignedAccount?: string;
  readonly unattributedAccount?: string;
  readonly clearingAccount?: string;
}

/** What uploaded files may hold, all of them and those of one name in a day; what is absent keeps its default. */
export interface EvidenceSettings {
  readonly bytesMax?: number;
  readonly bytesPerDayMax?: number;
}

export interface PortfolioEntry {
  readonly id: string;
  readonly name: string;
  readonly owner?: string;
  readonly financePartner?: string;
  /** A raise of one of its pods up to this sum, inside its headroom, is granted at once in the finance partner's name. */
  readonly delegatedRaise?: { readonly limit: string; readonly currency: string };
  readonly slackChannel?: string;
  /** Instead of it: a channel of any kind. */
  readonly channel?: string;
}

export interface PatternEntry {
  readonly id: string;
  readonly name: string;
  readonly approvedBy: readonly string[];
  readonly envelope?: {
    readonly every: 'month' | 'quarter' | 'year';
    readonly limit: string;
    readonly currency: string;
  };
  readonly timeToProductiveTarget?: string;
}

export interface PodEntry {
  readonly id: string;
  readonly name: string;
  readonly kind: 'delivery' | 'platform' | 'central';
  readonly portfolio: readonly Dated<string>[];
  readonly owner: readonly Dated<string>[];
  readonly costCentre: readonly Dated<string>[];
  readonly financePartner?: string;
  readonly slackChannel?: string;
  /** Instead of it: a channel of any kind. */
  readonly channel?: string;
  readonly activeFrom?: IsoDate;
  readonly activeUntil?: IsoDate;
  readonly succeededBy: readonly { readonly pod: string; readonly basisPoints: number }[];
  readonly activations: readonly { readonly pattern: string; readonly on: IsoDate }[];
  readonly aliases: readonly string[];
}

export type EnvelopeScope =
  | { readonly kind: 'pod'; readonly id: string }
  | { readonly kind: 'portfolio'; readonly id: string }
  | { readonly kind: 'organisation'; readonly id: null }
  | { readonly kind: 'unattributed'; readonly id: null };

export interface EnvelopeEntry {
  readonly scope: EnvelopeScope;
  /** A period's name as in the contract. */
  readonly period: string;
  /** A decimal string above zero. */
  readonly limit: string;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly counts: 'controlled' | 'loaded';
  /** Decimal strings, ascending, `"1"` among them. */
  readonly rungs: readonly string[];
  readonly approvedBy?: string;
  readonly approvedAt?: IsoDate;
  readonly approval?: string;
}

/** Whose the events of a repository, project, team, service or source are, from a day on; nobody's where they are ignored. */
export interface MappingEntry {
  readonly scopeKind: ScopeKind;
  /** As written; compared without case. */
  readonly scopeName: string;
  readonly pod?: string;
  /** Why nobody counts them. */
  readonly ignored?: string;
  readonly from?: IsoDate;
  readonly until?: IsoDate;
}

/** Finished tickets that are candidates for outcomes: exactly one of label and issueType. */
export interface CandidateEntry {
  readonly scopeKind?: ScopeKind;
  readonly scopeName?: string;
  readonly label?: string;
  readonly issueType?: string;
}

/** Of which sources a sender of events may speak; one ends with * where it stands for all that begin so. */
export interface SenderEntry {
  readonly sender: string;
  readonly sources: readonly string[];
}

export interface IntakeEntry {
  readonly mappings: readonly MappingEntry[];
  readonly candidates: readonly CandidateEntry[];
  /** Senders of events that are bound to sources. */
  readonly senders: readonly SenderEntry[];
  /** Organisations and repositories of GitHub whose failed deliveries are looked for. */
  readonly sweep: readonly string[];
}

export interface SourceEntry {
  readonly id: string;
  readonly kind: string;
  /** ISO 8601 durations. */
  readonly expectEvery?: string;
  readonly settleAfter?: string;
  /** The other keys of its kind, unread here. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Organisation {
  readonly name: string;
  readonly reporting: Reporting;
  readonly fx: FxSettings;
  readonly channels: { readonly finance?: string; readonly operators?: string };
  readonly journal?: JournalSettings;
  readonly evidence?: EvidenceSettings;
  readonly tags: { readonly fold: boolean; readonly keys: Readonly<Record<string, readonly string[]>> };
  readonly portfolios: readonly PortfolioEntry[];
  readonly patterns: readonly PatternEntry[];
  readonly pods: readonly PodEntry[];
  readonly envelopes: readonly EnvelopeEntry[];
  readonly sources: readonly SourceEntry[];
  /** Absent where the file does not speak of it. */
  readonly intake?: IntakeEntry;
  readonly rules: readonly Rule[];
}

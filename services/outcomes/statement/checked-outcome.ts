/** What checking a statement works with and gives: the facts it is checked against, the faults by field, the checked statement. */
import type { Principal } from '../../kernel/ports.ts';
import type { EvidenceLink, OutcomeContent, StatedState } from '../outcome.ts';
import type { OutcomeField } from './raw-outcome.ts';

export interface FieldFault {
  readonly field: OutcomeField;
  readonly reason: string;
  readonly fix: string;
  /** Which share the fault is in. */
  readonly shareIndex?: number;
}

export interface OutcomeContext {
  readonly principal: Principal;
  /** Known pods and their owners. */
  readonly pods: ReadonlyMap<string, { readonly ownerEmail: string | null }>;
  /** The unit of each type, stored ones and those of statements checked before. */
  readonly typeUnits: Map<string, string>;
  /** The pods that a person belongs to, as owner or by a token, by mailbox. */
  readonly podsOf: ReadonlyMap<string, readonly string[]>;
  /** The currency of each pool. */
  readonly poolCurrencies: ReadonlyMap<string, string>;
}

export interface CheckedOutcome {
  readonly content: OutcomeContent;
  readonly state: StatedState;
  readonly verifiedBy: string | null;
  readonly evidence: readonly EvidenceLink[];
  readonly statedPods: readonly string[];
  readonly agreements: readonly { readonly podId: string; readonly agreedBy: string }[];
  readonly notes: readonly string[];
}

export type Report = (field: OutcomeField, reason: string, fix: string, shareIndex?: number) => void;

/**
 * Every advisory lock of the product in one list, so that no two ideas share a number. The ones named _CLASS take a second key.
 * Within one transaction they are taken in the order given here; so nobody waits in a circle.
 */

/** One apply of the organisation file at a time. */
export const APPLY_LOCK = 7_208;
/** While a rulebook gets its number. */
export const RULEBOOK_NUMBER_LOCK = 7_202;
/** Shared by publishers: the rulebook in force stays; activation takes it alone. */
export const RULEBOOK_IN_FORCE_LOCK = 7_203;
/** Registering deliveries, by source. */
export const DELIVERY_LOCK_CLASS = 7_210;
/** Which load of a source's billing period is current. */
export const BILLING_PERIOD_LOCK_CLASS = 7_204;
/** Whoever writes quantities of usage metrics. */
export const USAGE_QUANTITY_LOCK = 7_215;
/** Figures of a charge month; ascending. */
export const CHARGE_MONTH_LOCK_CLASS = 7_205;
/** Whoever writes outcomes. */
export const OUTCOME_WRITERS_LOCK = 7_209;
/** Evaluating or changing envelopes. */
export const ENVELOPE_LOCK = 7_206;
/** Looking for drift, and for sources that are late. */
export const DRIFT_LOCK = 7_219;
/** Keeping the adjustments that no statement has booked yet. */
export const OPEN_ADJUSTMENT_LOCK = 7_214;
/** Whoever states invoices. */
export const INVOICE_WRITERS_LOCK = 7_217;
/** Exporting and reversing journals. */
export const JOURNAL_LOCK = 7_216;
/** Claiming a message of the outbox. */
export const CLAIM_LOCK = 7_207;
/** Appending to the audit trail: always last. */
export const AUDIT_CHAIN_LOCK = 7_201;
/** Held by a session, outside transactions: a command works on this load. */
export const LOAD_LOCK_CLASS = 7_211;
/** Held by a session, outside transactions: this source is being looked at. */
export const SOURCE_RUN_LOCK_CLASS = 7_218;

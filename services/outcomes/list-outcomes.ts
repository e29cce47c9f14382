/** Outcomes as stored, newest first, page by page: the answer of GET /outcomes. Money is exact text. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { utcDate } from '../kernel/period.ts';
import type { Basis, OutcomeContent } from './outcome.ts';

export interface OutcomeView {
  readonly outcomeId: string;
  readonly version: number;
  readonly state: string;
  readonly title: string;
  readonly outcomeType: string | null;
  readonly unit: string | null;
  readonly quantity: string | null;
  readonly basis: Basis;
  readonly grossOrMargin: 'gross' | 'margin' | null;
  readonly amount: string | null;
  readonly amountLow: string | null;
  readonly amountHigh: string | null;
  readonly currency: string | null;
  readonly deliveredOn: string;
  readonly recordedAt: string;
  readonly ownerEmail: string;
  readonly baseline: string | null;
  readonly evidenceUrl: string | null;
  readonly claimedBy: string;
  readonly verifiedBy: string | null;
  readonly verifiedAt: string | null;
  readonly workbook: string | null;
  readonly sourceRowId: string | null;
  readonly shares: readonly {
    readonly pod: string;
    readonly basisPoints: number;
    readonly agreedBy: string | null;
    readonly agreedAt: string | null;
  }[];
  readonly unattributedBasisPoints: number;
  readonly schedule: readonly {
    readonly ordinal: number;
    readonly from: string;
    readonly until: string;
    readonly amount: string;
    readonly verdict: 'open' | 'verified' | 'rejected';
    readonly verifiedAmount: string | null;
  }[];
  readonly references: readonly { readonly system: string; readonly key: string; readonly url: string | null }[];
  readonly effect: OutcomeContent['effect'];
  readonly baselineMeasure: OutcomeContent['baselineMeasure'];
  readonly isOwnBillBaseline: boolean | null;
  readonly confidence: OutcomeContent['confidence'];
  readonly pool: string | null;
  readonly reviewDueOn: string | null;
  readonly enabledBy: readonly string[];
  /** The first time somebody claimed it; null for a candidate. */
  readonly claimedAt: string | null;
  /** Why it is in its state, where somebody said so. */
  readonly stateReason: string | null;
  readonly supersededBy: string | null;
  /** How many pieces of evidence it has, and how many of them are broken. */
  readonly evidenceCount: number;
  readonly brokenEvidenceCount: number;
}

export interface OutcomePage {
  readonly outcomes: readonly OutcomeView[];
  /** Pass it as `after` for the next page; null on the last. */
  readonly next: string | null;
}

export const OUTCOMES_PER_PAGE_MAX = 1_000;

/**
 * One page. `after` is the `next` of the page before.
 * @throws AppError invalid_input for a limit beyond OUTCOMES_PER_PAGE_MAX or an `after` that no page gave.
 */
export async function listOutcomes(
  db: Kysely<DB>,
  options: {
    state?: string;
    podId?: string;
    outcomeId?: string;
    limit: number;
    after?: string;
    /** By then a review may be due; without it states are shown as stored. */
    at?: Date;
  },
): Promise<OutcomePage> {
  checkPage(options);
  const shown = shownState(options.at);
  const { rows } = await sql<{ view: OutcomeView }>`
    select jsonb_build_object(
      'outcomeId', outcome.id::text, 'version', version, 'state', ${shown}, 'title', title, 'outcomeType', outcome_type, 'unit', unit,
      'quantity', trim_scale(quantity)::text, 'basis', basis, 'grossOrMargin', gross_or_margin,
      'amount', trim_scale(amount)::text, 'amountLow', trim_scale(amount_low)::text, 'amountHigh', trim_scale(amount_high)::text,
      'currency', currency, 'deliveredOn', delivered_on, 'recordedAt', ${instant('recorded_at')}, 'ownerEmail', owner_email,
      'baseline', baseline, 'evidenceUrl', evidence_url, 'claimedBy', claimed_by, 'verifiedBy', verified_by,
      'verifiedAt', ${instant('verified_at')}, 'workbook', workbook, 'sourceRowId', source_row_id,
      'unattributedBasisPoints', unattributed_basis_points,
      'shares', (select coalesce(jsonb_agg(jsonb_build_object('pod', pod_id, 'basisPoints', basis_points,
        'agreedBy', agreed_by, 'agreedAt', ${instant('agreed_at')}) order by pod_id), '[]')
        from outcome_share where outcome_id = outcome.id),
      'schedule', (select coalesce(jsonb_agg(jsonb_build_object('ordinal', ordinal, 'from', recognised_from,
        'until', recognised_until, 'amount', trim_scale(outcome_schedule.amount)::text, 'verdict', verdict,
        'verifiedAmount', trim_scale(verified_amount)::text) order by ordinal), '[]') from outcome_schedule where outcome_id = outcome.id),
      'references', (select coalesce(jsonb_agg(jsonb_build_object('system', system, 'key', key, 'url', url) order by system, key), '[]')
        from outcome_reference where outcome_id = outcome.id),
      'effect', effect, 'baselineMeasure', case when baseline_value is not null then jsonb_build_object(
        'value', trim_scale(baseline_value)::text, 'from', baseline_from, 'until', baseline_until, 'source', baseline_source,
        'method', baseline_method) end, 'isOwnBillBaseline', is_own_bill_baseline,
      'confidence', case when confidence is not null then jsonb_build_object('grade', confidence, 'reason', confidence_reason) end,
      'pool', pool_id, 'reviewDueOn', review_due_on, 'claimedAt', ${instant('claimed_at')}, 'stateReason', state_reason,
      'supersededBy', superseded_by::text,
      'enabledBy', (select coalesce(jsonb_agg(pod_id order by pod_id), '[]') from outcome_enabler where outcome_id = outcome.id),
      'evidenceCount', (select count(*) from outcome_evidence where outcome_id = outcome.id),
      'brokenEvidenceCount', (select count(*) from outcome_evidence
        where outcome_id = outcome.id and broken_at is not null and mended_at is null)
    ) as view
    from outcome
    where (${options.state ?? null}::text is null or ${shown} = ${options.state ?? null})
      and (${options.outcomeId ?? null}::bigint is null or id = ${options.outcomeId ?? null})
      and (${options.after ?? null}::bigint is null or id < ${options.after ?? null}::bigint)
      and (${options.podId ?? null}::text is null
        or exists (select from outcome_share where outcome_id = outcome.id and pod_id = ${options.podId ?? null}))
    order by outcome.id desc limit ${options.limit + 1}
  `.execute(db);
  const outcomes = rows.slice(0, options.limit).map((row) => row.view);
  return { outcomes, next: rows.length > options.limit ? (outcomes.at(-1)?.outcomeId ?? null) : null };
}

/** @throws AppError invalid_input for a limit beyond OUTCOMES_PER_PAGE_MAX or an `after` that no page gave. */
export function checkPage({ limit, after }: { limit: number; after?: string }): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > OUTCOMES_PER_PAGE_MAX) {
    throw new AppError('invalid_input', `The limit ${limit} is not from 1 to ${OUTCOMES_PER_PAGE_MAX}.`);
  }
  if (after !== undefined && !/^\d{1,18}$/.test(after)) {
    throw new AppError('invalid_input', `"${after}" is not the cursor of a page. Pass the "next" of the page before.`);
  }
}

/** A verified outcome whose review is due says so; nothing of it is stored, because no figure needs it. */
export function shownState(at: Date | undefined): RawBuilder<string> {
  if (at === undefined) return sql`state`;
  return sql`case when state in ('verified', 'partially_verified') and review_due_on <= ${utcDate(at)}::date then 'review_due' else state end`;
}

function instant(column: 'recorded_at' | 'verified_at' | 'claimed_at' | 'agreed_at') {
  return sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
}

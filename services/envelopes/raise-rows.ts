/** Raises as rows: listed with where they stand, read for a decision, filed and decided. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { isSamePerson } from './approvers.ts';
import { toScope } from './envelope-versions.ts';
import type { Via } from './grant-version.ts';
import { joinScopePeople } from './scope-people.ts';

export const RAISE_STATES = ['pending', 'granted', 'refused'] as const;
export type RaiseState = (typeof RAISE_STATES)[number];

export interface RaiseRequest {
  readonly requestId: string;
  readonly envelopeId: string;
  readonly scope: EnvelopeScope;
  readonly period: string;
  /** The limit that stands now. */
  readonly presentLimit: Decimal;
  /** The limit asked for. */
  readonly limit: Decimal;
  readonly currency: string;
  readonly until: IsoDate | null;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedVia: Via;
  readonly requestedAt: string;
  readonly state: RaiseState;
  /** Granted at once within what the portfolio delegates. */
  readonly isDelegated: boolean;
  readonly decidedBy: string | null;
  readonly decidedVia: Via | null;
  readonly decidedAt: string | null;
  readonly decisionReason: string | null;
  /** The version that has the limit. */
  readonly version: number | null;
  /** Who may decide, while it waits; none named: anybody of role finance but who asked. */
  readonly approvers: readonly string[];
}

/** Raises, the newest first: all, those in a state, of an envelope, or one. Approvers are those of the day `at`, else of the last applied file. */
export async function listRaiseRequests(
  db: Kysely<DB>,
  options: { state?: RaiseState; envelopeId?: string; requestId?: string; at?: Date } = {},
): Promise<RaiseRequest[]> {
  const { state = null, envelopeId = null, requestId = null, at = null } = options;
  const { rows } = await sql<RaiseRow>`
    select raise_request.id, envelope_id, scope_kind, scope_id, period_id,
      (select trim_scale(envelope_version.envelope_limit) from envelope_version
        where envelope_version.envelope_id = raise_request.envelope_id order by version desc limit 1) as present_limit,
      trim_scale(raise_request.envelope_limit) as envelope_limit, currency, needed_until, reason, requested_by, requested_via,
      requested_at, state, is_delegated, decided_by, decided_via, decided_at, decision_reason, granted_version,
      array_remove(array[pod_people.finance_partner_email, portfolio_people.finance_partner_email], null) as partners
    from raise_request
    join envelope on envelope.id = envelope_id
    ${joinScopePeople({ kind: sql`scope_kind`, id: sql`scope_id`, at })}
    where (${state}::text is null or state = ${state}::text)
      and (${envelopeId}::text is null or envelope_id::text = ${envelopeId}::text)
      and (${requestId}::text is null or raise_request.id::text = ${requestId}::text)
    order by requested_at desc, raise_request.id
  `.execute(db);
  return rows.map(toRequest);
}

export interface RaiseDraft {
  readonly envelopeId: string;
  readonly askedVersion: number;
  readonly limit: Decimal;
  readonly currency: string;
  readonly until: IsoDate | null;
  readonly reason: string;
  readonly requestedBy: string;
  readonly via: Via;
  readonly at: Date;
}

/** Files a request that waits; answers its id. */
export async function insertRaise(trx: Transaction<DB>, draft: RaiseDraft): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into raise_request (envelope_id, asked_version, envelope_limit, currency, needed_until, reason, requested_by, requested_via,
      requested_at, state)
    values (${draft.envelopeId}::bigint, ${draft.askedVersion}, ${draft.limit}::numeric, ${draft.currency}, ${draft.until}::date,
      ${draft.reason}, ${draft.requestedBy}, ${draft.via}, ${draft.at.toISOString()}, 'pending')
    returning id
  `.execute(trx);
  const [row] = rows;
  if (row === undefined) throw new Error('an inserted request has an id');
  return row.id;
}

/** Writes a decision down. */
export async function storeDecision(
  trx: Transaction<DB>,
  decision: {
    readonly requestId: string;
    readonly state: 'granted' | 'refused';
    readonly by: string;
    readonly via: Via;
    readonly at: Date;
    readonly reason: string | null;
    readonly version: number | null;
    readonly isDelegated: boolean;
  },
): Promise<void> {
  await sql`
    update raise_request set state = ${decision.state}, decided_by = ${decision.by}, decided_via = ${decision.via},
      decided_at = ${decision.at.toISOString()}, decision_reason = ${decision.reason}, granted_version = ${decision.version},
      is_delegated = ${decision.isDelegated}
    where id = ${decision.requestId}::uuid and state = 'pending'
  `.execute(trx);
}

interface RaiseRow {
  id: string;
  envelope_id: string;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  period_id: string;
  present_limit: Decimal;
  envelope_limit: Decimal;
  currency: string;
  needed_until: IsoDate | null;
  reason: string;
  requested_by: string;
  requested_via: Via;
  requested_at: Date;
  state: RaiseState;
  is_delegated: boolean;
  decided_by: string | null;
  decided_via: Via | null;
  decided_at: Date | null;
  decision_reason: string | null;
  granted_version: number | null;
  partners: string[];
}

function toRequest(row: RaiseRow): RaiseRequest {
  const partners = row.partners.filter((partner) => !isSamePerson(partner, row.requested_by));
  return {
    requestId: row.id,
    envelopeId: row.envelope_id,
    scope: toScope(row.scope_kind, row.scope_id),
    period: row.period_id,
    presentLimit: row.present_limit,
    limit: row.envelope_limit,
    currency: row.currency,
    until: row.needed_until,
    reason: row.reason,
    requestedBy: row.requested_by,
    requestedVia: row.requested_via,
    requestedAt: row.requested_at.toISOString(),
    state: row.state,
    isDelegated: row.is_delegated,
    decidedBy: row.decided_by,
    decidedVia: row.decided_via,
    decidedAt: row.decided_at?.toISOString() ?? null,
    decisionReason: row.decision_reason,
    version: row.granted_version,
    approvers: row.state === 'pending' ? [...new Set(partners)] : [],
  };
}
